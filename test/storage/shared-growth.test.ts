// Bodies in shared memory that are gone must not stay with the process: V8 does not count them.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const STORAGE = new URL('../../storage/', import.meta.url);

/** 1,600 MB in bodies of 1 MB through a memory of 64 MB, with some garbage each, as a fetch makes; prints the most that the process held, MB. */
const CHURN = `
  const { MemoryStore } = await import('${STORAGE}memory.ts');
  const { collectWith, shareBytes } = await import('${STORAGE}shared-bytes.ts');
  const { collectAll } = await import('${STORAGE}../src/heap.ts');
  collectWith(collectAll);
  const store = new MemoryStore({ maxBytes: 64 * 2 ** 20, sizeOf: () => 100, compact: shareBytes });
  const body = Buffer.alloc(2 ** 20, 'x');
  let most = 0;
  let garbage;
  for (let i = 0; i < 1600; i += 1) {
    garbage = Array.from({ length: 300 }, (_, j) => ({ i, j }));
    store.putNow('k' + i, '', { nth: i }, [body]);
    most = Math.max(most, process.memoryUsage.rss());
    if (i % 4 === 0) await new Promise(setImmediate);
  }
  console.log(Math.round(most / 2 ** 20));
`;

it('the process holds little more than the memory tier, however much passes through it', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', CHURN]);
  expect(Number(stdout)).toBeGreaterThan(64);
  expect(Number(stdout)).toBeLessThan(700);
});
