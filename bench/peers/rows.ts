// The rows of the table: what is asked for, over how many connections, and what the origin must see of it.

import { STREAMS } from './h2load.ts';
import type { Protocol } from './subject.ts';
import type { Load } from './wrk.ts';

export interface Row extends Load {
  readonly name: string;
  readonly connections: number;
  readonly protocol: Protocol;
  /** What reaches the origin: nothing once the store is warm, or everything. */
  readonly origin: 'nothing' | 'everything';
  /** Of every response; 200 unless given. */
  readonly status?: number;
  /** Connections held idle instead of a load. */
  readonly idle?: true;
}

/** 14 fields, about 800 bytes, as browsers send. AGENT is replaced where many browsers ask. */
const BROWSER = {
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 AGENT',
  Accept:
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
  'Accept-Language': 'en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7,fr;q=0.6',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Upgrade-Insecure-Requests': '1',
  'Sec-Fetch-Dest': 'document',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-User': '?1',
  'Sec-CH-UA': '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
  'Sec-CH-UA-Mobile': '?0',
  'Sec-CH-UA-Platform': '"Linux"',
  Referer: 'http://www.example.com/section/articles/2026/11/some-article-with-a-long-name.html?page=2',
} as const;

const SIZES = { '200 B': 200, '1 KB': 1024, '16 KB': 16_384, '128 KB': 131_072, '1 MB': 1_048_576 };

/** @param zipfUrls stored responses in the zipf row @param idle connections in the idle row */
export function rows(zipfUrls: number, idle: number): readonly Row[] {
  const hit = { mode: 'one', origin: 'nothing', connections: 32, protocol: 'clear' } as const;
  const tls = { ...hit, protocol: 'tls' } as const;
  const h2 = { ...hit, protocol: 'h2' } as const;
  const hits = [32, 256].flatMap((connections) =>
    Object.entries(SIZES).map(([size, bytes]) => ({
      ...hit,
      name: `hit ${size}, ${connections} conn.`,
      path: `/keep/${bytes}/hit`,
      connections,
    })),
  );
  const close = { Connection: 'close' };
  return [
    ...hits,
    { ...hit, name: 'browser, 1 URL', path: '/keep/1024/browser', headers: BROWSER },
    {
      ...hit,
      name: 'browsers, 64 × 1,000 URLs',
      mode: 'agents',
      path: '/keep/1024/browsers/',
      urls: 1000,
      headers: BROWSER,
    },
    { ...hit, name: '304', path: '/keep/1024/hit', headers: { 'If-None-Match': '"1024"' }, status: 304 },
    {
      ...hit,
      name: `zipf, ${zipfUrls.toLocaleString('en-US')} URLs`,
      mode: 'zipf',
      path: '/keep/1024/zipf/',
      urls: zipfUrls,
    },
    { ...hit, name: 'pass', path: '/pass/1024/', origin: 'everything' },
    { ...hit, name: 'miss', mode: 'unique', path: '/keep/1024/miss/', origin: 'everything' },
    { ...hit, name: 'new connections', path: '/keep/1024/hit', headers: close },
    { ...tls, name: 'TLS hit 1 KB', path: '/keep/1024/hit' },
    { ...tls, name: 'TLS hit 16 KB', path: '/keep/16384/hit' },
    { ...tls, name: 'TLS, new connections', path: '/keep/1024/hit', headers: close },
    { ...h2, name: `HTTP/2 hit 1 KB, 32 × ${STREAMS}`, path: '/keep/1024/hit' },
    { ...h2, name: `HTTP/2 hit 16 KB, 32 × ${STREAMS}`, path: '/keep/16384/hit' },
    { ...hit, name: 'idle connections', path: '/keep/1024/hit', connections: idle, idle: true },
  ];
}
