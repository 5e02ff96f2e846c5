// The bundled demonstration origin by itself: what an edge in front of it meets.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoOrigin, startDemoOrigin } from '../../src/demo/origin.ts';
import { get, raw } from '../support/client.ts';

let clock = Date.UTC(2026, 10, 23, 12, 0, 0);
let origin: DemoOrigin;
beforeAll(async () => {
  origin = await startDemoOrigin({ delayMs: 0, now: () => clock });
});
afterAll(() => origin.close());

const fetch = (target: string, headers: Record<string, string> = {}, method = 'GET') =>
  get(origin.url, target, { method, headers });

const FILES: readonly (readonly [string, string])[] = [
  ['/', 'text/html; charset=utf-8'],
  ['/how.html', 'text/html; charset=utf-8'],
  ['/clock.html', 'text/html; charset=utf-8'],
  ['/style.css', 'text/css; charset=utf-8'],
  ['/panel.js', 'text/javascript; charset=utf-8'],
  ['/mark.svg', 'image/svg+xml'],
  ['/picture.png', 'image/png'],
  ['/holdfast.woff2', 'font/woff2'],
];

describe('the site', () => {
  it.each(FILES)('has %s with type, validators and a lifetime', async (target, type) => {
    const { status, headers, body } = await fetch(target);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': type, 'content-length': String(body.length) });
    expect(headers['cache-control']).toMatch(/^public, max-age=\d+, stale-while-revalidate=\d+/);
    expect(headers.etag).toMatch(/^"[\w-]+"$/);
    expect(Date.parse(headers['last-modified'] ?? '')).toBeGreaterThan(0);
  });

  it.each(FILES)('answers HEAD for %s as GET, without content', async (target) => {
    const whole = await fetch(target);
    const head = await fetch(target, {}, 'HEAD');
    expect(head.headers).toEqual(whole.headers);
    expect(head.body).toHaveLength(0);
  });

  it('links to nothing that it lacks', async () => {
    for (const [page] of FILES.filter(([, type]) => /html|css/.test(type))) {
      const text = (await fetch(page)).body.toString();
      const links = [...text.matchAll(/(?:href|src)="(\/[^"]*)"|url\('(\/[^']*)'\)/g)].map(
        (match) => match[1] ?? match[2] ?? '',
      );
      for (const link of links.filter((one) => one !== '/nowhere'))
        expect((await fetch(link)).status, link).toBe(200);
    }
  });

  it('has an image and a font in their formats', async () => {
    expect((await fetch('/picture.png')).body.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    const font = (await fetch('/holdfast.woff2')).body;
    expect(font.subarray(0, 4).toString()).toBe('wOF2');
    expect(font.readUInt32BE(8)).toBe(font.length);
  });

  it('says not found with a short lifetime', async () => {
    const { status, headers, body } = await fetch('/nowhere');
    expect([status, headers['cache-control']]).toEqual([404, 'public, max-age=10']);
    expect(body.toString()).toContain('Nothing here');
  });

  it.each([
    '/../origin.ts',
    '/..%2forigin.ts',
    '/%2e%2e/origin.ts',
    '/site/index.html',
    '/./style.css',
    '//etc/passwd',
    '/constructor',
    '/404.html',
  ])('has nothing at %s', async (target) => {
    expect((await fetch(target)).status).toBe(404);
  });

  it('takes any target without harm', async () => {
    expect(await raw(origin.url, 'GET http://[ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 404 /,
    );
  });

  it.each(['POST', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const { status, headers } = await fetch('/', {}, method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('does not let the time be stored', async () => {
    const { headers, body } = await fetch('/api/time');
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json' });
    expect(JSON.parse(body.toString())).toMatchObject({ time: new Date(clock).toISOString() });
  });

  it('has a clock that differs from one second to the next, fresh for five', async () => {
    const first = await fetch('/clock.html');
    clock += 6_000;
    const second = await fetch('/clock.html');
    expect(first.headers['cache-control']).toBe('public, max-age=5, stale-while-revalidate=30');
    expect(first.body.toString()).toContain('<time>12:00:00</time>');
    expect(second.body.toString()).toContain('<time>12:00:06</time>');
    expect(second.headers.etag).not.toBe(first.headers.etag);
  });
});

describe('content codings', () => {
  it.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['GZIP', 'gzip'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['*', 'br'],
    ['identity, br;q=0.5', undefined],
    ['br;q=x', undefined],
    ['deflate', undefined],
    ['', undefined],
  ])('%j gets %s', async (accepted, coding) => {
    const { headers, body } = await fetch('/style.css', { 'accept-encoding': accepted });
    expect([headers['content-encoding'], headers.vary]).toEqual([coding, 'Accept-Encoding']);
    const text = coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body;
    expect(text.equals((await fetch('/style.css')).body)).toBe(true);
  });

  it('have an entity tag each', async () => {
    const tags = await Promise.all(
      ['', 'gzip', 'br'].map(
        async (coding) => (await fetch('/style.css', { 'accept-encoding': coding })).headers.etag,
      ),
    );
    expect(new Set(tags).size).toBe(3);
  });

  it('are not applied to images', async () => {
    const { headers } = await fetch('/picture.png', { 'accept-encoding': 'br' });
    expect([headers['content-encoding'], headers.vary]).toEqual([undefined, undefined]);
  });
});

describe('conditions', () => {
  const validators = async () => {
    const { headers } = await fetch('/style.css');
    return { etag: headers.etag ?? '', modified: headers['last-modified'] ?? '' };
  };

  it.each([
    ['the tag', (etag: string) => ({ 'if-none-match': etag }), 304],
    ['the tag as a weak one', (etag: string) => ({ 'if-none-match': `W/${etag}` }), 304],
    ['the tag among others', (etag: string) => ({ 'if-none-match': `"x", ${etag}` }), 304],
    ['any tag', () => ({ 'if-none-match': '*' }), 304],
    ['another tag', () => ({ 'if-none-match': '"x"' }), 200],
    ['the date', (_: string, modified: string) => ({ 'if-modified-since': modified }), 304],
    ['an earlier date', () => ({ 'if-modified-since': 'Thu, 01 Jan 1970 00:00:01 GMT' }), 200],
    ['no date', () => ({ 'if-modified-since': 'yesterday' }), 200],
    [
      'another tag and the date',
      (_: string, modified: string) => ({ 'if-none-match': '"x"', 'if-modified-since': modified }),
      200,
    ],
  ])('with %s', async (_what, headers, status) => {
    const { etag, modified } = await validators();
    const response = await fetch('/style.css', headers(etag, modified));
    expect(response.status).toBe(status);
    expect(response.headers.etag).toBe(etag);
    expect(response.body.length > 0).toBe(status === 200);
  });
});

describe('ranges', () => {
  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=10-', 206, 10, undefined],
    ['bytes=-10', 206, -10, undefined],
    ['bytes=-99999999', 206, 0, undefined],
    ['bytes=0-99999999', 206, 0, undefined],
  ])('%s', async (range, status, start, end) => {
    const whole = (await fetch('/picture.png')).body;
    const part = whole.subarray(start, end);
    const response = await fetch('/picture.png', { range });
    const first = start < 0 ? whole.length + start : start;
    expect(response.status).toBe(status);
    expect(response.headers['content-range']).toBe(
      `bytes ${first}-${first + part.length - 1}/${whole.length}`,
    );
    expect(response.body.equals(part)).toBe(true);
  });

  it.each(['bytes=99999999-', 'bytes=-0'])('%s cannot be satisfied', async (range) => {
    const whole = (await fetch('/picture.png')).body;
    const { status, headers } = await fetch('/picture.png', { range });
    expect([status, headers['content-range']]).toEqual([416, `bytes */${whole.length}`]);
  });

  it.each(['bytes=0-1,3-4', 'bytes=5-2', 'bytes=-', 'lines=0-1', 'bytes=a-b'])(
    '%s gets the whole',
    async (range) => {
      expect((await fetch('/picture.png', { range })).status).toBe(200);
    },
  );

  it.each([
    ['the tag', (etag: string) => etag, 206],
    ['another tag', () => '"x"', 200],
    ['a weak tag', (etag: string) => `W/${etag}`, 200],
  ])('with If-Range and %s', async (_what, condition, status) => {
    const etag = (await fetch('/picture.png')).headers.etag ?? '';
    expect((await fetch('/picture.png', { range: 'bytes=0-9', 'if-range': condition(etag) })).status).toBe(
      status,
    );
  });
});

it('takes its time, and is cut short by close', async () => {
  const slow = await startDemoOrigin({ delayMs: 60_000 });
  const pending = get(slow.url, '/');
  await slow.close();
  expect((await pending.catch(() => undefined))?.complete ?? false).toBe(false);
});
