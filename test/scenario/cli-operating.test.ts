// holdfast purge, inspect and warm against a running edge. What the command line says of settings is cli.test.ts's.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { holdfast } from '../support/command.ts';
import type { TestEdge } from '../support/edge.ts';
import { type Scene, scene } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
const folder = mkdtempSync(join(tmpdir(), 'holdfast-operating-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An edge that holds /a (tag one), /b (tag two) and /c. */
async function holding(): Promise<Scene> {
  const given = await scene();
  for (const [path, xkey] of [
    ['/a', 'one'],
    ['/b', 'two'],
    ['/c', ''],
  ] as const) {
    given.origin.on(path, { headers: { ...MINUTE, xkey, 'Content-Type': 'text/css' }, body: 'hello' });
    await get(given.edge.url, path);
  }
  return given;
}

function admin({ admin: url }: TestEdge): readonly string[] {
  return ['--admin', new URL(url).host];
}

async function hits({ url }: TestEdge): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of ['/a', '/b', '/c']) {
    const response = await get(url, path, { headers: { 'Cache-Control': 'only-if-cached' } });
    if (cacheStatus(response).hit) found.push(path);
  }
  return found;
}

describe('holdfast purge', () => {
  it('takes several URLs, and shows a table', async () => {
    const { edge } = await holding();
    const { code, stdout, stderr } = await holdfast([
      'purge',
      `${edge.url}/a`,
      `${edge.url}/c`,
      `${edge.url}/none`,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^id +selected +mode +memory +fenced$/);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatch(new RegExp(`^purge-1 +//127.0.0.1:${edge.port}/a +delete +1 `));
    expect(await hits(edge)).toEqual(['/b']);
  });

  it('purges tags, prefixes and hosts by the admin listener, waiting for the counts', async () => {
    const { edge } = await holding();
    const byTag = await holdfast(['purge', '--tag', 'one', '--wait', '--json', ...admin(edge)]);
    expect([byTag.code, byTag.stderr]).toEqual([0, '']);
    expect(JSON.parse(byTag.stdout)).toMatchObject([
      { selector: { kind: 'tag' }, matched: { memory: { responses: 1 } } },
    ]);
    expect(await hits(edge)).toEqual(['/b', '/c']);
    const rest = ['--prefix', `${edge.url}/b*`, '--host', `127.0.0.1:${edge.port}`];
    const { code, stdout } = await holdfast(['purge', ...rest, '--wait', ...admin(edge)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^purge-\d +\/\/127.0.0.1:\d+\/b\* +delete +1 .*\npurge-\d +host 127.0.0.1:\d+ +delete +1 /m,
    );
    expect(await hits(edge)).toEqual([]);
  });

  it('only counts with --dry-run', async () => {
    const { edge } = await holding();
    const { code, stdout } = await holdfast(['purge', '--everything', '--dry-run', '--wait', ...admin(edge)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dry-run-1 +everything +dry run +3 /m);
    expect(await hits(edge)).toEqual(['/a', '/b', '/c']);
  });

  it('makes stale with --soft', async () => {
    const { edge, origin } = await holding();
    const { code, stdout } = await holdfast(['purge', `${edge.url}/a?v=2`, '--soft', '--ignore-query']);
    expect(code).toBe(0);
    expect(stdout).toContain(`made stale ${edge.url}/a?v=2`);
    origin.on('/a', { status: 304, headers: MINUTE });
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
  });

  it('says what the edge says is wrong, and that nothing is selected', async () => {
    const { edge } = await holding();
    const refused = await holdfast(['purge', '--host', 'http://a/', ...admin(edge)]);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('answered 400: hosts[0]: expected a host');
    const nothing = await holdfast(['purge', '--soft']);
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain(
      'nothing selected; allowed: URLs, --prefix, --host, --tag or --everything',
    );
  });
});

describe('holdfast inspect', () => {
  it('shows what is stored, in a table or as JSON', async () => {
    const { edge, clock } = await holding();
    clock.advance(10_000);
    const { code, stdout, stderr } = await holdfast(['inspect', `${edge.url}/a`, ...admin(edge)]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^memory +http +200 +fresh +10s +50s +5 B +text\/css +"1" +one$/m);
    const json = await holdfast(['inspect', `${edge.url}/a`, '--json', ...admin(edge)]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      responses: [{ tier: 'memory', bytes: 5, tags: ['one'] }],
    });
    expect((await holdfast(['inspect', `${edge.url}/x`, ...admin(edge)])).stdout).toBe(
      `nothing stored for //127.0.0.1:${edge.port}/x\n`,
    );
  });
});

describe('holdfast warm', () => {
  it('stores what a file lists, and says what failed', async () => {
    const { edge, origin } = await holding();
    for (const path of ['/1', '/2']) origin.on(path, { headers: MINUTE, body: 'hello' });
    origin.on('/broken', { status: 500 });
    const path = join(folder, 'urls');
    writeFileSync(path, `# pages\n${edge.url}/1\n\n${edge.url}/2\n${edge.url}/a\nnonsense\n`);
    const { code, stdout, stderr } = await holdfast(['warm', path]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^warmed 3 URLs, 15 B, in [\d.]+ s\n {2}at the edge: (MISS 2, HIT 1|HIT 1, MISS 2|MISS 1, HIT 1, MISS 1)\n/,
    );
    expect(stdout).toContain('lines that are no http or https URL: 1');
    for (const one of ['/1', '/2']) expect(cacheStatus(await get(edge.url, one)).hit).toBe(true);
    writeFileSync(path, `${edge.url}/broken\n`);
    const failed = await holdfast(['warm', path, '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      urls: 1,
      failures: [{ url: `${edge.url}/broken`, error: 'status 500' }],
    });
  });

  it('stores what a sitemap lists, for the host it names, by the edge given', async () => {
    const { edge, origin } = await holding();
    const urls = Array.from({ length: 20 }, (_, i) => `http://www.example.org/p${i}`);
    const xml = `<urlset>${urls.map((url) => `<url><loc>${url}</loc></url>`).join('')}</urlset>`;
    origin.on('*', { headers: MINUTE, body: 'page' });
    origin.on('/sitemap.xml', { headers: MINUTE, body: xml });
    const to = ['--edge', `127.0.0.1:${edge.port}`, '--concurrency', '4', '--json'];
    const { code, stdout } = await holdfast(['warm', 'http://www.example.org/sitemap.xml', ...to]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      urls: 20,
      outcomes: { MISS: 20 },
      statuses: { 200: 20 },
      failures: [],
    });
    const headers = { Host: 'www.example.org' };
    expect(cacheStatus(await get(edge.url, '/p7', { headers })).hit).toBe(true);
  });

  it.each<[string, readonly string[], string]>([
    ['a file that is not there', ['no-such-file'], 'no-such-file'],
    [
      'an impossible concurrency',
      ['-', '--concurrency', '0'],
      '--concurrency: "0"; allowed: a whole number from 1 to 256',
    ],
  ])('ends with 1 for %s', async (_, args, message) => {
    const { code, stderr } = await holdfast(['warm', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});
