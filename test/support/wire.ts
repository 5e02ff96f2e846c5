// HTTP/1.1 messages read by pulling from a socket (RFC 9112): lines, field lines, framed content.
// Strict on purpose: what a lenient reader would forgive is a BrokenTransfer here, so that a test sees it.
// Written apart from src/http, so that a fault there is not repeated by the tools that look for it.

import type { Socket } from 'node:net';

/** The peer ended, reset or garbled a message before it was complete. */
export class BrokenTransfer extends Error {
  override readonly name = 'BrokenTransfer';
}

/** An object of names and values (a list becomes several lines), or a flat list: name, value, name, value, … */
export type HeaderInput = Readonly<Record<string, string | number | readonly string[]>> | readonly string[];

/** The flat list of field lines that an input stands for. */
export function flatHeaders(input: HeaderInput = []): string[] {
  if (isFlat(input)) return [...input];
  const lines: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    for (const one of typeof value === 'object' ? value : [String(value)]) lines.push(name, one);
  }
  return lines;
}

function isFlat(input: HeaderInput): input is readonly string[] {
  return Array.isArray(input);
}

/** Lower-case names; the lines of a name combined with ", ". */
export function headerMap(lines: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = (lines[i] ?? '').toLowerCase();
    const value = lines[i + 1] ?? '';
    const present = map[name];
    map[name] = present === undefined ? value : `${present}, ${value}`;
  }
  return map;
}

/** Pulls bytes from a socket; nothing is read from it while nobody asks (but for the stream's own buffer). */
export class ByteReader {
  readonly #source: AsyncIterator<unknown>;
  #held: Buffer = Buffer.alloc(0);
  /** performance.now() when the bytes last pulled arrived. */
  pulledAt = 0;

  constructor(socket: Socket) {
    this.#source = socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  }

  /** True once at least one byte is at hand; false at a clean end. Throws BrokenTransfer after a reset. */
  async ready(): Promise<boolean> {
    return this.#held.length > 0 || (await this.#pull());
  }

  /** A line without its CRLF, or undefined at a clean end before its first byte. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const at = this.#held.indexOf(0x0a);
      if (at >= 0) {
        if (at === 0 || this.#held[at - 1] !== 0x0d) throw new BrokenTransfer('a line ended in a bare LF');
        const line = this.#held.toString('latin1', 0, at - 1);
        this.#held = this.#held.subarray(at + 1);
        return line;
      }
      if (this.#held.length > 1_048_576) throw new BrokenTransfer('a line longer than 1 MiB');
      if (await this.#pull()) continue;
      if (this.#held.length === 0) return undefined;
      throw new BrokenTransfer(`ended inside a line: ${JSON.stringify(this.#held.toString('latin1'))}`);
    }
  }

  /** Between 1 and `maxBytes` bytes, or undefined at a clean end. */
  async some(maxBytes: number): Promise<Buffer | undefined> {
    if (!(await this.ready())) return undefined;
    const part = this.#held.subarray(0, maxBytes);
    this.#held = this.#held.subarray(part.length);
    return part;
  }

  async #pull(): Promise<boolean> {
    let next: IteratorResult<unknown>;
    try {
      next = await this.#source.next();
    } catch (error) {
      throw new BrokenTransfer(error instanceof Error ? error.message : String(error), { cause: error });
    }
    if (next.done === true) return false;
    if (!Buffer.isBuffer(next.value)) throw new TypeError('the socket has an encoding set');
    this.pulledAt = performance.now();
    this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    return true;
  }
}

export interface Head {
  readonly startLine: string;
  readonly rawHeaders: readonly string[];
  /** performance.now() when its first byte was at hand. */
  readonly firstByteAt: number;
}

/** @returns undefined at a clean end before the first byte. */
export async function readHead(reader: ByteReader): Promise<Head | undefined> {
  if (!(await reader.ready())) return undefined;
  const firstByteAt = reader.pulledAt;
  const startLine = await reader.line();
  if (startLine === undefined) return undefined;
  return { startLine, rawHeaders: await readFieldLines(reader), firstByteAt };
}

async function readFieldLines(reader: ByteReader): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await reader.line();
    if (line === undefined) throw new BrokenTransfer('ended inside a head or trailer section');
    if (line === '') return lines;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw new BrokenTransfer(`not a field line: ${JSON.stringify(line)}`);
    lines.push(match[1] ?? '', match[2] ?? '');
  }
}

export type Framing =
  | { readonly by: 'length'; readonly bytes: number }
  | { readonly by: 'chunked' | 'close' };

/** Framing of the content that follows a head (RFC 9112 §6.3); `otherwise` when no field says. */
export function framingOf(rawHeaders: readonly string[], otherwise: Framing): Framing {
  const headers = headerMap(rawHeaders);
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    if (length !== undefined) throw new BrokenTransfer('both Transfer-Encoding and Content-Length');
    if (coding.toLowerCase() !== 'chunked') throw new BrokenTransfer(`transfer coding ${coding}`);
    return { by: 'chunked' };
  }
  if (length === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(length)) throw new BrokenTransfer(`Content-Length ${JSON.stringify(length)}`);
  return { by: 'length', bytes: Number(length) };
}

/** Content, pulled piece by piece with its framing removed. */
export class BodyReader {
  readonly #reader: ByteReader;
  readonly #framing: Framing;
  #leftBytes: number;
  #chunks = 0;
  /** Flat list; filled when a chunked body has ended. */
  trailers: readonly string[] = [];
  /** All of the content has been read, as its framing promised. */
  done: boolean;

  constructor(reader: ByteReader, framing: Framing) {
    this.#reader = reader;
    this.#framing = framing;
    this.#leftBytes = framing.by === 'length' ? framing.bytes : 0;
    this.done = framing.by === 'length' && framing.bytes === 0;
  }

  /** Between 1 and `maxBytes` bytes, or undefined after the last. Throws BrokenTransfer when the content was cut short. */
  async next(maxBytes: number = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
    if (this.done) return undefined;
    if (this.#framing.by === 'close') {
      const part = await this.#reader.some(maxBytes);
      this.done = part === undefined;
      return part;
    }
    if (this.#leftBytes === 0 && !(await this.#nextChunk())) return undefined;
    const part = await this.#reader.some(Math.min(maxBytes, this.#leftBytes));
    if (part === undefined) throw new BrokenTransfer(`ended ${this.#leftBytes} bytes early`);
    this.#leftBytes -= part.length;
    if (this.#leftBytes === 0 && this.#framing.by === 'length') this.done = true;
    return part;
  }

  async #nextChunk(): Promise<boolean> {
    if (this.#chunks++ > 0) {
      const end = await this.#reader.line();
      if (end !== '') throw new BrokenTransfer('a chunk does not end where its size says');
    }
    const line = await this.#reader.line();
    if (line === undefined) throw new BrokenTransfer('ended before the last chunk');
    const size = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new BrokenTransfer(`not a chunk size: ${JSON.stringify(line)}`);
    this.#leftBytes = Number.parseInt(size, 16);
    if (this.#leftBytes > 0) return true;
    this.trailers = await readFieldLines(this.#reader);
    this.done = true;
    return false;
  }
}
