import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CgiHead, CgiHeadReader, parseCgiHead } from '../../src/origin/fastcgi/response.ts';

function head(text: string): CgiHead {
  const result = parseCgiHead(text);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('the head of a CGI response', () => {
  it.each([
    ['Content-Type: text/html\r\n\r\n', 200],
    ['Content-Type: text/html\n\n', 200],
    ['Status: 404 Not Found\r\nX: y\n\r\n', 404],
    ['Status: 500\n\n', 500],
    ['status:304\n\n', 304],
    ['Location: /other\n\n', 302],
    ['Location: http://example.org/\n\n', 302],
    ['Status: 201 Created\nLocation: /new\n\n', 201],
  ])('%j has status %i', (text, status) => {
    expect(head(text).status).toBe(status);
  });

  it('has its fields as they stand, without Status and what is of the connection', () => {
    const { fields } = head(
      'Status: 200 OK\r\nX-A:1\r\nSet-Cookie: a\r\nSet-Cookie: b \r\nConnection: x-b\r\nX-B: 2\r\n\r\n',
    );
    expect(fields.lines).toEqual(['X-A', '1', 'Set-Cookie', 'a', 'Set-Cookie', 'b']);
  });

  it('has the length that it announces', () => {
    expect(head('Content-Length: 12\n\n')).toMatchObject({ contentLength: 12 });
    expect(head('Content-Length: 12\n\n').fields.get('content-length')).toBe('12');
    expect(head('X: y\n\n').contentLength).toBeUndefined();
  });

  it.each([
    ['\n'],
    ['\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nX: y\r\n\r\n'],
    ['<html>\n\n'],
    ['no colon\n\n'],
    [': no name\n\n'],
    ['Bad Name: x\n\n'],
    ['Name : x\n\n'],
    ['X: a\n folded\n\n'],
    ['X: a\rSet-Cookie: evil\n\n'],
    ['X: a\r\r\n\n'],
    ['X: a\0b\n\n'],
    ['X: \x7f\n\n'],
    ['Status: 100 Continue\n\n'],
    ['Status: 101 Switching\n\n'],
    ['Status: 600 Odd\n\n'],
    ['Status: 20\n\n'],
    ['Status: 2000\n\n'],
    ['Status: abc\n\n'],
    ['Status: 200\nStatus: 200\n\n'],
    ['Content-Length: -1\n\n'],
    ['Content-Length: 1, 1\n\n'],
    ['Content-Length: 1\nContent-Length: 2\n\n'],
    ['Transfer-Encoding: chunked\n\n'],
    ['X: y\n'.repeat(1001).concat('\n')],
  ])('is refused: %j', (text) => {
    expect(parseCgiHead(text)).toBeTypeOf('string');
  });

  it('never yields what would be two lines, whatever the script writes', () => {
    const piece = fc.constantFrom(
      '\r',
      '\n',
      '\0',
      ':',
      ' ',
      'X',
      'Status',
      '200',
      '\t',
      '\xff',
      'Set-Cookie: a=b',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = parseCgiHead(`A: b\n${pieces.join('')}\n\n`);
        if (typeof result === 'string') return;
        for (const part of result.fields.lines) expect(part).not.toMatch(/[\r\n\0]/);
      }),
    );
  });
});

describe('reading the head', () => {
  it('finds the same head and content however the output is cut', () => {
    const text = 'Status: 404 Not Found\r\nX-A: 1\nX-B: 2\r\n\r\ncontent\n\nof it';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (cuts) => {
        const reader = new CgiHeadReader();
        const bytes = Buffer.from(text);
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          const piece = bytes.subarray(at, at + cut);
          at += cut;
          const read = reader.push(piece);
          if (read === undefined) continue;
          if (typeof read === 'string') throw new Error(read);
          expect(read.head).toMatchObject({ status: 404, fields: { lines: ['X-A', '1', 'X-B', '2'] } });
          expect(Buffer.concat([read.rest, bytes.subarray(at)]).toString()).toBe('content\n\nof it');
          return;
        }
        throw new Error('no head');
      }),
    );
  });

  it('gives up a head that does not end', () => {
    const reader = new CgiHeadReader();
    const line = Buffer.from(`X: ${'y'.repeat(1000)}\n`);
    let read: ReturnType<CgiHeadReader['push']>;
    for (let i = 0; i < 300 && read === undefined; i++) read = reader.push(line);
    expect(read).toBeTypeOf('string');
  });
});
