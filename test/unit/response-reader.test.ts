// Responses off a connection, in any split of the bytes, and what is none.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../src/http/inbox.ts';
import { ResponseReader } from '../../src/origin/response-reader.ts';

interface Read {
  readonly interim: number[];
  status: number | undefined;
  content: string;
  end: 'complete, kept' | 'complete, closed' | 'cut' | 'garbled' | 'waiting';
}

function read(pieces: readonly string[], method = 'GET', thenCloses = false): Read {
  const out: Read = { interim: [], status: undefined, content: '', end: 'waiting' };
  const reader = new ResponseReader({
    onInterim: (status) => void out.interim.push(status),
    onHead: (status) => {
      out.status = status;
    },
    onContent: (chunk) => {
      out.content += chunk.toString('latin1');
    },
    onComplete: (persists) => {
      out.end = persists ? 'complete, kept' : 'complete, closed';
    },
    onGarbled: () => {
      out.end = 'garbled';
    },
  });
  const inbox = new Inbox();
  const shared = Buffer.alloc(4096);
  reader.begin(method);
  for (const piece of pieces) {
    if (inbox.length > 0) inbox.add(Buffer.from(piece, 'latin1'));
    else inbox.lend(shared, shared.write(piece, 0, 'latin1'));
    reader.read(inbox);
    inbox.keep();
    shared.fill(0x21);
  }
  if (thenCloses && out.end === 'waiting' && !reader.finish()) out.end = 'cut';
  return out;
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('a response', () => {
  it.each([
    ['by length', `${OK}Content-Length: 5\r\n\r\nhello`, 'hello', 'complete, kept'],
    ['empty', `${OK}Content-Length: 0\r\n\r\n`, '', 'complete, kept'],
    [
      'chunked',
      `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n`,
      'hello',
      'complete, kept',
    ],
    ['to the close', `${OK}\r\nhello`, 'hello', 'complete, closed'],
    ['closing', `${OK}Connection: x, Close\r\nContent-Length: 1\r\n\r\nx`, 'x', 'complete, closed'],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', 'x', 'complete, closed'],
    [
      'of HTTP/1.0, kept',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
      'x',
      'complete, kept',
    ],
    ['of 204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', '', 'complete, closed'],
    ['of 304 with a coding', 'HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n', '', 'complete, closed'],
    ['of 304 with no length', 'HTTP/1.1 304 x\r\nContent-Length: 0\r\n\r\n', '', 'complete, kept'],
    ['without a reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', '', 'complete, kept'],
    [
      'after interim ones',
      `HTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 100 y\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      '',
      'complete, kept',
    ],
    ['cut short', `${OK}Content-Length: 5\r\n\r\nhell`, 'hell', 'cut'],
    ['cut in a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhell`, 'hell', 'cut'],
    ['cut in its head', OK, '', 'cut'],
  ])('%s is the same in every split', (_, text, content, end) => {
    const cuts = fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, (at) => {
        const places = [0, ...at.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, i) => text.slice(places[i], place));
        const out = read(pieces, 'GET', true);
        expect([out.content, out.end]).toEqual([content, end]);
      }),
    );
  });

  it('to HEAD has no content, and its connection is not trusted again', () => {
    expect(read([`${OK}Content-Length: 5\r\n\r\n`], 'HEAD').end).toBe('complete, closed');
  });

  it.each([
    ['no HTTP', 'SSH-2.0-x\r\n'],
    ['another major version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['another minor version', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['a short status', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a long status', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['bare line ends', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a folded line', `${OK}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
    ['a blank before the colon', `${OK}Content-Length : 0\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    ['a signed length', `${OK}Content-Length: +1\r\n\r\n`],
    ['a length beside a coding', `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a broken chunk', `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a 101 that nobody asked for', 'HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n'],
    ['interim responses without end', 'HTTP/1.1 103 x\r\n\r\n'.repeat(40)],
    ['a head without end', `${OK}${'A: b\r\n'.repeat(50_000)}`],
  ])('is not what has %s', (_, text) => {
    const pieces = text.match(/[\s\S]{1,4000}/g) ?? [];
    expect(read(pieces).end).toBe('garbled');
    if (pieces.length === 1) expect(read([...text]).end).toBe('garbled');
  });
});
