// Whatever our parser accepts, node:http's accepts with the same meaning. The reverse does not hold: ours is stricter.

import { createServer, type IncomingMessage, METHODS } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BodyDecoder, decoderFor } from '../../src/http/body.ts';
import { ChunkedDecoder } from '../../src/http/chunked.ts';
import { HeadParser } from '../../src/http/head.ts';
import { DEFAULT_LIMITS } from '../../src/http/limits.ts';
import { Refusal } from '../../src/http/refusal.ts';

interface Meaning {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly string[];
  readonly body: string;
}

const KNOWN_METHODS = new Set(METHODS);

function ours(bytes: Buffer): { meaning: Meaning; message: Buffer } | undefined {
  const copy = Buffer.from(bytes);
  const head = new HeadParser('http', DEFAULT_LIMITS).parse(copy, 0, copy.length, 0);
  if (head === undefined || head instanceof Refusal) return undefined;
  const decoder = decoderFor(head.block, DEFAULT_LIMITS);
  if (decoder instanceof Refusal) return undefined;
  let body = '';
  let end = head.end;
  if (decoder !== undefined) {
    end = decoder.decode(copy, head.end, copy.length);
    if (!decoder.done) return undefined;
    body = decoder.content?.toString('latin1') ?? '';
  }
  const { method, target, block } = head;
  return { meaning: { method, target, lines: block.fields.lines, body }, message: bytes.subarray(0, end) };
}

/** The request that node:http reads from bytes that hold one and then end. */
function reference(bytes: Buffer): Promise<Meaning | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    const collect = (request: IncomingMessage): void => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (part: string) => {
        body += part;
      });
      const { method = '', url = '', rawHeaders } = request;
      request.on('end', () => resolve({ method, target: url, lines: rawHeaders, body }));
      request.on('error', () => resolve(undefined));
    };
    server.on('request', collect);
    server.on('connect', ({ method = '', url = '', rawHeaders }) => {
      resolve({ method, target: url, lines: rawHeaders, body: '' });
    });
    server.on('clientError', () => resolve(undefined));
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    socket.on('error', () => {});
    server.emit('connection', socket);
    socket.push(bytes);
    socket.push(null);
    socket.on('close', () => resolve(undefined));
  });
}

async function expectSameMeaning(received: Buffer): Promise<boolean> {
  const mine = ours(received);
  if (mine === undefined) return false;
  const bytes = mine.message;
  // node:http knows a list of methods, we any token: the rest is compared under a method that it knows.
  const at = bytes.indexOf(mine.meaning.method, 0, 'latin1');
  const known = KNOWN_METHODS.has(mine.meaning.method);
  const given = known
    ? bytes
    : Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from('POST'),
        bytes.subarray(at + mine.meaning.method.length),
      ]);
  const theirs = await reference(given);
  const shown = JSON.stringify(bytes.toString('latin1'));
  expect(theirs, `node:http refuses ${shown}`).toBeDefined();
  expect({ ...theirs, target: reduced(theirs) }, shown).toEqual({
    ...mine.meaning,
    method: known ? mine.meaning.method : 'POST',
  });
  return true;
}

