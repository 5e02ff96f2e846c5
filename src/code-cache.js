// Compiled code is kept between runs (Node's module compile cache), so that a start does not strip types from and compile some
// 300 files in each thread. Plain JavaScript, like the launcher: one file whose types have to be stripped loads all that does it.
// What lies in the folder is run, so it is used only where nobody else can write; without it the program starts slower, no more.

import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { constants, enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** For this thread and those that it starts. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE say otherwise. */
export function keepCode(env = process.env) {
  if (env.NODE_COMPILE_CACHE !== undefined || env.NODE_DISABLE_COMPILE_CACHE !== undefined) return;
  try {
    const directory = folderOf(env);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!isOurs(realpathSync(directory))) return;
    const { status } = enableCompileCache({ directory });
    if (status === constants.compileCacheStatus.ENABLED) env.NODE_COMPILE_CACHE = directory;
  } catch {
    // A read-only file system, no home: every start is as slow as the first.
  }
}

/** CACHE_DIRECTORY is systemd's, XDG_CACHE_HOME the desktop's. */
function folderOf({ CACHE_DIRECTORY = '', XDG_CACHE_HOME = '' }) {
  const [ofUnit = ''] = CACHE_DIRECTORY.split(':');
  if (isAbsolute(ofUnit)) return join(ofUnit, 'code');
  const cache = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(cache, 'holdfast', 'code');
}

/** Neither the folder nor one above it can be written or replaced by another user. */
function isOurs(directory) {
  const self = process.getuid?.();
  if (self === undefined) return true;
  for (let at = directory; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    // In a sticky folder, such as /tmp, nobody replaces what is another's.
    const isOpen = (mode & WRITABLE_BY_OTHERS) !== 0 && (at === directory || (mode & STICKY) === 0);
    if ((uid !== self && uid !== 0) || isOpen) return false;
    if (at === dirname(at)) return true;
  }
}
