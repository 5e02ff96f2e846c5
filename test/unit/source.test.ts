import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodySource, joinSources, type Source } from '../../src/cache/source.ts';
import type { StoredBody } from '../../storage/store.ts';

/** A body in memory, in chunks of these sizes. */
function inMemory(content: string, sizes: readonly number[] = [content.length]): StoredBody {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, content.length]) {
    if (at >= content.length) break;
    chunks.push(Buffer.from(content.slice(at, at + size)));
    at += size;
  }
  return { length: content.length, chunks, read: () => never() };
}

async function* never(): AsyncGenerator<Buffer> {
  yield await Promise.reject(new Error('read though it is in memory'));
}

/** A body that must be read; notes what becomes of each reading. */
function onDisk(content: string, chunkBytes: number, breaksAt = Number.POSITIVE_INFINITY) {
  const notes: string[] = [];
  const body: StoredBody = {
    length: content.length,
    chunks: undefined,
    async *read(start, end) {
      notes.push(`read ${start}-${end}`);
      try {
        for (let at = start; at < end; at += chunkBytes) {
          if (at >= breaksAt) throw new Error('broken');
          notes.push(`at ${at}`);
          yield Buffer.from(content.slice(at, Math.min(end, at + chunkBytes)));
        }
      } finally {
        notes.push('let go');
      }
    },
  };
  return { body, notes };
}

/** Reads as a delivery does. */
async function collect(source: Source): Promise<{ text: string; state: Source['state'] }> {
  const parts: Buffer[] = [];
  for (;;) {
    const piece = source.next();
    if (piece !== undefined) parts.push(piece);
    else if (source.state === 'open') await new Promise<void>((resolve) => source.onReadable(resolve));
    else return { text: Buffer.concat(parts).toString(), state: source.state };
  }
}

const CONTENT = '0123456789abcdef';

describe('a stored body as a source', () => {
  it.each<[string, () => StoredBody]>([
    ['in memory, one chunk', () => inMemory(CONTENT)],
    ['in memory, several chunks', () => inMemory(CONTENT, [3, 1, 5])],
    ['on disk', () => onDisk(CONTENT, 5).body],
  ])('%s: the whole, and any part', async (_, make) => {
    expect(await collect(bodySource(make()))).toEqual({ text: CONTENT, state: 'complete' });
    for (const [start, end] of [
      [0, 1],
      [2, 4],
      [3, 9],
      [15, 16],
      [7, 7],
    ] as const) {
      const part = await collect(bodySource(make(), start, end));
      expect(part).toEqual({ text: CONTENT.slice(start, end), state: 'complete' });
    }
  });

  it('in memory is copied by nobody: pieces are views of the chunks', () => {
    const body = inMemory(CONTENT, [8]);
    const piece = bodySource(body, 2, 6).next();
    expect(piece?.buffer).toBe(body.chunks?.[0]?.buffer);
  });

  it('without content is complete at once', () => {
    const source = bodySource(inMemory(''));
    expect(source.next()).toBeUndefined();
    expect(source.state).toBe('complete');
  });

  it('whose chunks fall short of its length fails, and never looks complete', async () => {
    const short: StoredBody = { ...inMemory('0123'), length: 10 };
    expect(await collect(bodySource(short))).toEqual({ text: '0123', state: 'failed' });
  });

  it('whose reading breaks fails after the pieces before', async () => {
    const { body } = onDisk(CONTENT, 4, 8);
    expect(await collect(bodySource(body))).toEqual({ text: '01234567', state: 'failed' });
  });

  it('on disk is read one piece ahead and no further', async () => {
    const { body, notes } = onDisk(CONTENT, 4);
    const source = bodySource(body);
    await new Promise<void>((resolve) => source.onReadable(resolve));
    await new Promise(setImmediate);
    expect(notes).toEqual(['read 0-16', 'at 0']);
    expect(source.next()?.toString()).toBe('0123');
    await new Promise(setImmediate);
    expect(notes).toEqual(['read 0-16', 'at 0', 'at 4']);
  });

  it('on disk is let go when its reader leaves', async () => {
    const { body, notes } = onDisk(CONTENT, 4);
    const source = bodySource(body);
    await new Promise<void>((resolve) => source.onReadable(resolve));
    source.onReadable(() => notes.push('told'));
    source.close();
    source.close();
    await new Promise(setImmediate);
    expect(notes.filter((note) => note === 'let go')).toHaveLength(1);
    expect(notes).not.toContain('at 8');
  });
});

describe('joined sources', () => {
  it('follow one another, each opened when its turn comes', async () => {
    const opened: string[] = [];
    const part = (name: string, start: number, end: number) => () => {
      opened.push(name);
      return bodySource(onDisk(CONTENT, 3).body, start, end);
    };
    const source = joinSources([
      Buffer.from('<'),
      part('a', 0, 4),
      Buffer.from('|'),
      part('b', 10, 16),
      Buffer.from('>'),
    ]);
    expect(source.next()?.toString()).toBe('<');
    expect(opened).toEqual([]);
    expect(await collect(source)).toEqual({ text: '0123|abcdef>', state: 'complete' });
    expect(opened).toEqual(['a', 'b']);
  });

  it('of nothing are complete', async () => {
    expect(await collect(joinSources([]))).toEqual({ text: '', state: 'complete' });
  });

  it('fail where one of them fails, and open none behind it', async () => {
    const source = joinSources([
      () => bodySource(onDisk(CONTENT, 4, 4).body),
      () => {
        throw new Error('opened');
      },
    ]);
    expect(await collect(source)).toEqual({ text: '0123', state: 'failed' });
  });

  it('let the current one go when their reader leaves', async () => {
    const { body, notes } = onDisk(CONTENT, 4);
    const source = joinSources([() => bodySource(body), Buffer.from('x')]);
    source.next();
    await new Promise<void>((resolve) => source.onReadable(resolve));
    source.close();
    await new Promise(setImmediate);
    expect(notes).toContain('let go');
  });

  it('give any parts of any bodies in order', async () => {
    const part = fc.record({
      start: fc.nat(16),
      length: fc.nat(16),
      disk: fc.boolean(),
      chunk: fc.integer({ min: 1, max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        const made = parts.map(({ start, length, disk, chunk }) => {
          const end = Math.min(CONTENT.length, start + length);
          const body = disk ? onDisk(CONTENT, chunk).body : inMemory(CONTENT, Array(16).fill(chunk));
          return { text: CONTENT.slice(start, end), open: () => bodySource(body, start, end) };
        });
        const joined = await collect(joinSources(made.map(({ open }) => open)));
        expect(joined).toEqual({ text: made.map(({ text }) => text).join(''), state: 'complete' });
      }),
      { numRuns: 100 },
    );
  });
});
