import { describe, expect, it } from 'vitest';
import { filling, MB, pushed, take, text } from './filling.ts';

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
