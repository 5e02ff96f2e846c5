import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FieldLines, Fields } from '../../src/http/fields.ts';
import type { Request } from '../../src/http/message.ts';
import {
  addressTest,
  clientScheme,
  type ForwardOptions,
  forwardRequestLines,
  type Identity,
  isLoop,
  viaLine,
} from '../../src/origin/forwarded.ts';

const IDENTITY: Identity = { name: 'holdfast', pseudonym: 'holdfast-12ab34cd' };
const NOBODY = addressTest([]);
const LOCAL = addressTest(['127.0.0.0/8', '::1']);

type FieldTable = Readonly<Record<string, string | readonly string[]>>;

function request(fields: FieldTable = {}, more: Partial<Request> = {}): Request {
  return {
    method: 'GET',
    target: '/a',
    scheme: 'http',
    authority: 'www.example.org',
    version: '1.1',
    fields: Fields.from(fields),
    body: null,
    peer: { address: '127.0.0.1', port: 4711 },
    receivedAt: 0,
    ...more,
  };
}

function forwarded(one: Request, options: Partial<ForwardOptions> = {}): Fields {
  const lines = forwardRequestLines(one, {
    identity: IDENTITY,
    hostPolicy: 'preserve',
    originAuthority: 'origin.internal:3000',
    trusted: NOBODY,
    ...options,
  });
  return new Fields(lines);
}

function from(address: string): Partial<Request> {
  return { peer: { address, port: 1 } };
}

describe('ranges of addresses', () => {
  it.each<[readonly string[], string, boolean]>([
    [[], '127.0.0.1', false],
    [['127.0.0.0/8'], '127.9.9.9', true],
    [['127.0.0.0/8'], '128.0.0.1', false],
    [['10.0.0.1'], '10.0.0.1', true],
    [['10.0.0.1'], '10.0.0.2', false],
    [['::1/128'], '::1', true],
    [['::1'], '::2', false],
    [['2001:db8::/32'], '2001:db8:1::5', true],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['0.0.0.0/0'], '::1', false],
    [['::/0'], '10.0.0.1', false],
    [['10.0.0.0/8'], 'not an address', false],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8', '::1'], '::1', true],
  ])('%j has %j: %s', (ranges, address, expected) => {
    expect(addressTest(ranges)(address)).toBe(expected);
  });

  it.each(['10.0.0.0/33', 'nonsense', '::1/129', '10.0.0/8x'])('%j is refused', (range) => {
    expect(() => addressTest([range])).toThrow();
  });
});

describe('the scheme of the client', () => {
  it.each<[string | readonly string[] | undefined, boolean, 'http' | 'https']>([
    [undefined, true, 'http'],
    ['https', false, 'http'],
    ['https', true, 'https'],
    ['HTTPS', true, 'https'],
    ['https, http', true, 'https'],
    ['http, https', true, 'http'],
    [['https', 'http'], true, 'https'],
    ['ftp', true, 'http'],
    ['', true, 'http'],
  ])('X-Forwarded-Proto %j, peer trusted %s: %s', (said, trusted, expected) => {
    const fields: FieldTable = said === undefined ? {} : { 'X-Forwarded-Proto': said };
    expect(clientScheme(request(fields), trusted ? LOCAL : NOBODY)).toBe(expected);
  });
});

