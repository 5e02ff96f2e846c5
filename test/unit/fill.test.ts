import { describe, expect, it } from 'vitest';
import { type Budget, Fill, type FillEnd } from '../../src/cache/fill.ts';
import type { Source } from '../../src/cache/source.ts';

const MB = 1024 * 1024;

/** A fill with everything it told its surroundings. */
function filling({ keep = true, maxBytes = 100 * MB, budgetBytes = 100 * MB } = {}) {
  const told: string[] = [];
  const ends: FillEnd[] = [];
  let reserved = 0;
  const budget: Budget = {
    maxBytes: budgetBytes,
    reserve: (bytes) => {
      if (reserved + bytes > budgetBytes) return false;
      reserved += bytes;
      return true;
    },
    release: (bytes) => {
      reserved -= bytes;
    },
  };
  const fill = new Fill({
    tap: {
      pause: () => told.push('pause'),
      resume: () => told.push('resume'),
      abort: () => told.push('abort'),
    },
    keep,
    maxBytes,
    budget,
    onEnd: (end) => {
      told.push('end');
      ends.push(end);
    },
  });
  return { fill, told, ends, reserved: () => reserved };
}

function text(source: Source): string {
  const parts: Buffer[] = [];
  for (let piece = source.next(); piece !== undefined; piece = source.next()) parts.push(piece);
  return Buffer.concat(parts).toString();
}

/** Takes pieces until so many bytes are read. */
function take(source: Source, bytes: number): void {
  for (let taken = 0; taken < bytes; ) {
    const piece = source.next();
    if (piece === undefined) throw new Error(`only ${taken} of ${bytes} bytes are there`);
    taken += piece.length;
  }
}

function pushed(fill: Fill, bytes: number, chunk = 64 * 1024): void {
  for (let left = bytes; left > 0; left -= chunk) fill.push(Buffer.alloc(Math.min(chunk, left)));
}

describe('a reader', () => {
  it('gets the bytes so far, then the rest as it comes', () => {
    const { fill } = filling();
    fill.push(Buffer.from('one '));
    const early = fill.reader();
    expect(text(early)).toBe('one ');
    expect(early.state).toBe('open');
    fill.push(Buffer.from('two '));
    const late = fill.reader();
    expect(text(late)).toBe('one two ');
    expect(text(early)).toBe('two ');
    fill.push(Buffer.from('three'));
    fill.complete();
    expect([text(early), text(late)]).toEqual(['three', 'three']);
    expect([early.state, late.state]).toEqual(['complete', 'complete']);
  });

  it('is told once when there is news: more, the end, a failure', async () => {
    const { fill } = filling();
    const reader = fill.reader();
    let news = 0;
    reader.onReadable(() => news++);
    fill.push(Buffer.from('a'));
    fill.push(Buffer.from('b'));
    expect(news).toBe(1);
    expect(text(reader)).toBe('ab');
    reader.onReadable(() => news++);
    fill.complete();
    expect(news).toBe(2);
    await new Promise<void>((resolve) => reader.onReadable(resolve));
    const broken = filling();
    const waiting = broken.fill.reader();
    waiting.onReadable(() => news++);
    broken.fill.fail();
    expect(news).toBe(3);
    expect(waiting.state).toBe('failed');
  });

  it('of a part gets that part, cut to the byte, whether it is there or still to come', () => {
    const { fill } = filling();
    fill.push(Buffer.from('0123'));
    const inside = fill.reader(1, 3);
    const across = fill.reader(2, 6);
    const ahead = fill.reader(7, 9);
    const open = fill.reader(8);
    expect([text(inside), inside.state]).toEqual(['12', 'complete']);
    expect([text(across), across.state]).toEqual(['23', 'open']);
    fill.push(Buffer.from('4567'));
    expect([text(across), across.state]).toEqual(['45', 'complete']);
    expect([text(ahead), ahead.state]).toEqual(['7', 'open']);
    fill.push(Buffer.from('89'));
    expect([text(ahead), ahead.state]).toEqual(['8', 'complete']);
    fill.complete();
    expect([text(open), open.state]).toEqual(['89', 'complete']);
    expect(fill.reader(0, 0).state).toBe('complete');
  });

  it('that has left gets nothing more and is told nothing', () => {
    const { fill } = filling();
    const reader = fill.reader();
    reader.onReadable(() => {
      throw new Error('told after it left');
    });
    reader.close();
    reader.close();
    fill.push(Buffer.from('a'));
    expect(reader.next()).toBeUndefined();
    expect(fill.readers).toBe(0);
  });

  it('of a fill that has failed gets the bytes so far and never a complete end', () => {
    const { fill } = filling();
    fill.push(Buffer.from('half'));
    const reader = fill.reader();
    fill.fail();
    expect(text(reader)).toBe('half');
    expect(reader.state).toBe('failed');
    expect(fill.joinable).toBe(false);
  });
});

