// Least recently used: one chain. Takes whatever comes, so a large newcomer may cost many small tenants.

import { Chain } from './chain.ts';
import type { EvictionPolicy, Tenant } from './policy.ts';

export class Lru<T extends Tenant<T>> implements EvictionPolicy<T> {
  readonly #chain = new Chain<T>();
  #uses = 0;

  mark(): number {
    return 0;
  }

  missed(): void {}

  admits(): boolean {
    return true;
  }

  added(tenant: T): void {
    tenant.standing = ++this.#uses;
    this.#chain.append(tenant);
  }

  used(tenant: T): void {
    tenant.standing = ++this.#uses;
    if (tenant === this.#chain.newest) return;
    this.#chain.remove(tenant);
    this.#chain.append(tenant);
  }

  replaced(old: T, next: T): void {
    next.standing = old.standing;
    this.#chain.replace(old, next);
  }

  removed(tenant: T): void {
    this.#chain.remove(tenant);
  }

  heat(tenant: T): number {
    return tenant.standing;
  }

  evict(): T | undefined {
    const { oldest } = this.#chain;
    if (oldest !== undefined) this.#chain.remove(oldest);
    return oldest;
  }
}
