// Least recently used, as a doubly linked list through the tenants themselves: O(1) and no state of its own per tenant.

import type { EvictionPolicy, Tenant } from './policy.ts';

export class Lru<T extends Tenant<T>> implements EvictionPolicy<T> {
  #newest: T | undefined;
  #oldest: T | undefined;

  added(tenant: T): void {
    tenant.newer = undefined;
    tenant.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = tenant;
    else this.#newest.newer = tenant;
    this.#newest = tenant;
  }

  used(tenant: T): void {
    if (tenant === this.#newest) return;
    this.removed(tenant);
    this.added(tenant);
  }

  removed(tenant: T): void {
    if (tenant.newer === undefined) this.#newest = tenant.older;
    else tenant.newer.older = tenant.older;
    if (tenant.older === undefined) this.#oldest = tenant.newer;
    else tenant.older.newer = tenant.newer;
    tenant.newer = undefined;
    tenant.older = undefined;
  }

  victim(): T | undefined {
    return this.#oldest;
  }
}
