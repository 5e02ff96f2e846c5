// Heads of responses on connections that this edge reads itself, and the switch that an upgrade asks for.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { composeRequestHead, parseResponseHead } from '../../src/origin/response-head.ts';
import { acceptOf, switchFault } from '../../src/origin/switching.ts';

const parse = (text: string) => parseResponseHead(Buffer.from(text, 'latin1'));

describe('A response head', () => {
  it('is status, fields, and where it ends', () => {
    const head = parse('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nA:b \r\n\r\nrest');
    expect(head).toMatchObject({ version: '1.1', status: 101, end: 62 });
    expect(typeof head === 'object' && head.fields.lines).toEqual(['Upgrade', 'websocket', 'A', 'b']);
    expect(parse('HTTP/1.0 204\r\n\r\n')).toMatchObject({ version: '1.0', status: 204, end: 16 });
  });

  it.each([
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.2 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 200 O\nK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n',
    'HTTP/1.1 200 OK\nA: b\r\n\r\n',
    'SSH-2.0-x',
  ])('%j is none', (text) => {
    expect(typeof parse(text)).toBe('string');
  });

  it('waits for bytes that are missing, wherever it is cut', () => {
    const text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
    for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut))).toBeUndefined();
    expect(parse(text)).toMatchObject({ status: 101 });
  });

  it('never throws, and never reads beyond its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const head = parseResponseHead(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), bytes]));
        return head === undefined || typeof head === 'string' || head.end <= 17 + bytes.length;
      }),
    );
  });
});

describe('A request head', () => {
  it('is composed of parts that cannot be read as more', () => {
    expect(composeRequestHead('GET', '/a?b', ['host', 'x']).toString()).toBe(
      'GET /a?b HTTP/1.1\r\nhost: x\r\n\r\n',
    );
    for (const [method, target, lines] of [
      ['GET /x', '/', []],
      ['GET', '/a b', []],
      ['GET', '/\r\n', []],
      ['GET', '/', ['a', 'b\r\nc: d']],
      ['GET', '/', ['a:', 'b']],
    ] as const) {
      expect(() => composeRequestHead(method, target, lines)).toThrow();
    }
  });
});

describe('A 101', () => {
  const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
  const fields = (more: Record<string, string | string[]> = {}) =>
    Fields.from({
      Connection: 'keep-alive, Upgrade',
      Upgrade: 'WebSocket',
      'Sec-WebSocket-Accept': acceptOf(KEY),
      ...more,
    });
  const request = ['host', 'a', 'Sec-WebSocket-Key', KEY];

  it('fits when it is the one asked for (the example of RFC 6455 §1.3)', () => {
    expect(acceptOf(KEY)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(switchFault(['websocket'], request, fields())).toBeUndefined();
  });

  it.each([
    ['another protocol', { Upgrade: 'h2c' }],
    ['two protocols', { Upgrade: 'websocket, chat' }],
    ['two lines of Upgrade', { Upgrade: ['websocket', 'websocket'] }],
    ['no Upgrade option', { Connection: 'keep-alive' }],
    ['a wrong answer to the key', { 'Sec-WebSocket-Accept': acceptOf('x') }],
    ['two answers to the key', { 'Sec-WebSocket-Accept': [acceptOf(KEY), acceptOf(KEY)] }],
  ])('with %s does not', (_what, more) => {
    expect(switchFault(['websocket', 'chat'], request, fields(more))).toBeTypeOf('string');
  });
});
