import { describe, expect, it } from 'vitest';
import { filling, MB, pushed, take, text } from './filling.ts';

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

  it('gives a reader that comes when its bytes are gone nothing, never other bytes', () => {
    const { fill } = filling({ keep: false });
    const first = fill.reader();
    pushed(fill, 1024, 512);
    take(first, 1024);
    const late = fill.reader(100, 600);
    expect([late.next(), late.state]).toEqual([undefined, 'failed']);
    expect(fill.reader(1024).state).toBe('open');
    expect(fill.reader(7, 7).state).toBe('complete');
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
