// Stored responses served compressed: who gets which form, with which fields, and how conditions and ranges go with it.

import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cacheStatus, type Response } from '../support/client.ts';
import { ALL, ask, askUntilMade, compressed, decoded, GZIP, page } from '../support/compressing.ts';
import type { TestEdge } from '../support/edge.ts';
import { metricsOf, type Scene, type Settings, scene } from '../support/scene.ts';

const HTML = { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/html', ETag: '"v1"' };
const BODY = page('v1');

async function stage(
  cache: Settings = GZIP,
  headers: Readonly<Record<string, string>> = HTML,
  body: string | Buffer = BODY,
): Promise<Scene> {
  const given = await scene({ cache });
  given.origin.on('/a', { headers, body });
  return given;
}

function codingOf({ headers }: Response): string | undefined {
  return headers['content-encoding'];
}

describe('a textual response that came uncompressed', () => {
  it('goes to its first client as it is, and later compressed to those who take that', async () => {
    const { origin, edge } = await stage();
    const first = await ask(edge, '/a', 'gzip');
    expect(codingOf(first)).toBeUndefined();
    expect(first.headers).toMatchObject({ etag: '"v1"', vary: 'Accept-Encoding' });
    expect(first.body.toString()).toBe(BODY);

    await compressed(edge);
    const second = await ask(edge, '/a', 'gzip, deflate');
    expect(cacheStatus(second)).toMatchObject({ hit: true });
    expect(codingOf(second)).toBe('gzip');
    expect(decoded(second)).toBe(BODY);
    expect(second.body.length).toBeLessThan(BODY.length / 2);
    expect(second.headers['content-length']).toBe(String(second.body.length));
    expect(second.headers.etag).toMatch(/^"v1~gzip\.[\w-]{8}"$/);
    expect(second.headers.vary).toBe('Accept-Encoding');

    for (const accept of [undefined, '', 'deflate', 'gzip;q=0', 'identity', 'br']) {
      const plain = await ask(edge, '/a', accept);
      expect(cacheStatus(plain).hit).toBe(true);
      expect(codingOf(plain)).toBeUndefined();
      expect(plain.body.toString()).toBe(BODY);
      expect(plain.headers).toMatchObject({ etag: '"v1"', vary: 'Accept-Encoding' });
    }
    expect(origin.requests()).toHaveLength(1);
  });

  it('is compressed into each encoding once somebody wants it, the first by rank before others', async () => {
    const { edge } = await stage(ALL);
    for (const coding of ['gzip', 'br', 'zstd']) {
      expect(codingOf(await askUntilMade(edge, '/a', coding))).toBe(coding);
    }
    const all = await ask(edge, '/a', 'gzip, deflate, br, zstd');
    expect(codingOf(all)).toBe('zstd');
    expect(codingOf(await ask(edge, '/a', 'zstd;q=0.5, gzip'))).toBe('gzip');
    expect(codingOf(await ask(edge, '/a', 'identity, br;q=0.5'))).toBeUndefined();
    const tags = new Set<string | undefined>();
    for (const coding of ['gzip', 'br', 'zstd', 'identity']) {
      const response = await ask(edge, '/a', coding);
      expect(decoded(response)).toBe(BODY);
      tags.add(response.headers.etag);
    }
    expect(tags.size).toBe(4);
  });

  it('goes out in the next best form while the best is being made', async () => {
    const { edge } = await stage(ALL);
    expect(codingOf(await askUntilMade(edge, '/a', 'gzip'))).toBe('gzip');
    const meanwhile = await ask(edge, '/a', 'gzip, br');
    expect(codingOf(meanwhile)).toBe('gzip');
    await compressed(edge);
    expect(codingOf(await ask(edge, '/a', 'gzip, br'))).toBe('br');
  });

  it('is compressed for those to come also where its first client names no encoding', async () => {
    const { edge } = await stage(ALL);
    await ask(edge, '/a');
    await compressed(edge);
    expect(codingOf(await ask(edge, '/a', 'zstd, br, gzip'))).toBe('zstd');
  });

  it('is answered to HEAD as to GET', async () => {
    const { edge } = await stage();
    const got = await askUntilMade(edge, '/a', 'gzip');
    const head = await ask(edge, '/a', 'gzip', {}, { method: 'HEAD' });
    expect(head.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(got.body.length),
      etag: got.headers.etag ?? '',
      vary: 'Accept-Encoding',
    });
    expect(head.body).toHaveLength(0);
  });

  it('says what it varies by in answer to a HEAD that came first', async () => {
    const { edge } = await stage();
    const head = await ask(edge, '/a', 'gzip', {}, { method: 'HEAD' });
    expect(head.headers).toMatchObject({ vary: 'Accept-Encoding', etag: '"v1"' });
  });

  it('keeps what it varies by besides, and each variant has forms of its own', async () => {
    const { origin, edge } = await scene({ cache: GZIP });
    origin.on('/a', (request, response) => {
      response.writeHead(200, { ...HTML, Vary: 'Accept-Language' });
      response.end(page(String(request.headers['accept-language'])));
    });
    for (const tongue of ['de', 'fr', 'de']) {
      const response = await askUntilMade(edge, '/a', 'gzip', { 'Accept-Language': tongue });
      expect(response.headers).toMatchObject({
        vary: 'Accept-Language, Accept-Encoding',
        'content-encoding': 'gzip',
      });
      expect(decoded(response)).toBe(page(tongue));
    }
    expect(origin.requests()).toHaveLength(2);
  });

  it('loses digests of other bytes in its forms only', async () => {
    const digests = { 'Content-MD5': 'x', 'Content-Digest': 'sha-256=:x:', 'Repr-Digest': 'sha-256=:x:' };
    const { edge } = await stage(GZIP, { ...HTML, ...digests });
    const form = await askUntilMade(edge, '/a', 'gzip');
    for (const name of Object.keys(digests)) expect(form.headers[name.toLowerCase()]).toBeUndefined();
    const plain = await ask(edge, '/a');
    for (const [name, value] of Object.entries(digests))
      expect(plain.headers[name.toLowerCase()]).toBe(value);
  });

  it('is compressed on the routes that say so, by the type of the response too', async () => {
    const { origin, edge } = await scene({
      routes: [
        { match: { path: '/no/*' }, cache: { compress: { encodings: [] } } },
        { match: { contentType: 'text/css' }, cache: { compress: { encodings: ['br'] } } },
      ],
    });
    const css = { ...HTML, 'Content-Type': 'text/css' };
    origin.on('/no/a', { headers: css, body: BODY });
    origin.on('/a.css', { headers: css, body: BODY });
    origin.on('/a.html', { headers: HTML, body: BODY });
    expect(codingOf(await askUntilMade(edge, '/a.css', 'br'))).toBe('br');
    for (const path of ['/no/a', '/a.html']) {
      const response = await askUntilMade(edge, path, 'br');
      expect(codingOf(response)).toBeUndefined();
      expect(response.headers.vary).toBeUndefined();
    }
  });
});

