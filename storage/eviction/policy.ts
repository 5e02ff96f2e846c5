// What an eviction policy must do: order tenants by how little they would be missed, and say whether a large newcomer
// is worth what would have to go for it. It owns the order, not the tenants: the store adds, removes and counts bytes.

/** What a policy may know of a tenant, and the state that it may keep on it while it is present. */
export interface Tenant<T> {
  /** `mark` of the tenant's name. */
  readonly mark: number;
  /** Bytes the tenant occupies, overhead counted. */
  readonly sizeBytes: number;
  older: T | undefined;
  newer: T | undefined;
  /** Which chain the tenant is in, and what it had to its name when it joined: the policy's own numbers. */
  shelf: number;
  standing: number;
}

/** A call that takes a tenant names one that is present (or for `added`, becomes present). */
export interface EvictionPolicy<T extends Tenant<T>> {
  /** A name as a number: what the policy knows it by, present or not. Counts nothing. */
  mark(key: string, variant: string): number;
  /** Something was asked for that is not present. To be called before it is added, and when it is declined. */
  missed(mark: number): void;
  /**
   * Whether a large newcomer is worth the tenants that would go for it.
   * @param excessBytes what has to be freed
   */
  admits(mark: number, sizeBytes: number, excessBytes: number): boolean;
  added(tenant: T): void;
  /** A hit on the tenant. */
  used(tenant: T): void;
  /** `next` takes the place of `old`: the same thing described anew, perhaps of another size. No use of it. */
  replaced(old: T, next: T): void;
  removed(tenant: T): void;
  /** How much a tenant is asked for; to be compared with that of others. */
  heat(tenant: T): number;
  /** Removes the tenant that would be missed least, and returns it; undefined when there is none. */
  evict(): T | undefined;
}
