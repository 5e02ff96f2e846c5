// What the machine allows the peers' bench: open files, room in memory for caches that keep files, a user without rights for
// daemons that refuse to run as root. And what makes its figures doubtful.

import { chmodSync, chownSync, mkdtempSync, readFileSync, statfsSync } from 'node:fs';
import { loadavg, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** What caches, journals and stores of all subjects may come to. */
const ROOM_BYTES = 6 * 1024 ** 3;
/** Above this the figures say more about the other work than about the subjects. */
const QUIET = 0.5;
const UNPRIVILEGED = ['proxy', 'nobody'];

/** Files that a daemon may have open at a time: the hard limit, to which Node raises its own and so its children's. */
export function openFiles(): number {
  const words = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
  const hard = Number(words?.[2]);
  return Number.isNaN(hard) ? 1_048_576 : hard;
}

/** A new directory that any user may enter: in memory where that has room, as operators of caches on files have it. */
export function workingPlace(): string {
  const place = mkdtempSync(join(hasRoom(MEMORY) ? MEMORY : tmpdir(), 'holdfast-peers-'));
  chmodSync(place, 0o711);
  return place;
}

/** The name of a user that daemons may change to when the bench runs as root, who is given `paths`; else the bench's own. */
export function unprivileged(...paths: readonly string[]): string {
  if (process.getuid?.() !== 0) return userInfo().username;
  const users = readFileSync('/etc/passwd', 'latin1')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of UNPRIVILEGED) {
    const [name, , uid, gid] = users.find(([user]) => user === wanted) ?? [];
    if (name === undefined) continue;
    for (const path of paths) chownSync(path, Number(uid), Number(gid));
    return name;
  }
  throw new Error(`there is no user ${UNPRIVILEGED.join(' or ')} to run it as`);
}

/** The load average of the last minute, with a word about it where that is too much. */
export function loadNow(say: (line: string) => void): number {
  const [load = 0] = loadavg();
  if (load > QUIET)
    say(
      `The machine does other work (load average ${load.toFixed(2)}, quiet is below ${QUIET}): do not publish what comes.`,
    );
  return load;
}

function hasRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
