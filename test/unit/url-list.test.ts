// What `holdfast warm` reads.

import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/cli/ask.ts';
import { bytesText, secondsText, table } from '../../src/cli/table.ts';
import { listUrls, locations } from '../../src/cli/url-list.ts';

const SET = (urls: readonly string[]): string =>
  `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls
    .map((url) => `<url><loc> ${url} </loc><lastmod>2026-01-01</lastmod></url>`)
    .join('')}</urlset>`;
const INDEX = (urls: readonly string[]): string =>
  `<sitemapindex>${urls.map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join('')}</sitemapindex>`;

/** A site's sitemaps by URL. */
function site(pages: Readonly<Record<string, string | Buffer>>): (url: URL) => Promise<Answer> {
  return async (url) => {
    const body = pages[url.href];
    const bytes = Buffer.from(body ?? '');
    return { status: body === undefined ? 404 : 200, headers: {}, body: bytes, bytes: bytes.length };
  };
}

describe('a sitemap', () => {
  it('is read with its entities and CDATA', () => {
    const xml = SET(['http://a/?x=1&amp;y=2', '<![CDATA[http://a/z]]>', 'http://a/&#x41;&#66;']);
    expect(locations(xml)).toEqual({
      urls: ['http://a/?x=1&y=2', 'http://a/z', 'http://a/AB'],
      sitemaps: [],
    });
  });

  it('may be an index of others, gzip among them, each read once', async () => {
    const get = site({
      'http://a/index.xml': INDEX(['http://a/1.xml', 'http://a/2.xml.gz', 'http://a/1.xml']),
      'http://a/1.xml': SET(['http://a/x', 'http://a/y']),
      'http://a/2.xml.gz': gzipSync(SET(['http://a/y', 'http://a/z', 'mailto:b'])),
    });
    const { urls, skipped } = await listUrls('http://a/index.xml', get);
    expect(urls.map(({ href }) => href)).toEqual(['http://a/x', 'http://a/y', 'http://a/z']);
    expect(skipped).toBe(1);
  });

  it('that names itself ends', async () => {
    const get = site({ 'http://a/i.xml': INDEX(['http://a/i.xml']) });
    expect((await listUrls('http://a/i.xml', get)).urls).toEqual([]);
  });

  it('that is not there is an error', async () => {
    await expect(listUrls('http://a/none.xml', site({}))).rejects.toThrow('http://a/none.xml answered 404');
  });
});

describe('a table', () => {
  it('has numbers to the right and is as wide as it must be', () => {
    expect(
      table(
        ['name', 'n'],
        [
          ['a', 5],
          ['longer', 1234],
        ],
      ),
    ).toBe('name       n\na          5\nlonger  1234');
  });

  it('shows sizes and spans in the unit that fits', () => {
    expect([0, 1023, 1536, 5 * 1024 ** 3].map(bytesText)).toEqual(['0 B', '1023 B', '1.5 KB', '5.0 GB']);
    expect([5, -90, 7200, 86_400 * 3].map(secondsText)).toEqual(['5s', '-90s', '2.0h', '3.0d']);
  });
});