describe('the request to the origin', () => {
  it('carries the end-to-end lines as they came, in order, after Host', () => {
    const lines = ['Accept', 'a', 'X-Twice', '1', 'cookie', 'c', 'X-Twice', '2'];
    const out = forwarded(request({}, { fields: new Fields(lines) }));
    expect(out.lines.slice(0, 10)).toEqual(['host', 'www.example.org', ...lines]);
  });

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Content-Length',
    'Expect',
    'Max-Forwards',
  ])('never carries %s', (name) => {
    expect(forwarded(request({ [name]: 'x', Accept: 'a' })).has(name.toLowerCase())).toBe(false);
  });

  it('never carries what Connection names, whatever it names', () => {
    const out = forwarded(
      request({ Connection: ['X-One, close', 'cookie'], 'x-one': '1', Cookie: 'c', 'X-Two': '2' }),
    );
    expect(out.has('x-one')).toBe(false);
    expect(out.has('cookie')).toBe(false);
    expect(out.get('x-two')).toBe('2');
  });

  it('cannot be stripped of what the edge writes by Connection', () => {
    const names = [
      'Host',
      'Via',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
      'X-Forwarded-Host',
      'Forwarded',
      'CDN-Loop',
    ];
    const out = forwarded(request({ Connection: names.join(', ') }));
    for (const name of names) expect(out.has(name.toLowerCase())).toBe(true);
  });

  it.each<[Partial<ForwardOptions>, string, string]>([
    [{ hostPolicy: 'preserve' }, 'www.example.org', 'www.example.org'],
    [{ hostPolicy: 'origin' }, 'www.example.org', 'origin.internal:3000'],
    [{ hostPolicy: 'preserve' }, '', 'origin.internal:3000'],
  ])('%j: Host of a request for %j is %j', (options, authority, host) => {
    const out = forwarded(request({ Host: 'whatever' }, { authority }), options);
    expect(out.all('host')).toEqual([host]);
  });

  it('leaves out what it is told to, and adds lines of its own', () => {
    const add: FieldLines = ['If-None-Match', '"1"'];
    const out = forwarded(request({ 'If-None-Match': '"0"', Range: 'bytes=0-1', Accept: 'a' }), {
      without: new Set(['if-none-match', 'range']),
      add,
    });
    expect(out.all('if-none-match')).toEqual(['"1"']);
    expect(out.has('range')).toBe(false);
    expect(out.get('accept')).toBe('a');
  });

  it('passes Max-Forwards on only as counted by the edge', () => {
    expect(forwarded(request({ 'Max-Forwards': '7' }), { maxForwards: 6 }).all('max-forwards')).toEqual([
      '6',
    ]);
  });
});

describe('who asked, as the origin hears it', () => {
  const claims = {
    'X-Forwarded-For': '203.0.113.7',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Port': '444',
    Forwarded: 'for=203.0.113.7',
  };

  it('is the socket alone where the peer is not trusted', () => {
    const out = forwarded(request(claims));
    expect(out.all('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(out.all('x-forwarded-proto')).toEqual(['http']);
    expect(out.all('x-forwarded-host')).toEqual(['www.example.org']);
    expect(out.all('forwarded')).toEqual(['for=127.0.0.1;host="www.example.org";proto=http']);
    expect(out.has('x-forwarded-port')).toBe(false);
    expect(out.lines.join('\n')).not.toMatch(/203\.0\.113\.7|evil/);
  });

  it('continues what a trusted peer says', () => {
    const out = forwarded(request(claims), { trusted: LOCAL });
    expect(out.get('x-forwarded-for')).toBe('203.0.113.7, 127.0.0.1');
    expect(out.get('x-forwarded-proto')).toBe('https');
    expect(out.get('x-forwarded-host')).toBe('evil.example');
    expect(out.get('forwarded')).toBe('for=203.0.113.7, for=127.0.0.1;host="www.example.org";proto=http');
  });

  it('several lines of a trusted peer become one list', () => {
    const out = forwarded(request({ 'X-Forwarded-For': ['10.0.0.1', '10.0.0.2'] }), { trusted: LOCAL });
    expect(out.all('x-forwarded-for')).toEqual(['10.0.0.1, 10.0.0.2, 127.0.0.1']);
  });

  it('an IPv6 address is bare in X-Forwarded-For, bracketed and quoted in Forwarded (RFC 7239 §6)', () => {
    const out = forwarded(request({}, from('2001:db8::7')));
    expect(out.get('x-forwarded-for')).toBe('2001:db8::7');
    expect(out.get('forwarded')).toBe('for="[2001:db8::7]";host="www.example.org";proto=http');
  });

  it('a request without Host names none', () => {
    expect(forwarded(request({}, { authority: '', version: '1.0' })).get('forwarded')).toBe(
      'for=127.0.0.1;proto=http',
    );
  });

  it('an untrusted client cannot make any line say its words, whatever it sends', () => {
    const names = fc.constantFrom(
      ...[
        'X-Forwarded-For',
        'x-forwarded-host',
        'X-FORWARDED-PROTO',
        'Forwarded',
        'Host',
        'X-Forwarded-Port',
      ],
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(names, fc.constantFrom('marker', 'for=marker', ', marker')), { maxLength: 8 }),
        (sent) => {
          const out = forwarded(request({}, { fields: new Fields(sent.flat()) }));
          expect(out.lines.join('\n')).not.toContain('marker');
        },
      ),
    );
  });
});