describe('nothing is compressed', () => {
  it.each<[string, Settings, Readonly<Record<string, string>>, string | Buffer]>([
    ['unless the settings say so', {}, HTML, BODY],
    ['of another type', GZIP, { ...HTML, 'Content-Type': 'image/png' }, BODY],
    ['that is small', GZIP, HTML, BODY.slice(0, 1023)],
    ['that is large', { compress: { encodings: ['gzip'], maxSize: '4KB' } }, HTML, BODY],
    ['with no-transform', GZIP, { ...HTML, 'Cache-Control': 'max-age=60, no-transform' }, BODY],
    ['that the origin chose by Accept-Encoding', GZIP, { ...HTML, Vary: 'Accept-Encoding' }, BODY],
    ['that is encoded already', GZIP, { ...HTML, 'Content-Encoding': 'x-own' }, BODY],
  ])('%s', async (_, cache, headers, body) => {
    const { edge } = await stage(cache, headers, body);
    const response = await askUntilMade(edge, '/a', 'gzip');
    expect(cacheStatus(response).hit).toBe(true);
    expect(response.headers['content-encoding']).toBe(headers['Content-Encoding']);
    expect(response.headers.etag).toBe('"v1"');
    expect(response.headers.vary).toBe(headers.Vary);
    expect(response.body.toString()).toBe(body);
  });

  it('that would hardly be smaller, and it is not tried again', async () => {
    const noise = Buffer.concat(Array.from({ length: 125 }, (_, i) => hash('sha256', String(i), 'buffer')));
    const { edge } = await stage(ALL, HTML, noise);
    for (let i = 0; i < 3; i += 1) {
      const response = await askUntilMade(edge, '/a', 'gzip');
      expect(codingOf(response)).toBeUndefined();
      expect(response.body.equals(noise)).toBe(true);
    }
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_compression_given_up_total{reason="futile"}')).toBe(1);
  });

  it('for a client that asks for no transformation', async () => {
    const { edge } = await stage();
    await askUntilMade(edge, '/a', 'gzip');
    const response = await ask(edge, '/a', 'gzip', { 'Cache-Control': 'no-transform' });
    expect(cacheStatus(response).hit).toBe(true);
    expect(codingOf(response)).toBeUndefined();
  });
});

