import { describe, expect, it } from 'vitest';
import { type Head, HeadParser } from '../../src/http/head.ts';
import { HeaderBlocks } from '../../src/http/header-block.ts';
import { parseAuthority, reduceAuthority } from '../../src/http/host.ts';
import { DEFAULT_LIMITS } from '../../src/http/limits.ts';
import { Refusal } from '../../src/http/refusal.ts';

function parse(text: string, limits = {}): Head | Refusal | undefined {
  const bytes = Buffer.from(text, 'latin1');
  return new HeadParser('http', { ...DEFAULT_LIMITS, ...limits }).parse(bytes, 0, bytes.length, 0);
}

function accepted(text: string): Head {
  const head = parse(text);
  if (head === undefined || head instanceof Refusal) throw new Error(`not accepted: ${JSON.stringify(head)}`);
  return head;
}

function statusOf(text: string, limits = {}): number | string {
  const head = parse(text, limits);
  if (head === undefined) return 'incomplete';
  return head instanceof Refusal ? head.status : 'accepted';
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';

describe('an accepted head', () => {
  it.each([
    ['GET /a?b=c HTTP/1.1\r\nHost: Example.COM\r\n\r\n', 'GET', '/a?b=c', '1.1', 'example.com'],
    ['GET / HTTP/1.1\r\nHost: a:80\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['GET / HTTP/1.1\r\nHost: a:\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['GET / HTTP/1.1\r\nHost: a:0080\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n', 'GET', '/', '1.1', 'a:8080'],
    ['GET / HTTP/1.1\r\nHost: [2001:DB8::1]:81\r\n\r\n', 'GET', '/', '1.1', '[2001:db8::1]:81'],
    ['GET / HTTP/1.0\r\n\r\n', 'GET', '/', '1.0', ''],
    ['GET / HTTP/1.0\r\nHost:\r\n\r\n', 'GET', '/', '1.0', ''],
    ['\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n', 'PURGE', '/x', '1.1', 'a'],
    ['BAN /x HTTP/1.1\r\nHost: a\r\n\r\n', 'BAN', '/x', '1.1', 'a'],
    ['REFRESH /x HTTP/1.1\r\nHost: a\r\n\r\n', 'REFRESH', '/x', '1.1', 'a'],
    ["m!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", "m!#$%&'*+-.^_`|~9", '/', '1.1', 'a'],
    ['get / HTTP/1.1\r\nHost: a\r\n\r\n', 'get', '/', '1.1', 'a'],
    ['GET http://a/x?y HTTP/1.1\r\nHost: A\r\n\r\n', 'GET', '/x?y', '1.1', 'a'],
    ['GET HTTP://a:80 HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/', '1.1', 'a'],
    ['GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/?q', '1.1', 'a'],
    ['GET https://a:443/x HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/x', '1.1', 'a'],
    ['GET http://b/x HTTP/1.0\r\n\r\n', 'GET', '/x', '1.0', 'b'],
    ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS', '*', '1.1', 'a'],
    ['OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS', '*', '1.1', 'a'],
    ['OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS', '/', '1.1', 'a'],
    ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'CONNECT', 'a:443', '1.1', 'a:443'],
    ['GET //x/../y HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '//x/../y', '1.1', 'a'],
    ['GET /%00|^`{}"<> HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/%00|^`{}"<>', '1.1', 'a'],
    ['GET /?a\\b HTTP/1.1\r\nHost: a\r\n\r\n', 'GET', '/?a\\b', '1.1', 'a'],
  ])('%j', (text, method, target, version, authority) => {
    const head = accepted(text);
    expect({ ...head, block: undefined }).toEqual({
      method,
      target,
      version,
      authority,
      block: undefined,
      end: text.length,
    });
  });

  it('keeps names as received, trims OWS, keeps inner blanks and obs-text', () => {
    const { block } = accepted(`${GET}X-A:  \t one\ttwo \t\r\nx-b:\r\nx-c: \xe9\xff\r\n\r\n`);
    expect(block.fields.lines).toEqual(['Host', 'a', 'X-A', 'one\ttwo', 'x-b', '', 'x-c', '\xe9\xff']);
  });

  it('ends at its empty line and leaves what follows', () => {
    const text = `${GET}\r\n`;
    expect(accepted(`${text}GET /next HTTP/1.1\r\n\r\n`).end).toBe(text.length);
  });

  it.each([
    ['', { contentLength: -1, chunked: false, close: false, keepAlive: false, expectsContinue: false }],
    ['Content-Length: 0\r\n', { contentLength: 0 }],
    ['Content-Length: 007\r\n', { contentLength: 7 }],
    ['Content-Length: 9007199254740991\r\n', { contentLength: Number.MAX_SAFE_INTEGER }],
    ['Transfer-Encoding: Chunked\r\n', { chunked: true, contentLength: -1 }],
    ['Connection: foo, Close ,\r\n', { close: true }],
    ['Connection: foo\r\nConnection: Keep-Alive\r\n', { keepAlive: true, close: false }],
    ['Connection: closed\r\n', { close: false }],
    ['Expect: 100-Continue\r\n', { expectsContinue: true }],
  ])('derives its framing from %j', (fields, facts) => {
    expect(accepted(`${GET}${fields}\r\n`).block).toMatchObject(facts);
  });
});

describe('a refused head', () => {
  const cases: readonly (readonly [number, string])[] = [
    // Line ends
    [400, 'GET / HTTP/1.1\nHost: a\n\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    [400, 'GET / HTTP/1.1\rHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n'],
    [400, '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    // Request line
    [400, ' GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
    [400, 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'G\xe9T / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [501, `${'M'.repeat(65)} / HTTP/1.1\r\nHost: a\r\n\r\n`],
    [501, 'M'.repeat(65)],
    // Versions
    [400, 'GET /\r\n'],
    [400, 'GET / \r\n'],
    [400, 'GET / HTTP/0.9\r\nHost: a\r\n\r\n'],
    [400, 'GET / http/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1,1\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/11\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.10\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/01.1\r\nHost: a\r\n\r\n'],
    [400, 'GET / ICE/1.1\r\nHost: a\r\n\r\n'],
    [505, 'GET / HTTP/1.2\r\nHost: a\r\n\r\n'],
    [505, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [505, 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'],
    // Targets
    [400, 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /?\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET ?a HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET https://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET http://a/ HTTP/1.1\r\n\r\n'],
    [400, 'GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
    [400, 'CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 1\r\n\r\n'],
    // Host
    [400, 'GET / HTTP/1.1\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: \t \r\n\r\n'],
    [400, `${GET}Host: a\r\n\r\n`],
    [400, `${GET}hOST: b\r\n\r\n`],
    [400, 'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.0\r\nHost: a b\r\n\r\n'],
    ...[
      'a b',
      'a/b',
      'a?b',
      'u@a',
      ':80',
      'a:b',
      'a:65536',
      'a:000080',
      'a:-1',
      'a:80:80',
      '\xe9',
      'a\tb',
      'a%2',
      'a%zz',
      '[::1',
      '[::1]x',
      '[::g]',
      '[]',
      '[fe80::1%25eth0]',
      '[v1.a]',
      '::1',
      'a\\b',
      'a"b',
      'a<b',
      'h'.repeat(256),
    ].map((host) => [400, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`] as const),
    // Field lines
    [400, `${GET}X : b\r\n\r\n`],
    [400, `${GET}X\t: b\r\n\r\n`],
    [400, `${GET}: b\r\n\r\n`],
    [400, `${GET}X\r\n\r\n`],
    [400, `${GET}X(: b\r\n\r\n`],
    [400, `${GET}X\xe9: b\r\n\r\n`],
    [400, `${GET}X: a\r\n b\r\n\r\n`],
    [400, `${GET}X: a\r\n\tb\r\n\r\n`],
    [400, `GET / HTTP/1.1\r\n Host: a\r\n\r\n`],
    [400, `${GET}X: a\x00b\r\n\r\n`],
    [400, `${GET}X: a\x01b\r\n\r\n`],
    [400, `${GET}X: a\x0bb\r\n\r\n`],
    [400, `${GET}X: a\x7fb\r\n\r\n`],
    // Framing
    ...[
      '',
      '+1',
      '-1',
      '1 ',
      '1,1',
      '1, 1',
      '0x1',
      '1e1',
      '1.0',
      '9007199254740992',
      '00000000000000001',
      'a',
      '1;a',
    ]
      .filter((length) => length !== '1 ')
      .map((length) => [400, `${GET}Content-Length: ${length}\r\n\r\n`] as const),
    [400, `${GET}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`],
    [400, `${GET}Content-Length: 1\r\ncontent-length: 2\r\n\r\n`],
    [400, `${GET}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    [400, `${GET}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`],
    [400, 'GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ...[
      '',
      'identity',
      'gzip',
      'chunked, gzip',
      'chunked, chunked',
      'chunked,',
      ',chunked',
      'chunked;a=b',
      'xchunked',
    ].map((coding) => [400, `${GET}Transfer-Encoding: ${coding}\r\n\r\n`] as const),
    [400, `${GET}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
    [400, `${GET}Transfer-Encoding: "chunked"\r\n\r\n`],
    [400, `${GET}Transfer-Encoding: \x0bchunked\r\n\r\n`],
    [400, `${GET}Transfer-Encoding: chunked\xa0\r\n\r\n`],
    [501, `${GET}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    [501, `${GET}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`],
    [417, `${GET}Expect: 200-ok\r\n\r\n`],
    [417, `${GET}Expect: 100-continue, x\r\n\r\n`],
    [417, `${GET}Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n`],
  ];

  it.each(cases)('%i for %j', (status, text) => {
    expect(statusOf(text)).toBe(status);
  });

  it('has a target, a head or a count of fields beyond its bound', () => {
    expect(statusOf(`GET /${'a'.repeat(8191)} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe('accepted');
    expect(statusOf(`GET /${'a'.repeat(8192)} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe(414);
    expect(statusOf(`GET /${'a'.repeat(8192)}`)).toBe(414);
    expect(statusOf(`${GET}\r\n`, { maxHeadBytes: GET.length + 2 })).toBe('accepted');
    expect(statusOf(`${GET}\r\n`, { maxHeadBytes: GET.length + 1 })).toBe(431);
    expect(statusOf(`${GET}X: ${'a'.repeat(32_768)}`)).toBe(431);
    expect(statusOf(`${GET}${'X: y\r\n'.repeat(99)}\r\n`, { maxFields: 100 })).toBe('accepted');
    expect(statusOf(`${GET}${'X: y\r\n'.repeat(100)}\r\n`, { maxFields: 100 })).toBe(431);
  });

  it('is refused as soon as a line ends badly, without its empty line', () => {
    expect(statusOf('GET /\n')).toBe(400);
    expect(statusOf('GET / HTTP/1.1\n')).toBe(400);
    expect(statusOf('GET / HTTP/1.1\r\nHost: a\n')).toBe(400);
  });
});

describe('a head in pieces', () => {
  it.each([`${GET}X: y\r\n\r\n`, 'GET / HTTP/1.0\r\n\r\n', '\r\nPOST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'])(
    '%j is incomplete at every proper prefix, also when resumed byte by byte',
    (text) => {
      const parser = new HeadParser('http', DEFAULT_LIMITS);
      const bytes = Buffer.from(text, 'latin1');
      for (let end = 1; end < bytes.length; end++) {
        expect(parser.parse(bytes, 0, end, 0)).toBeUndefined();
        expect(parser.parse(bytes, 0, end, end - 1)).toBeUndefined();
      }
      expect(parser.parse(bytes, 0, bytes.length, bytes.length - 1)).toEqual(accepted(text));
    },
  );
});

describe('the map of header blocks', () => {
  it('gives requests with the same header bytes the same Fields, whatever their request lines', () => {
    const parser = new HeadParser('http', DEFAULT_LIMITS);
    const heads = ['GET /a', 'GET /b', 'POST http://a/c'].map((line) => {
      const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n`);
      const head = parser.parse(bytes, 0, bytes.length, 0);
      if (head === undefined || head instanceof Refusal) throw new Error('not accepted');
      return head;
    });
    expect(new Set(heads.map((head) => head.block.fields)).size).toBe(1);
    expect(heads.map((head) => head.target)).toEqual(['/a', '/b', '/c']);
  });

  it('judges a known block by each request line anew', () => {
    const parser = new HeadParser('http', DEFAULT_LIMITS);
    const status = (text: string): number | undefined => {
      const head = parser.parse(Buffer.from(text), 0, text.length, 0);
      return head instanceof Refusal ? head.status : undefined;
    };
    const block = 'Transfer-Encoding: chunked\r\nHost: a\r\n\r\n';
    expect(status(`POST / HTTP/1.1\r\n${block}`)).toBeUndefined();
    expect(status(`POST / HTTP/1.0\r\n${block}`)).toBe(400);
    expect(status(`POST http://b/ HTTP/1.1\r\n${block}`)).toBe(400);
    expect(status(`POST / HTTP/1.1\r\n${block}`)).toBeUndefined();
  });

  it('stays bounded under ever new blocks and keeps the one in use', () => {
    const blocks = new HeaderBlocks('http', 100);
    const used = Buffer.from('Host: used\r\n\r\n');
    const first = blocks.read(used, 0, used.length);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(`Host: h${i}\r\n\r\n`);
      blocks.read(bytes, 0, bytes.length);
      if (i % 1000 === 0) expect(blocks.read(used, 0, used.length)).toBe(first);
    }
    expect(blocks.size).toBeLessThanOrEqual(8192);
  });
});

describe('an authority', () => {
  it.each([
    ['a', { host: 'a', port: -1 }],
    ['A.b:1', { host: 'a.b', port: 1 }],
    ['a:0', { host: 'a', port: 0 }],
    ['a:65535', { host: 'a', port: 65_535 }],
    ['a%2Db', { host: 'a%2db', port: -1 }],
    ['1.2.3.4:80', { host: '1.2.3.4', port: 80 }],
    ['[::FFFF:1.2.3.4]', { host: '[::ffff:1.2.3.4]', port: -1 }],
    ['a_b~c', { host: 'a_b~c', port: -1 }],
  ])('%s is read', (text, authority) => {
    expect(parseAuthority(text)).toEqual(authority);
  });

  it("loses its scheme's default port and no other", () => {
    expect(reduceAuthority({ host: 'a', port: 443 }, 'https')).toBe('a');
    expect(reduceAuthority({ host: 'a', port: 443 }, 'http')).toBe('a:443');
    expect(reduceAuthority({ host: 'a', port: 80 }, 'https')).toBe('a:80');
  });
});
