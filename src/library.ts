// Libraries that only some settings need: loaded when the first of these is met, at once, so that nobody's path has to wait.
// Many edges never do, and each thread would pay for all of them in time at its start and in memory. And when compiled code is kept.

import { createRequire, flushCompileCache } from 'node:module';

const require = createRequire(import.meta.url);

/** A package that is loaded at its first use. `Library` is the type of its module: lazily<typeof import('jose')>('jose') */
export function lazily<Library>(name: string): () => Library {
  let library: Library | undefined;
  return () => {
    library ??= require(name) as Library;
    return library;
  };
}

const KEEP_CODE_AFTER_MS = 5000;

/** What this thread has compiled is written soon (code-cache.js), and not only at its end, which after a kill there is none of. */
export function keepCodeSoon(): void {
  setTimeout(flushCompileCache, KEEP_CODE_AFTER_MS).unref();
}
