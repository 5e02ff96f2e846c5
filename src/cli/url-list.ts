// The URLs to warm: a file with one a line, or a sitemap (sitemaps.org: a list, or an index of lists; gzip too). Parsing is
// pure; reading is bounded.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { type Answer, parseUrl } from './ask.ts';

/** What a sitemap may hold; also what is taken of one. */
export const MAX_URLS = 1_000_000;
const MAX_SITEMAPS = 1000;
const MAX_BYTES = 256 * 1024 * 1024;

export interface Listed {
  readonly urls: readonly URL[];
  /** Lines that are no http or https URL. */
  readonly skipped: number;
}

/** @param get fetches a sitemap @throws Error that says what could not be read. */
export async function listUrls(from: string, get: (url: URL) => Promise<Answer>): Promise<Listed> {
  const sitemap = parseUrl(from);
  if (sitemap !== undefined) return readSitemaps(sitemap, get);
  const bytes = await readFile(from === '-' ? '/dev/stdin' : from);
  const text = inflated(bytes).toString();
  return parsed(/^\s*</.test(text) ? locations(text).urls : linesOf(text));
}

async function readSitemaps(first: URL, get: (url: URL) => Promise<Answer>): Promise<Listed> {
  const waiting = [first.href];
  const seen = new Set(waiting);
  const found: string[] = [];
  for (let at = 0; at < waiting.length && at < MAX_SITEMAPS; at += 1) {
    const url = parseUrl(waiting[at] ?? '');
    if (url === undefined) continue;
    const answer = await get(url);
    if (answer.status !== 200) throw new Error(`${url.href} answered ${answer.status}`);
    const text = inflated(answer.body).toString();
    const { urls, sitemaps } = /^\s*</.test(text) ? locations(text) : { urls: linesOf(text), sitemaps: [] };
    for (const one of urls) if (found.length < MAX_URLS) found.push(one);
    for (const one of sitemaps) {
      if (seen.has(one)) continue;
      seen.add(one);
      waiting.push(one);
    }
  }
  return parsed(found);
}

/** The locations in a sitemap, and those of the sitemaps in an index. */
export function locations(xml: string): {
  readonly urls: readonly string[];
  readonly sitemaps: readonly string[];
} {
  const found: string[] = [];
  for (const [, text = ''] of xml.matchAll(/<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?([^<\]]*)/g))
    found.push(unescaped(text.trim()));
  return /<(?:\w+:)?sitemapindex[\s>]/.test(xml)
    ? { urls: [], sitemaps: found }
    : { urls: found, sitemaps: [] };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function parsed(texts: readonly string[]): Listed {
  const urls = new Map<string, URL>();
  let skipped = 0;
  for (const text of texts) {
    const url = parseUrl(text);
    if (url === undefined) skipped += 1;
    else urls.set(url.href, url);
  }
  return { urls: [...urls.values()], skipped };
}

function inflated(bytes: Buffer): Buffer {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes;
}
