// Makes a directory with those above it. Node's own recursive way never ends where a file system says of a place in a
// directory that is there that there is none (`/proc/x`: ENOENT).

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Rejects with the system's error; done when it is there already. */
export async function makeDirectory(path: string): Promise<void> {
  const error = await failure(path);
  if (error === undefined) return;
  const above = dirname(path);
  if (codeOf(error) !== 'ENOENT' || above === path) throw error;
  await makeDirectory(above);
  const again = await failure(path);
  if (again !== undefined) throw again;
}

async function failure(path: string): Promise<unknown> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    const isThere = codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory();
    return isThere ? undefined : error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
