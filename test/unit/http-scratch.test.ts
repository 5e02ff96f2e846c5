import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { COPIED_BYTES, Scratch } from '../../src/http/scratch.ts';

/** Takes what is written as a socket does: at once, or only when it is let. */
class Client extends Writable {
  readonly taken: Buffer[] = [];
  readonly #held: (() => void)[] = [];
  slow = false;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const take = (): void => {
      // What it was given is copied only now, as by the system.
      this.taken.push(Buffer.from(chunk));
      done();
    };
    if (this.slow) this.#held.push(take);
    else take();
  }

  read(): string {
    for (let take = this.#held.shift(); take !== undefined; take = this.#held.shift()) take();
    return Buffer.concat(this.taken).toString('latin1');
  }
}

describe('what responses are put together in', () => {
  it('is used again for what the system has taken at once', () => {
    const scratch = new Scratch();
    const buffers = new Set<ArrayBufferLike>();
    const offsets = new Set<number>();
    const client = new Client();
    client._write = (chunk: Buffer, _encoding, done) => {
      buffers.add(chunk.buffer);
      offsets.add(chunk.byteOffset);
      done();
    };
    for (let i = 0; i < 1000; i++) scratch.write(client, 'head ', Buffer.alloc(1000));
    expect(buffers.size).toBe(1);
    expect(offsets.size).toBe(1);
  });

  it('is never written over while a slow client has not got it, however much goes to others', () => {
    const scratch = new Scratch();
    const slow = new Client();
    slow.slow = true;
    const quick = new Client();
    let expected = '';
    for (let i = 0; i < 50; i++) {
      const content = Buffer.alloc(1 + ((i * 997) % COPIED_BYTES), String.fromCharCode(65 + (i % 26)));
      scratch.write(slow, `slow ${i} é\r\n`, content);
      expected += `slow ${i} é\r\n${content.toString('latin1')}`;
      for (let k = 0; k < 5; k++) scratch.write(quick, 'quick', Buffer.alloc(COPIED_BYTES, 'q'));
    }
    expect(slow.read()).toBe(expected);
    expect(quick.read()).toBe(`quick${'q'.repeat(COPIED_BYTES)}`.repeat(250));
  });

  it('is never written over while a corked client has not got it', () => {
    const scratch = new Scratch();
    const client = new Client();
    client.cork();
    let expected = '';
    for (let i = 0; i < 300; i++) {
      scratch.write(client, `${i} `, Buffer.alloc(1000, String(i % 10)));
      expected += `${i} ${String(i % 10).repeat(1000)}`;
    }
    client.uncork();
    expect(client.read()).toBe(expected);
  });

  it('takes heads of any size', () => {
    const client = new Client();
    const head = 'h'.repeat(100_000);
    new Scratch().write(client, head, Buffer.from('c'));
    expect(client.read()).toBe(`${head}c`);
  });
});
