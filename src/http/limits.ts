// What one client may take of the listener: sizes and times, with defaults.

export interface Limits {
  /** Request line and header section together; beyond it 431. */
  readonly maxHeadBytes: number;
  /** Field lines of a head or of a trailer section; beyond it 431. */
  readonly maxFields: number;
  /** Beyond it 414. */
  readonly maxTargetBytes: number;
  /** From a head's first byte to its last; then 408. */
  readonly headTimeoutMs: number;
  /** Without a byte between requests, and before the first; then the connection is closed. */
  readonly keepAliveTimeoutMs: number;
  /** Without a byte of a body that is being read; then 408. */
  readonly bodyIdleTimeoutMs: number;
  /** A client that takes nothing of a response for so long is dropped. */
  readonly writeIdleTimeoutMs: number;
  /** Content of one request; beyond it 413. */
  readonly maxRequestBodyBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxHeadBytes: 32 * 1024,
  maxFields: 128,
  maxTargetBytes: 8192,
  headTimeoutMs: 15_000,
  keepAliveTimeoutMs: 60_000,
  bodyIdleTimeoutMs: 30_000,
  writeIdleTimeoutMs: 60_000,
  maxRequestBodyBytes: 4 * 1024 ** 3,
};