describe('the pace', () => {
  it('is held when the origin is more than a megabyte ahead of the only reader, and released when it reads', () => {
    const { fill, told } = filling();
    const reader = fill.reader();
    pushed(fill, MB);
    expect(told).toEqual([]);
    pushed(fill, 1);
    expect(told).toEqual(['pause']);
    take(reader, 1);
    expect(told).toEqual(['pause', 'resume']);
  });

  it('is that of the fastest reader', () => {
    const { fill, told } = filling();
    fill.reader();
    const fast = fill.reader();
    for (let i = 0; i < 40; i++) {
      pushed(fill, 64 * 1024);
      take(fast, 64 * 1024);
    }
    expect(told).toEqual([]);
  });

  it('falls to that of the next when the fastest leaves', () => {
    const { fill, told } = filling();
    const slow = fill.reader();
    const fast = fill.reader();
    for (let i = 0; i < 40; i++) {
      pushed(fill, 64 * 1024);
      take(fast, 64 * 1024);
    }
    fast.close();
    expect(told).toEqual(['pause']);
    slow.close();
    expect(told).toEqual(['pause', 'resume']);
  });

  it('is the origin’s own while nobody reads and the store wants it', () => {
    const { fill, told, ends } = filling();
    pushed(fill, 5 * MB);
    fill.complete();
    expect(told).toEqual(['end']);
    expect(ends).toMatchObject([{ complete: true, length: 5 * MB }]);
  });

  it('is taken up again by a reader that comes to a fill that was held', () => {
    const { fill, told } = filling();
    fill.reader();
    pushed(fill, 2 * MB);
    expect(told).toEqual(['pause']);
    take(fill.reader(), 2 * MB);
    expect(told).toEqual(['pause', 'resume']);
  });
});

describe('keeping', () => {
  it('gives the store the whole body before readers hear of the end', () => {
    const { fill, told, ends, reserved } = filling();
    const reader = fill.reader();
    fill.push(Buffer.from('ab'));
    fill.push(Buffer.from('c'));
    expect(reserved()).toBe(3);
    expect(text(reader)).toBe('abc');
    reader.onReadable(() => told.push('reader'));
    fill.complete();
    fill.complete();
    fill.fail();
    fill.push(Buffer.from('more'));
    expect(told).toEqual(['end', 'reader']);
    expect(Buffer.concat([...(ends[0]?.chunks ?? [])]).toString()).toBe('abc');
    expect(ends[0]).toMatchObject({ complete: true, length: 3 });
    expect(reserved()).toBe(0);
  });

  it('gives it nothing of a body that broke', () => {
    const { fill, ends, reserved } = filling();
    fill.push(Buffer.from('half'));
    fill.fail();
    expect(ends).toEqual([{ complete: false, chunks: undefined, length: 4 }]);
    expect(reserved()).toBe(0);
  });

  it.each([
    ['the limit of a body', { maxBytes: MB }],
    ['what the budget lends', { budgetBytes: MB }],
  ])('ends at %s: readers get all of it, the store nothing, the budget what it lent', (_, limit) => {
    const { fill, ends, reserved } = filling(limit);
    const reader = fill.reader();
    for (let i = 0; i < 32; i++) {
      pushed(fill, 64 * 1024);
      expect(reserved()).toBeLessThanOrEqual(MB);
      take(reader, 64 * 1024);
    }
    expect(fill.kept).toBe(false);
    expect(fill.joinable).toBe(false);
    expect(reserved()).toBe(0);
    fill.complete();
    expect(ends).toEqual([{ complete: true, chunks: undefined, length: 2 * MB }]);
  });

  it('ends when it is told to, and the fill goes on for its readers', () => {
    const { fill, ends, reserved, told } = filling();
    const reader = fill.reader();
    fill.push(Buffer.from('ab'));
    fill.stopKeeping();
    fill.stopKeeping();
    expect(reserved()).toBe(0);
    fill.push(Buffer.from('cd'));
    fill.complete();
    expect(text(reader)).toBe('abcd');
    expect(ends).toEqual([{ complete: true, chunks: undefined, length: 4 }]);
    expect(told).toEqual(['end']);
  });

  it('that ends while nobody reads gives the body up: nothing piles up for nobody', () => {
    const { fill, told, ends } = filling({ maxBytes: MB });
    pushed(fill, 2 * MB);
    expect(told).toEqual(['abort', 'end']);
    expect(ends).toMatchObject([{ complete: false, chunks: undefined }]);
    const other = filling();
    other.fill.stopKeeping();
    expect(other.told).toEqual(['abort', 'end']);
  });
});