describe('conditions', () => {
  async function made(
    headers = HTML,
  ): Promise<{ edge: TestEdge; given: Scene; tag: string; form: Response }> {
    const given = await stage(GZIP, headers);
    const form = await askUntilMade(given.edge, '/a', 'gzip');
    expect(codingOf(form)).toBe('gzip');
    return { edge: given.edge, given, tag: form.headers.etag ?? '', form };
  }

  it('of a client that has the compressed form are met, by its own tag', async () => {
    const { edge, tag } = await made();
    const response = await ask(edge, '/a', 'gzip', { 'If-None-Match': tag });
    expect(response).toMatchObject({ status: 304, headers: { etag: tag, vary: 'Accept-Encoding' } });
    expect(cacheStatus(response).hit).toBe(true);
    expect((await ask(edge, '/a', 'gzip', { 'If-None-Match': `"x", W/${tag}` })).status).toBe(304);
  });

  it('of a client that has the response as it was are met too, by that tag', async () => {
    const { edge } = await made();
    const response = await ask(edge, '/a', 'gzip', { 'If-None-Match': '"v1"' });
    expect(response).toMatchObject({ status: 304, headers: { etag: '"v1"', vary: 'Accept-Encoding' } });
  });

  it('of a client whose form is not here any more are met while it takes that form', async () => {
    const { given } = await made();
    const edge = await given.restart();
    const gone = '"v1~br.AAAAAAAA"';
    // At once on a miss, then from the store.
    for (const outcome of ['uri-miss', undefined]) {
      const response = await ask(edge, '/a', 'gzip, br', { 'If-None-Match': gone });
      expect(response).toMatchObject({ status: 304, headers: { etag: gone } });
      expect(cacheStatus(response).fwd).toBe(outcome);
    }
    const other = await ask(edge, '/a', 'gzip', { 'If-None-Match': gone });
    expect(other.status).toBe(200);
    expect(decoded(other)).toBe(BODY);
  });

  it('of another version are not met', async () => {
    const { edge, tag } = await made();
    for (const old of [tag.replace('v1', 'v0'), '"v0"', '"v1-gzip"']) {
      const response = await ask(edge, '/a', 'gzip', { 'If-None-Match': old });
      expect(response.status).toBe(200);
      expect(decoded(response)).toBe(BODY);
    }
  });

  it('by date are met in every form', async () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const headers = {
      'Cache-Control': HTML['Cache-Control'],
      'Content-Type': 'text/html',
      'Last-Modified': date,
    };
    const given = await stage(GZIP, headers);
    const form = await askUntilMade(given.edge, '/a', 'gzip');
    expect(codingOf(form)).toBe('gzip');
    expect(form.headers.etag).toBeUndefined();
    const response = await ask(given.edge, '/a', 'gzip', { 'If-Modified-Since': date });
    expect(response.status).toBe(304);
  });

  it('by a weak tag are met in every form, which all have it', async () => {
    const { edge, tag } = await made({ ...HTML, ETag: 'W/"v1"' });
    expect(tag).toBe('W/"v1"');
    for (const accept of ['gzip', '']) {
      expect((await ask(edge, '/a', accept, { 'If-None-Match': tag })).status).toBe(304);
    }
  });

  it('If-Match holds for the form, and reaches the origin with its own tag', async () => {
    const { edge, given, tag } = await made();
    expect(cacheStatus(await ask(edge, '/a', 'gzip', { 'If-Match': tag })).hit).toBe(true);
    given.origin.on('PUT /a', { status: 204 });
    await ask(edge, '/a', 'gzip', { 'If-Match': tag }, { method: 'PUT', body: 'x' });
    expect(given.origin.requests('PUT /a')[0]?.headers['if-match']).toBe(`${tag}, "v1"`);
  });

  it('that go to the origin come back confirmed by the client’s tag', async () => {
    const { edge, given, tag } = await made();
    given.origin.on('/a', { status: 304, headers: { ETag: '"v1"', 'Cache-Control': 'no-store' } });
    const response = await ask(edge, '/a', 'gzip', {
      'If-None-Match': tag,
      'Cache-Control': 'no-store, no-cache',
    });
    expect(given.origin.requests().at(-1)?.headers['if-none-match']).toContain('"v1"');
    expect(response).toMatchObject({ status: 304, headers: { etag: tag } });
  });
});

