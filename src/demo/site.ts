// What the demonstration site consists of: the files of site/ in the encodings they are served in, the page that is
// made anew each time, and how long each may be kept. Knows no request.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

export type Coding = 'identity' | 'gzip' | 'br';

export interface Representation {
  readonly body: Buffer;
  /** Strong, and different for each coding (RFC 9110 §8.8.3.3). */
  readonly etag: string;
}

export interface Resource {
  readonly type: string;
  readonly cacheControl: string;
  /** Epoch ms, whole seconds. */
  readonly lastModifiedAt: number;
  /** Always with identity. */
  readonly codings: ReadonlyMap<Coding, Representation>;
}

const TYPES: Readonly<Record<string, { readonly type: string; readonly text: boolean }>> = {
  '.html': { type: 'text/html; charset=utf-8', text: true },
  '.css': { type: 'text/css; charset=utf-8', text: true },
  '.js': { type: 'text/javascript; charset=utf-8', text: true },
  '.svg': { type: 'image/svg+xml', text: true },
  '.png': { type: 'image/png', text: false },
  '.woff2': { type: 'font/woff2', text: false },
};

const PAGES = 'public, max-age=60, stale-while-revalidate=600, stale-if-error=86400';
const PARTS = 'public, max-age=600, stale-while-revalidate=600, stale-if-error=86400';
const SHORT = 'public, max-age=5, stale-while-revalidate=30';
const MISSING = 'public, max-age=10';

const FOLDER = new URL('./site/', import.meta.url);

export interface Site {
  /** undefined where there is nothing at that path. Only names read from the folder are known, so no path leads out of it. */
  find(path: string, now: number): Resource | undefined;
  readonly notFound: Resource;
}

/** Reads site/ once. */
export function loadSite(): Site {
  const files = new Map<string, Resource>();
  for (const name of readdirSync(FOLDER)) {
    const file = new URL(name, FOLDER);
    const kind = TYPES[extname(name)];
    if (kind === undefined) continue;
    const lastModifiedAt = Math.floor(statSync(file).mtimeMs / 1000) * 1000;
    const cacheControl = name === '404.html' ? MISSING : extname(name) === '.html' ? PAGES : PARTS;
    files.set(`/${name}`, resource(readFileSync(file), kind, cacheControl, lastModifiedAt));
  }
  const notFound = files.get('/404.html');
  const index = files.get('/index.html');
  if (notFound === undefined || index === undefined)
    throw new Error('the demonstration site lacks its pages');
  files.delete('/404.html');
  files.set('/', index);
  const clock = readFileSync(new URL('clock.html', FOLDER), 'utf8');
  return {
    notFound,
    find: (path, now) => (path === '/clock.html' ? clockPage(clock, now) : files.get(path)),
  };
}

/** Says when it was made, so that a stale copy can be told from a new one. */
function clockPage(template: string, now: number): Resource {
  const second = Math.floor(now / 1000) * 1000;
  const made = template.replaceAll('{{time}}', new Date(second).toISOString().slice(11, 19));
  return resource(Buffer.from(made), { type: 'text/html; charset=utf-8', text: true }, SHORT, second);
}

function resource(
  body: Buffer,
  kind: { readonly type: string; readonly text: boolean },
  cacheControl: string,
  lastModifiedAt: number,
): Resource {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 16);
  const codings = new Map<Coding, Representation>([['identity', { body, etag: `"${digest}"` }]]);
  if (kind.text) {
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
    codings.set('gzip', { body: gzipSync(body), etag: `"${digest}-gzip"` });
    codings.set('br', { body: brotliCompressSync(body, quality), etag: `"${digest}-br"` });
  }
  return { type: kind.type, cacheControl, lastModifiedAt, codings };
}