describe('a fill that is not kept', () => {
  it('holds only what some reader still needs', () => {
    const { fill } = filling({ keep: false });
    const one = fill.reader();
    const other = fill.reader();
    pushed(fill, 1024, 512);
    take(one, 1024);
    expect(fill.joinable).toBe(true);
    expect(fill.chunkAt(0)).toBeDefined();
    take(other, 512);
    expect(fill.joinable).toBe(false);
    expect(fill.chunkAt(0)).toBeUndefined();
    expect(fill.chunkAt(1)).toBeDefined();
  });

  it('holds nothing before the place where its only reader begins', () => {
    const { fill } = filling({ keep: false });
    const reader = fill.reader(10 * MB);
    pushed(fill, 10 * MB);
    expect(fill.chunkAt(100)).toBeUndefined();
    fill.push(Buffer.from('here'));
    expect(text(reader)).toBe('here');
  });

  it('lets a reader begin far behind what keeping has ended before', () => {
    const { fill } = filling({ maxBytes: 1000 });
    const reader = fill.reader(1500, 1503);
    pushed(fill, 1200, 100);
    expect(fill.kept).toBe(false);
    pushed(fill, 300, 100);
    fill.push(Buffer.from('here, and more'));
    expect([text(reader), reader.state]).toEqual(['her', 'complete']);
  });

  it('cuts off a reader that is sixteen megabytes behind the fastest', () => {
    const { fill } = filling({ keep: false });
    const slow = fill.reader();
    let news = 0;
    slow.onReadable(() => news++);
    const fast = fill.reader();
    for (let i = 0; i < 16 * 16 + 1; i++) {
      pushed(fill, 64 * 1024);
      take(fast, 64 * 1024);
    }
    expect(slow.state).toBe('failed');
    expect(slow.next()).toBeUndefined();
    fill.complete();
    expect([fast.state, slow.state]).toEqual(['complete', 'failed']);
    slow.onReadable(() => news++);
  });

  it('while it is kept cuts nobody off, however far behind', () => {
    const { fill } = filling();
    const slow = fill.reader();
    const fast = fill.reader();
    pushed(fill, 20 * MB);
    take(fast, 20 * MB);
    fill.complete();
    take(slow, 20 * MB);
    expect(slow.state).toBe('complete');
  });

  it('is given up when its last reader leaves, or when it never had one', () => {
    const { fill, told } = filling({ keep: false });
    const [one, other] = [fill.reader(), fill.reader()];
    one.close();
    expect(told).toEqual([]);
    other.close();
    expect(told).toEqual(['abort', 'end']);
    expect(fill.state).toBe('failed');
    const unread = filling({ keep: false });
    unread.fill.abandon();
    expect(unread.told).toEqual(['abort', 'end']);
  });

  it('is not given up while somebody reads it or the store wants it', () => {
    const read = filling({ keep: false });
    read.fill.reader();
    read.fill.abandon();
    const kept = filling();
    kept.fill.reader().close();
    kept.fill.abandon();
    expect([...read.told, ...kept.told]).toEqual([]);
  });
});