describe('ranges', () => {
  it('are of the form that the request takes, and joined by its tag', async () => {
    const { edge } = await stage();
    const form = await askUntilMade(edge, '/a', 'gzip');
    const tag = form.headers.etag ?? '';
    const head = await ask(edge, '/a', 'gzip', { Range: 'bytes=0-99' });
    expect(head).toMatchObject({
      status: 206,
      headers: {
        'content-encoding': 'gzip',
        etag: tag,
        'content-range': `bytes 0-99/${form.body.length}`,
        vary: 'Accept-Encoding',
      },
    });
    const rest = await ask(edge, '/a', 'gzip', { Range: 'bytes=100-', 'If-Range': tag });
    expect(rest.status).toBe(206);
    expect(Buffer.concat([head.body, rest.body]).equals(form.body)).toBe(true);
  });

  it('of what came before it was compressed go on where they were', async () => {
    const { edge } = await stage();
    await askUntilMade(edge, '/a', 'gzip');
    const rest = await ask(edge, '/a', 'gzip', { Range: 'bytes=100-', 'If-Range': '"v1"' });
    expect(rest).toMatchObject({ status: 206, headers: { etag: '"v1"' } });
    expect(codingOf(rest)).toBeUndefined();
    expect(rest.body.toString()).toBe(BODY.slice(100));
  });

  it('of a form that is not here any more begin anew', async () => {
    const { edge } = await stage();
    await askUntilMade(edge, '/a', 'gzip');
    for (const tag of ['"v1~gzip.AAAAAAAA"', '"v1~br.AAAAAAAA"', '"v0"']) {
      const response = await ask(edge, '/a', 'gzip, br', { Range: 'bytes=100-', 'If-Range': tag });
      expect(response.status).toBe(200);
      expect(decoded(response)).toBe(BODY);
    }
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['a weak tag', { ETag: 'W/"v1"' }],
    ['a date', { 'Last-Modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }],
  ])('where there is only %s are of the response as it was, and never joined', async (_, validator) => {
    const { edge } = await stage(GZIP, {
      'Cache-Control': 'max-age=60',
      'Content-Type': 'text/html',
      ...validator,
    });
    expect(codingOf(await askUntilMade(edge, '/a', 'gzip'))).toBe('gzip');
    const part = await ask(edge, '/a', 'gzip', { Range: 'bytes=0-9' });
    expect(part.status).toBe(206);
    expect(part.body.toString()).toBe(BODY.slice(0, 10));
    for (const accept of ['gzip', '']) {
      const [value = ''] = Object.values(validator);
      const whole = await ask(edge, '/a', accept, { Range: 'bytes=5-', 'If-Range': value });
      expect(whole.status).toBe(200);
      expect(decoded(whole)).toBe(BODY);
    }
  });
});
