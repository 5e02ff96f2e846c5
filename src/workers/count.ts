// How many workers there are when the settings leave it open. Pure.

const MB = 1024 ** 2;
/** A worker with less memory of its own would hold too little. */
const LEAST_SHARE_BYTES = 16 * MB;
/** Where several listeners may share a port, and the system divides the connections between them. */
const SHARING_PLATFORMS: ReadonlySet<string> = new Set(['linux', 'freebsd', 'sunos', 'aix']);

export interface Host {
  /** Cores that this process may use: `availableParallelism`, which heeds affinity and cgroups. */
  readonly cores: number;
  readonly platform: string;
}

/** `auto`: one for each core, as long as each has 16 MB of the memory; one where the platform cannot share a port. */
export function countWorkers(
  setting: number | 'auto',
  memoryBytes: number,
  { cores, platform }: Host,
): number {
  if (setting !== 'auto') return setting;
  if (!SHARING_PLATFORMS.has(platform)) return 1;
  return Math.max(1, Math.min(cores, 64, Math.floor(memoryBytes / LEAST_SHARE_BYTES)));
}
