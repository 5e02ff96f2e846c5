// Listening sockets that the program was started with, as systemd gives them (sd_listen_fds(3)): they stay open from one run
// to the next, so that a restart refuses nobody; who comes meanwhile waits in the system's queue.

/** File descriptors by the door they are for. */
export interface Inherited {
  readonly plain: readonly number[];
  readonly tls: readonly number[];
  readonly forward: readonly number[];
  readonly admin: readonly number[];
}

export const NONE_INHERITED: Inherited = { plain: [], tls: [], forward: [], admin: [] };

/** The first descriptor that is passed. */
const FIRST = 3;

/** FileDescriptorName= of the socket unit; any other name is `listen`. */
const DOORS: Readonly<Record<string, keyof Inherited>> = { tls: 'tls', forward: 'forward', admin: 'admin' };

/**
 * Reads LISTEN_FDS and LISTEN_FDNAMES where LISTEN_PID says that they are for this process.
 * @param env they are taken out of it, so that no child believes them
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): Inherited {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  if (LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? '')) return NONE_INHERITED;
  const names = LISTEN_FDNAMES.split(':');
  const found: Record<keyof Inherited, number[]> = { plain: [], tls: [], forward: [], admin: [] };
  for (let i = 0; i < Number(LISTEN_FDS); i += 1) found[DOORS[names[i] ?? ''] ?? 'plain'].push(FIRST + i);
  return found;
}