describe('Via', () => {
  it.each<[FieldTable, string, string]>([
    [{}, '1.1', '1.1 holdfast-12ab34cd'],
    [{}, '1.0', '1.0 holdfast-12ab34cd'],
    [{}, '2', '2.0 holdfast-12ab34cd'],
    [{ Via: '1.0 fred, 1.1 p' }, '1.1', '1.0 fred, 1.1 p, 1.1 holdfast-12ab34cd'],
    [{ Via: ['1.0 fred', '1.1 p'] }, '1.1', '1.0 fred, 1.1 p, 1.1 holdfast-12ab34cd'],
    [{ Via: '' }, '1.1', '1.1 holdfast-12ab34cd'],
  ])('of %j by HTTP/%s becomes %j', (fields, version, expected) => {
    expect(viaLine(Fields.from(fields), version, IDENTITY)).toBe(expected);
  });
});

describe('a loop', () => {
  it.each<[string, FieldTable, boolean]>([
    ['nothing said', {}, false],
    ['our pseudonym in Via', { Via: '1.1 holdfast-12ab34cd' }, true],
    ['our pseudonym among others', { Via: '1.0 fred, HTTP/1.1 HOLDFAST-12AB34CD (comment), 1.1 p' }, true],
    ['on another line', { Via: ['1.0 fred', '1.1 holdfast-12ab34cd'] }, true],
    ['another edge of the same name', { Via: '1.1 holdfast-00000000' }, false],
    ['a pseudonym that begins like ours', { Via: '1.1 holdfast-12ab34cd5' }, false],
    ['our pseudonym as a version', { Via: 'holdfast-12ab34cd other' }, false],
    ['our entry in CDN-Loop', { 'CDN-Loop': 'holdfast; id=holdfast-12ab34cd' }, true],
    [
      'our entry quoted and among others',
      { 'CDN-Loop': 'foo, holdfast ; a=b; id="holdfast-12ab34cd"' },
      true,
    ],
    ['our name of another edge in CDN-Loop', { 'CDN-Loop': 'holdfast; id=holdfast-00000000' }, false],
    ['our id under another name', { 'CDN-Loop': 'other; id=holdfast-12ab34cd' }, false],
  ])('%s', (_, fields, expected) => {
    expect(isLoop(Fields.from(fields), IDENTITY)).toBe(expected);
  });

  it('is what the edge makes of its own request, however often others have added to it', () => {
    const hop = fc.constantFrom('1.1 varnish', '1.0 fred (Apache/1.1)', '2.0 edge.example:443');
    fc.assert(
      fc.property(fc.array(hop, { maxLength: 4 }), fc.array(hop, { maxLength: 4 }), (before, after) => {
        const first = before.length === 0 ? request() : request({ Via: before.join(', ') });
        expect(isLoop(first.fields, IDENTITY)).toBe(false);
        const out = forwarded(first);
        const via = [out.get('via') ?? '', ...after].join(', ');
        expect(isLoop(out.with('Via', via), IDENTITY)).toBe(true);
        expect(isLoop(out.without(new Set(['via'])), IDENTITY)).toBe(true);
        expect(isLoop(out.without(new Set(['cdn-loop'])), IDENTITY)).toBe(true);
      }),
    );
  });
});