function reduced(meaning: Meaning | undefined): string | undefined {
  const match = /^https?:\/\/[^/?]*(.*)$/i.exec(meaning?.target ?? '');
  if (meaning === undefined || match === null || meaning.method === 'CONNECT') return meaning?.target;
  const rest = match[1] ?? '';
  if (rest === '' && meaning.method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

const chars = (text: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...text), minLength, maxLength });
const name = chars("abzAZ09-_!#$%&'*+.^`|~", 1, 12);
const value = chars('ab 09\t,;="\x80\xff:\\', 0, 20);
const method = fc.oneof(
  fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'PURGE', 'BAN', 'CONNECT'),
  name,
);
const target = fc.oneof(
  chars('ab/?%2\\&=.:@"<>|', 0, 20).map((rest) => `/${rest}`),
  fc.constantFrom(
    '*',
    'http://a.b/x?y',
    'HTTP://A.b',
    'http://a.b?q',
    'a.b:443',
    'https://a.b/',
    'http://c/',
  ),
);
const fieldLine = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, value).map(([n, v]) => `${n}: ${v}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'Connection: close',
      'Connection: keep-alive, x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Expect: 100-continue',
      'Content-Length: 0',
      'TE: trailers',
      'Cookie: a=b',
    ),
  },
);
const text = chars('abc\r\n0 ', 0, 20);
const extension = fc.constantFrom('', ';a', ';a=b', ';a="b c"', ';a="\\"b"', ';a=b;c');
const chunk = fc.tuple(chars('abc\r\n0;', 1, 20), extension, fc.boolean()).map(([content, ext, upper]) => {
  const size = content.length.toString(16);
  return `${upper ? size.toUpperCase() : `0${size}`}${ext}\r\n${content}\r\n`;
});
const trailers = fc.constantFrom('', 'X: y\r\n', 'Content-Lengths: 3\r\nX:\r\n');
const framed = fc.oneof(
  fc.constant({ field: '', body: '' }),
  text.map((body) => ({ field: `Content-Length: ${body.length}\r\n`, body })),
  fc.tuple(fc.array(chunk, { maxLength: 4 }), trailers).map(([chunks, trailer]) => ({
    field: 'Transfer-Encoding: chunked\r\n',
    body: `${chunks.join('')}0\r\n${trailer}\r\n`,
  })),
);
const message = fc
  .tuple(method, target, fc.constantFrom('1.1', '1.1', '1.0'), fc.array(fieldLine, { maxLength: 6 }), framed)
  .map(([m, t, version, lines, { field, body }]) => {
    const fields = ['Host: a.b', ...lines].map((line) => `${line}\r\n`).join('');
    return Buffer.from(`${m} ${t} HTTP/${version}\r\n${fields}${field}\r\n${body}`, 'latin1');
  });

type Edit = { readonly at: number; readonly kind: 'replace' | 'insert' | 'remove'; readonly bytes: string };
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom('replace', 'insert', 'remove'),
  bytes: fc.oneof(
    fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      ' ',
      '\t',
      '\0',
      ':',
      ',',
      ';',
      '\x7f',
      '\xff',
      '\\',
      '#',
      '0',
      '\r\n\r\n',
    ),
    fc.constantFrom(
      'Host: a.b\r\n',
      'Content-Length: 1\r\n',
      'Transfer-Encoding: chunked\r\n',
      ' chunked',
      'chunked, ',
    ),
    fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  ),
});

function mutate(bytes: Buffer, edits: readonly Edit[]): Buffer {
  let text = bytes.toString('latin1');
  for (const { at, kind, bytes: added } of edits) {
    const index = Math.floor(at * text.length);
    const rest = kind === 'insert' ? index : index + 1;
    text = text.slice(0, index) + (kind === 'remove' ? '' : added) + text.slice(rest);
  }
  return Buffer.from(text, 'latin1');
}

describe('whatever we accept', () => {
  it('node:http accepts with the same meaning: well-formed messages', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        if (await expectSameMeaning(bytes)) accepted++;
      }),
      { numRuns: 1500 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  it('node:http accepts with the same meaning: mutated messages', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(message, fc.array(edit, { minLength: 1, maxLength: 3 }), async (bytes, edits) => {
        if (await expectSameMeaning(mutate(bytes, edits))) accepted++;
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(150);
  });
});

describe('a body', () => {
  const decoded = (decoder: BodyDecoder, parts: readonly Buffer[]): { content: string; used: number } => {
    let content = '';
    let used = 0;
    for (const part of parts) {
      const copy = Buffer.from(part);
      const end = decoder.decode(copy, 0, copy.length);
      used += end;
      content += decoder.content?.toString('latin1') ?? '';
      if (end < copy.length) break;
    }
    return { content, used };
  };
  const split = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
    const at = [...new Set([0, bytes.length, ...cuts.map((cut) => cut % (bytes.length + 1))])].sort(
      (a, b) => a - b,
    );
    return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
  };

  it('in chunks is the same however its bytes are split, and ends where it ends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 }),
        fc.array(extension, { minLength: 6, maxLength: 6 }),
        trailers,
        fc.array(fc.nat(5000), { maxLength: 40 }),
        fc.string({ maxLength: 10 }),
        (chunks, extensions, trailer, cuts, next) => {
          const content = Buffer.concat(chunks).toString('latin1');
          const coded = chunks
            .map(
              (part, i) =>
                `${part.length.toString(16)}${extensions[i]}\r\n${Buffer.from(part).toString('latin1')}\r\n`,
            )
            .join('');
          const body = Buffer.from(`${coded}0\r\n${trailer}\r\n`, 'latin1');
          const parts = split(Buffer.concat([body, Buffer.from(next)]), cuts);
          const decoder = new ChunkedDecoder(10_000, 10);
          expect(decoded(decoder, parts)).toEqual({ content, used: body.length });
          expect(decoder.done).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('in chunks, garbled, fails or holds the same content however its bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 4 }),
        trailers,
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(500), { maxLength: 20 }),
        (chunks, trailer, edits, cuts) => {
          const body = mutate(Buffer.from(`${chunks.join('')}0\r\n${trailer}\r\n`, 'latin1'), edits);
          const whole = new ChunkedDecoder(10_000, 10);
          const inParts = new ChunkedDecoder(10_000, 10);
          const expected = decoded(whole, [body]);
          const actual = decoded(inParts, split(body, cuts));
          expect(inParts.fault).toEqual(whole.fault);
          expect(inParts.done).toBe(whole.done);
          if (whole.fault === undefined) expect(actual).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    [400, '\r\n'],
    [400, 'g\r\n'],
    [400, '-1\r\n'],
    [400, '+1\r\na\r\n'],
    [400, '0x1\r\n'],
    [400, ' 1\r\na\r\n'],
    [400, '1 \r\na\r\n'],
    [400, '1\na\r\n'],
    [400, '1\r\na\n'],
    [400, '1\r\nab\r\n'],
    [400, '1\r\na\rb'],
    [400, '1\rx'],
    [400, '00000000000001\r\na\r\n'],
    [400, '10000000000000000\r\n'],
    [400, '1;\r\na\r\n'],
    [400, '1; a\r\na\r\n'],
    [400, '1;a=\r\na\r\n'],
    [400, '1;a="\r\n"\r\na\r\n'],
    [400, '1;a="b"c\r\na\r\n'],
    [400, '1;a\n\r\na\r\n'],
    [400, '1;=b\r\na\r\n'],
    [400, `1;${'a'.repeat(16_384)}\r\na\r\n`],
    [413, '2711\r\n'],
    [413, '1f40\r\n'.concat('a'.repeat(8000), '\r\n', '7d1\r\n')],
    [400, '0\r\nX : y\r\n\r\n'],
    [400, '0\r\nX\r\n\r\n'],
    [400, '0\r\nContent-length: 3\r\n\r\n'],
    [400, '0\r\nX: y\r\nTRANSFER-ENCODING: chunked\r\n\r\n'],
    [400, '0\r\n X: y\r\n\r\n'],
    [400, '0\r\nX: \0\r\n\r\n'],
    [400, '0\r\nX: y\n\r\n'],
    [400, '0\r\n\n'],
    [400, '0\r\nX: y\r\r\n'],
    [431, `0\r\n${'X: y\r\n'.repeat(11)}\r\n`],
    [431, `0\r\nX: ${'y'.repeat(8192)}\r\n\r\n`],
  ])('with %i for %j is refused', (status, body) => {
    const decoder = new ChunkedDecoder(10_000, 10);
    decoded(decoder, [Buffer.from(body, 'latin1')]);
    expect(decoder.fault?.status).toBe(status);
    expect(decoder.done).toBe(false);
  });
});
