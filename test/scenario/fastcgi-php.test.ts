// An edge before a real php-fpm. The scripts use what applications use: headers, sessions, php://input, exit statuses.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { hasPhpFpm, type PhpFpm, startPhpFpm } from '../support/php-fpm.ts';
import { edgeBefore, type Settings } from '../support/proxying.ts';

const MB = 1024 * 1024;

const SCRIPTS = {
  'index.php': `<?php header('Cache-Control: max-age=60'); echo $_SERVER['REQUEST_URI'], ' ', hrtime(true);`,
  'vars.php': `<?php header('Cache-Control: no-store'); echo json_encode($_SERVER);`,
  'upload.php': `<?php $hash = hash_init('sha256'); $bytes = 0; $in = fopen('php://input', 'rb');
    while (!feof($in)) { $part = fread($in, 65536); $bytes += strlen($part); hash_update($hash, $part); }
    echo $bytes, ' ', hash_final($hash);`,
  'large.php': `<?php header('Cache-Control: no-store');
    for ($i = 0; $i < 16 * $_GET['mb']; $i++) { echo str_repeat(chr($i & 255), 65536); flush(); }`,
  'session.php': `<?php session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo 'visit ', $_SESSION['n'];`,
  'etag.php': `<?php header('Cache-Control: no-cache'); header('ETag: "v1"');
    if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === '"v1"') http_response_code(304); else echo 'content';`,
  'error.php': `<?php error_log('something is wrong'); throw new Exception('broken');`,
  'redirect.php': `<?php header('Location: /index.php');`,
  'dies.php': `<?php header('Cache-Control: max-age=60'); echo 'half'; flush(); exec('kill -9 ' . getmypid());`,
  // What an attacker has uploaded.
  'upload.jpg': `<?php echo 'EXECUTED';`,
};

async function before(fastcgi: Settings = {}, pool?: string): Promise<{ edge: TestEdge; php: PhpFpm }> {
  const php = await startPhpFpm(SCRIPTS, pool);
  onTestFinished(() => php.stop());
  const edge = await edgeBefore(php.url, { fastcgi: { root: php.root, ...fastcgi } });
  return { php, edge };
}

describe.runIf(hasPhpFpm)('php-fpm behind the edge', () => {
  it('is cached as its Cache-Control says', async () => {
    const { edge } = await before({ fallback: '/index.php' });
    const first = await get(edge.url, '/pretty/link?a=b');
    const second = await get(edge.url, '/pretty/link?a=b');
    expect(first.body.toString()).toMatch(/^\/pretty\/link\?a=b \d+$/);
    expect(second.body.equals(first.body)).toBe(true);
    expect(cacheStatus(second)).toMatchObject({ hit: true });
  });

  it('sees the request as behind any web server', async () => {
    const { edge, php } = await before();
    const headers = { Authorization: 'Basic Zm9vOmJhcg==', Cookie: 'a=1', Proxy: 'evil' };
    const { body } = await get(edge.url, '/vars.php/more%20path?x=%20y', { headers });
    const vars: unknown = JSON.parse(body.toString());
    expect(vars).toMatchObject({
      DOCUMENT_ROOT: php.root,
      PATH_INFO: '/more path',
      PHP_SELF: '/vars.php/more path',
      PHP_AUTH_USER: 'foo',
      PHP_AUTH_PW: 'bar',
      HTTP_COOKIE: 'a=1',
      REMOTE_ADDR: '127.0.0.1',
    });
    expect(vars).not.toHaveProperty('HTTP_PROXY');
  });

  it('takes a large upload at a bounded cost of memory', async () => {
    const { edge } = await before();
    const [piece, times] = [randomBytes(MB), 100];
    const hash = createHash('sha256');
    for (let i = 0; i < times; i++) hash.update(piece);
    const { rss } = process.memoryUsage();
    const upload = request(`${edge.url}/upload.php`, {
      method: 'POST',
      headers: { 'Content-Length': times * MB },
    });
    Readable.from(Array.from({ length: times }, () => piece)).pipe(upload);
    const response = (await once(upload, 'response'))[0] as IncomingMessage;
    expect(await text(response)).toBe(`${times * MB} ${hash.digest('hex')}`);
    expect(process.memoryUsage().rss - rss).toBeLessThan(80 * MB);
  });

  it('takes content that does not announce its length', async () => {
    const { edge } = await before();
    async function* pieces(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 10; i++) yield Buffer.alloc(70_000, 'x');
    }
    const { body } = await get(edge.url, '/upload.php', { method: 'POST', body: pieces() });
    expect(body.toString()).toMatch(/^700000 /);
  });

  it('is streamed to its client', async () => {
    const { edge } = await before();
    const response = await open(edge.url, '/large.php?mb=40');
    let bytes = 0;
    for (let part = await response.read(MB); part.length > 0; part = await response.read(MB)) {
      expect(part[0]).toBe((bytes / 65_536) & 255);
      bytes += part.length;
    }
    expect(bytes).toBe(40 * MB);
  });

  it('keeps sessions, which are never stored', async () => {
    const { edge } = await before();
    const first = await get(edge.url, '/session.php');
    const cookie = /PHPSESSID=[^;]+/.exec(first.headers['set-cookie'] ?? '')?.[0] ?? '';
    const second = await get(edge.url, '/session.php', { headers: { Cookie: cookie } });
    const stranger = await get(edge.url, '/session.php');
    expect([first, second, stranger].map(({ body }) => body.toString())).toEqual([
      'visit 1',
      'visit 2',
      'visit 1',
    ]);
  });

  it('validates, answers HEAD, redirects and fails as over HTTP', async () => {
    const { edge } = await before();
    await get(edge.url, '/etag.php');
    const validated = await get(edge.url, '/etag.php');
    expect([validated.body.toString(), cacheStatus(validated)?.fwdStatus]).toEqual(['content', 304]);
    expect(await get(edge.url, '/index.php', { method: 'HEAD' })).toMatchObject({
      status: 200,
      complete: true,
    });
    expect(await get(edge.url, '/redirect.php')).toMatchObject({
      status: 302,
      headers: { location: '/index.php' },
    });
    expect((await get(edge.url, '/error.php')).status).toBe(500);
    const written = edge.log.find(({ script }) => script === '/error.php');
    expect(String(written?.stderr)).toContain('something is wrong');
  });

  it('that dies in the middle leaves nothing stored', async () => {
    const { edge } = await before();
    expect((await get(edge.url, '/dies.php')).complete).toBe(false);
    expect((await get(edge.url, '/dies.php')).complete).toBe(false);
    expect((await get(edge.url, '/index.php')).status).toBe(200);
  });

  it('is served over kept connections, and over new ones when it closes them', async () => {
    const { edge } = await before({ keepAlive: 2 }, 'pm.max_requests = 3');
    const statuses = new Set<number>();
    for (let i = 0; i < 20; i++) statuses.add((await get(edge.url, '/vars.php')).status);
    expect([...statuses]).toEqual([200]);
  });

  // With security.limit_extensions empty php-fpm itself would run it (cgi.fix_pathinfo).
  it.each([
    ['where the files are looked at', { checkFiles: true }],
    ['where they are not', { checkFiles: false }],
  ])('does not run an uploaded picture, %s', async (_, fastcgi) => {
    const { edge } = await before(fastcgi, 'security.limit_extensions =');
    for (const path of ['/upload.jpg/x.php', '/upload.jpg%2Fx.php', '/upload.jpg', '/upload.jpg%00x.php']) {
      const response = await get(edge.url, path);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.body.toString()).not.toContain('EXECUTED');
    }
  });
});
