// What an eviction policy must do: order tenants by how little they would be missed. It owns the order, not the
// tenants: the store adds, removes and counts bytes.

/** What a policy may know of a tenant, and the links it may use for its own bookkeeping. */
export interface Tenant<T> {
  readonly key: string;
  /** Bytes the tenant occupies, overhead counted. */
  readonly sizeBytes: number;
  /** Belong to the policy while the tenant is present. */
  older: T | undefined;
  newer: T | undefined;
}

/** Every call but `victim` names a tenant that is (or for `added`, becomes) present. */
export interface EvictionPolicy<T extends Tenant<T>> {
  added(tenant: T): void;
  /** A hit on the tenant. */
  used(tenant: T): void;
  removed(tenant: T): void;
  /** The next tenant to go; undefined when there is none. Stays present until `removed`. */
  victim(): T | undefined;
}
