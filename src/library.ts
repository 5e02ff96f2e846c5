// Libraries that only some settings need: loaded when the first of these is met, at once, so that nobody's path has to wait.
// Many edges never do, and each thread would pay for all of them in time at its start and in memory.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** A package that is loaded at its first use. `Library` is the type of its module: lazily<typeof import('jose')>('jose') */
export function lazily<Library>(name: string): () => Library {
  let library: Library | undefined;
  return () => {
    library ??= require(name) as Library;
    return library;
  };
}
