// A doubly linked list through the tenants themselves, oldest to newest: O(1) and nothing allocated per tenant.

interface Link<T> {
  older: T | undefined;
  newer: T | undefined;
}

export class Chain<T extends Link<T>> {
  newest: T | undefined = undefined;
  oldest: T | undefined = undefined;

  append(link: T): void {
    link.newer = undefined;
    link.older = this.newest;
    if (this.newest === undefined) this.oldest = link;
    else this.newest.newer = link;
    this.newest = link;
  }

  remove(link: T): void {
    if (link.newer === undefined) this.newest = link.older;
    else link.newer.older = link.older;
    if (link.older === undefined) this.oldest = link.newer;
    else link.older.newer = link.newer;
    link.newer = undefined;
    link.older = undefined;
  }

  /** Puts `next` where `old` is. */
  replace(old: T, next: T): void {
    next.older = old.older;
    next.newer = old.newer;
    if (old.newer === undefined) this.newest = next;
    else old.newer.older = next;
    if (old.older === undefined) this.oldest = next;
    else old.older.newer = next;
    old.newer = undefined;
    old.older = undefined;
  }
}
