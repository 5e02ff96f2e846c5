// A fill whose body is written while it comes: what it may let go, who reads from the backing, and what a slow or failing
// backing costs.

import { describe, expect, it } from 'vitest';
import type { Backing, Fill } from '../../src/cache/fill.ts';
import type { Source } from '../../src/cache/source.ts';
import { filling, MB, pushed, take } from './filling.ts';

/** Writes what it is told to, when it is told to. */
class Written implements Backing {
  written = 0;
  isGivenUp = false;
  isGone = false;
  readonly reads: number[] = [];
  readonly source: Source;
  readonly #fill: Fill;

  constructor(fill: Fill) {
    this.#fill = fill;
    fill.back(this);
    this.source = fill.reader();
  }

  write(bytes: number): void {
    take(this.source, bytes);
    this.written += bytes;
    this.#fill.written();
  }

  async read(position: number): Promise<Buffer> {
    this.reads.push(position);
    if (this.isGone) throw new Error('gone');
    return Buffer.alloc(64 * 1024);
  }

  release(): void {
    this.isGivenUp = true;
    this.source.close();
  }
}

async function readAll(source: Source): Promise<number> {
  for (let bytes = 0; ; ) {
    const piece = source.next();
    if (piece !== undefined) bytes += piece.length;
    else if (source.state !== 'open') return bytes;
    else await new Promise<void>((resolve) => source.onReadable(resolve));
  }
}

describe('a fill that is backed', () => {
  it('is stored, borrows nothing, and goes on without readers', () => {
    const { fill, told, reserved } = filling({ keep: false });
    const backing = new Written(fill);
    const client = fill.reader();
    pushed(fill, MB);
    client.close();
    expect(fill.stored).toBe(true);
    expect(fill.kept).toBe(false);
    expect(reserved()).toBe(0);
    backing.write(MB);
    pushed(fill, MB);
    expect(told).toEqual([]);
    expect(fill.state).toBe('open');
  });

  it('lets go of what is written, and gives it to those who come late or are slow from there', async () => {
    const { fill } = filling({ keep: false });
    const backing = new Written(fill);
    const slow = fill.reader();
    for (let i = 0; i < 40; i += 1) {
      pushed(fill, MB);
      backing.write(MB);
    }
    expect(fill.firstOffset).toBeGreaterThan(30 * MB);
    expect(fill.joinable).toBe(true);
    const late = fill.reader();
    const part = fill.reader(5 * MB + 1, 6 * MB);
    fill.complete();
    expect(await Promise.all([slow, late, part].map(readAll))).toEqual([40 * MB, 40 * MB, MB - 1]);
    expect(backing.reads).toContain(0);
  });

  it('serves from memory who keeps up', async () => {
    const { fill } = filling({ keep: false });
    const backing = new Written(fill);
    const client = fill.reader();
    for (let i = 0; i < 20; i += 1) {
      pushed(fill, MB);
      backing.write(MB);
      take(client, MB);
    }
    expect(backing.reads).toEqual([]);
  });

  it('is read at the pace of the backing where that is the slower one', () => {
    const { fill, told } = filling({ keep: false });
    const backing = new Written(fill);
    const client = fill.reader();
    for (let i = 0; i < 5; i += 1) {
      pushed(fill, MB);
      take(client, MB);
    }
    expect(told.at(-1)).toBe('pause');
    backing.write(MB);
    expect(told.at(-1)).toBe('resume');
  });

  it('that is written no more passes through, and those who are behind still read what was written', async () => {
    const { fill, ends } = filling({ keep: false });
    const backing = new Written(fill);
    const late = fill.reader();
    const client = fill.reader();
    for (let i = 0; i < 10; i += 1) {
      pushed(fill, MB);
      backing.write(MB);
      take(client, MB);
    }
    backing.source.close();
    fill.unback();
    expect(fill.stored).toBe(false);
    expect(fill.joinable).toBe(false);
    pushed(fill, 2 * MB);
    take(client, 2 * MB);
    fill.complete();
    expect(backing.isGivenUp).toBe(false);
    expect(await readAll(late)).toBe(12 * MB);
    expect(backing.isGivenUp).toBe(true);
    expect(client.state).toBe('complete');
    expect(ends).toEqual([{ complete: true, chunks: undefined, length: 12 * MB }]);
  });

  it('that is written no more is let go of when nobody is behind, and cuts off who is too far behind', () => {
    const { fill } = filling({ keep: false });
    const backing = new Written(fill);
    const late = fill.reader();
    const client = fill.reader();
    for (let i = 0; i < 10; i += 1) {
      pushed(fill, MB);
      backing.write(MB);
      take(client, MB);
    }
    backing.source.close();
    fill.unback();
    for (let i = 0; i < 7; i += 1) {
      pushed(fill, MB);
      take(client, MB);
    }
    expect(late.state).toBe('failed');
    late.close();
    expect(backing.isGivenUp).toBe(true);
    expect(client.state).toBe('open');
  });

  it('breaks the transfer of a reader whose bytes are gone from the backing', async () => {
    const { fill } = filling({ keep: false });
    const backing = new Written(fill);
    for (let i = 0; i < 10; i += 1) {
      pushed(fill, MB);
      backing.write(MB);
    }
    backing.isGone = true;
    const late = fill.reader();
    expect(await readAll(late)).toBe(0);
    expect(late.state).toBe('failed');
  });

  it('may begin when the body has outgrown what is kept', () => {
    const backings: Written[] = [];
    const { fill, reserved } = filling({
      maxBytes: 2 * MB,
      overflow: (full) => backings.push(new Written(full)),
    });
    pushed(fill, 2 * MB);
    expect(reserved()).toBe(2 * MB);
    expect(backings).toEqual([]);
    pushed(fill, MB);
    expect(reserved()).toBe(0);
    expect(fill.stored).toBe(true);
    backings[0]?.write(3 * MB);
    expect(fill.joinable).toBe(true);
  });
});
