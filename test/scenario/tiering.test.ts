// An edge before a shield before an origin: both real, on one clock. What passes between them, in which order purges go,
// and what happens when the shield does not answer.

import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatusList, get } from '../support/client.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { startEdge, type TestEdge } from '../support/edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/origin.ts';
import type { Settings } from '../support/proxying.ts';
import { metricsOf } from '../support/scene.ts';

const TOKEN = 'a-token-of-the-shield';
const EDGES = { tier: { edges: ['127.0.0.1'] } };

interface Tiers {
  readonly origin: ScriptedOrigin;
  readonly shield: TestEdge;
  readonly edge: TestEdge;
  readonly clock: ManualClock;
  /** Another edge before the shield. */
  readonly another: (settings?: Settings) => Promise<TestEdge>;
}

async function started(
  origin: string,
  name: string,
  clock: ManualClock,
  settings: Settings,
): Promise<TestEdge> {
  const edge = await startEdge({
    origin,
    clock,
    settings: { forwarding: { via: name }, timeouts: { drain: '0ms' }, ...settings },
  });
  onTestFinished(() => edge.close());
  return edge;
}

/** The edge purges at the shield, and is one of its edges. */
async function tiers(atShield: Settings = {}, atEdge: Settings = {}): Promise<Tiers> {
  const clock = manualClock();
  const origin = await scriptedOrigin({ now: clock.now });
  onTestFinished(() => origin.close());
  const purge = { allow: [], token: TOKEN };
  const shield = await started(origin.url, 'shield', clock, { ...EDGES, purge, ...atShield });
  const behind = { tier: { purge: [{ admin: shield.admin, token: TOKEN }] }, ...atEdge };
  const another = (settings: Settings = {}): Promise<TestEdge> =>
    started(shield.url, 'edge', clock, { ...behind, ...settings });
  return { origin, shield, clock, another, edge: await another() };
}

const names = (header: string | undefined): readonly string[] =>
  cacheStatusList(header ?? '').map(({ name, hit, fwd }) => `${name} ${hit ? 'hit' : fwd}`);

/** What the edge and the shield say of a page; the edge is asked by the host that the shield sees. */
async function page(at: TestEdge, host: TestEdge, path = '/a') {
  return get(at.url, path, { headers: { Host: `127.0.0.1:${host.port}` } });
}

interface Receipt {
  readonly id: string;
  readonly tiers: readonly { readonly purged: boolean }[];
  readonly receipts?: readonly Receipt[];
}

async function purged(
  at: TestEdge,
  body: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; receipt: Receipt }> {
  const response = await fetch(`${at.admin}/purge`, { method: 'POST', body: JSON.stringify(body), headers });
  return { status: response.status, receipt: JSON.parse(await response.text()) };
}

describe('two tiers', () => {
  it('tell their part in Cache-Status, the one nearest the origin first', async () => {
    const { origin, edge, shield } = await tiers();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const miss = await page(edge, edge);
    expect(names(miss.headers['cache-status'])).toEqual(['shield uri-miss', 'edge uri-miss']);
    expect(names((await page(shield, edge)).headers['cache-status'])).toEqual(['shield hit']);
    expect(names((await page(edge, edge)).headers['cache-status']).at(-1)).toBe('edge hit');
    expect(origin.requests('/a')).toHaveLength(1);
  });

  it('add up the age, keep the date, and are fresh no longer than the origin allows', async () => {
    const { origin, edge, shield, clock } = await tiers();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const first = await page(shield, edge);
    clock.advance(20_000);
    expect((await page(edge, edge)).headers).toMatchObject({ age: '20', date: first.headers.date });
    clock.advance(30_000);
    expect((await page(edge, edge)).headers).toMatchObject({ age: '50', date: first.headers.date });
    clock.advance(11_000);
    await page(edge, edge);
    expect(origin.requests('/a')).toHaveLength(2);
  });

  it('validate each with the next: a 304 of the shield costs the origin nothing', async () => {
    const { origin, edge, shield, clock } = await tiers();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60', ETag: '"v1"' }, body: 'x' });
    await page(edge, edge);
    clock.advance(61_000);
    await page(shield, edge);
    const validated = await page(edge, edge);
    expect(validated.body.toString()).toBe('x');
    expect(cacheStatusList(validated.headers['cache-status'] ?? '').at(-1)).toMatchObject({ fwdStatus: 304 });
    expect(origin.requests('/a')).toHaveLength(2);
  });

  it('fetch once for many clients of many edges', async () => {
    const { origin, edge, another, shield } = await tiers();
    const other = await another();
    const gate = origin.gate();
    origin.on('/a', gate);
    const pages = [edge, other].flatMap((one) => Array.from({ length: 20 }, () => page(one, edge)));
    await origin.waitFor('/a');
    // Both edges wait at the shield.
    while (((await metricsOf(shield)).get('holdfast_client_connections') ?? 0) < 2);
    gate.head(200, { 'Cache-Control': 'max-age=60' });
    gate.end('x');
    expect(new Set((await Promise.all(pages)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(origin.requests('/a')).toHaveLength(1);
  });

  it('serve what they have while the tier behind is away', async () => {
    const { origin, edge, shield, clock } = await tiers();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=1, stale-if-error=600' }, body: 'kept' });
    await page(edge, edge);
    clock.advance(5_000);
    await shield.close();
    const stale = await page(edge, edge);
    expect(stale.body.toString()).toBe('kept');
    expect(cacheStatusList(stale.headers['cache-status'] ?? '').at(-1)).toMatchObject({
      detail: 'stale-if-error',
    });
  });

  it('that lead in a circle are stopped', async () => {
    const clock = manualClock();
    const placeholder = await scriptedOrigin();
    await placeholder.close();
    const first = await started(placeholder.url, 'one', clock, {});
    const second = await started(first.url, 'two', clock, { listen: `127.0.0.1:${placeholder.port}` });
    for (const at of [first, second]) expect((await get(at.url, '/a')).status).toBe(508);
  });
});

describe('what is for caches only', () => {
  const headers = {
    'Surrogate-Key': 'news',
    'Cache-Tag': 'a,b',
    'CDN-Cache-Control': 'max-age=60',
    'Cache-Control': 'no-store',
  };

  it('goes to edges, and no further', async () => {
    const cache = { passTargetedFields: false };
    const { origin, edge, shield } = await tiers({ cache }, { cache });
    origin.on('/a', { headers, body: 'x' });
    for (const expected of ['miss', 'hit']) {
      const toEdge = await page(shield, edge);
      expect(toEdge.headers, expected).toMatchObject({ 'surrogate-key': 'news', 'cache-tag': 'a,b' });
      expect(toEdge.headers, expected).toHaveProperty('cdn-cache-control');
    }
    for (const expected of ['miss', 'hit']) {
      const toClient = await page(edge, edge);
      for (const name of ['surrogate-key', 'cache-tag', 'cdn-cache-control'])
        expect(toClient.headers, `${expected} ${name}`).not.toHaveProperty(name);
    }
    expect(origin.requests('/a')).toHaveLength(1);
  });

  it('stays where the client is no edge', async () => {
    const { origin, edge, shield } = await tiers({ tier: { edges: ['192.0.2.0/24'] } });
    origin.on('/a', { headers, body: 'x' });
    await page(shield, edge);
    expect((await page(shield, edge)).headers).not.toHaveProperty('surrogate-key');
  });
});

const version = (n: number) => ({
  headers: { 'Cache-Control': 'max-age=600', 'Cache-Tag': 'front page, other' },
  body: `v${n}`,
});

describe('a purge at the edge', () => {
  it('goes to the shield first, so that nothing old comes back', async () => {
    const { origin, edge } = await tiers();
    origin.on('/a', version(1));
    expect((await page(edge, edge)).body.toString()).toBe('v1');
    origin.on('/a', version(2));
    const response = await get(edge.url, '/a', { method: 'PURGE' });
    expect(response.status).toBe(200);
    expect((await page(edge, edge)).body.toString()).toBe('v2');
  });

  it.each([
    ['a URL', (url: string) => ({ urls: [`${url}/a?x=1`] })],
    ['a URL with any query', (url: string) => ({ urls: [`${url}/a`], ignoreQuery: true })],
    ['a prefix', (url: string) => ({ prefixes: [`${url}/a*`] })],
    ['a host', (url: string) => ({ hosts: [new URL(url).host] })],
    ['a tag', () => ({ tags: ['front page'] })],
    ['everything', () => ({ everything: true })],
    ['several things', (url: string) => ({ tags: ['front page', 'other'], urls: [`${url}/a?x=1`] })],
    ['a URL, softly', (url: string) => ({ urls: [`${url}/a?x=1`], mode: 'invalidate' })],
  ])('of %s reaches both tiers, and the receipt says so', async (_, body) => {
    const { origin, edge, shield } = await tiers();
    origin.on('/a', version(1));
    await page(edge, edge, '/a?x=1');
    origin.on('/a', version(2));
    const { status, receipt } = await purged(edge, body(edge.url));
    expect(status).toBe(200);
    const [first] = receipt.receipts ?? [receipt];
    expect(first?.tiers).toEqual([
      { admin: shield.admin, purged: true, ids: expect.arrayContaining([expect.stringMatching(/^purge-/)]) },
    ]);
    expect((await page(edge, edge, '/a?x=1')).body.toString()).toBe('v2');
    expect((await page(shield, edge, '/a?x=1')).body.toString()).toBe('v2');
    const polled: Receipt = JSON.parse(await (await fetch(`${edge.admin}/purges/${first?.id}`)).text());
    expect(polled.tiers).toEqual(first?.tiers);
  });

  it('holds there and says 502 where the shield does not answer or refuses', async () => {
    const { origin, edge, shield, another } = await tiers();
    const wrong = await another({ tier: { purge: [{ admin: shield.admin, token: 'not-the-token-of-it' }] } });
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=600' }, body: 'x' });
    for (const at of [wrong, edge]) await page(at, edge);
    const refused = await purged(wrong, { everything: true });
    expect(refused).toMatchObject({
      status: 502,
      receipt: { tiers: [{ purged: false, detail: expect.stringContaining('401') }] },
    });
    await shield.close();
    const away = await purged(edge, { everything: true });
    expect(away).toMatchObject({ status: 502, receipt: { matched: { memory: { responses: 1 } } } });
    expect(away.receipt.tiers[0]?.purged).toBe(false);
    expect((await page(edge, edge)).status).toBe(502);
  });

  it('is told nothing of by a dry run', async () => {
    const { edge, shield } = await tiers();
    await purged(edge, { everything: true, dryRun: true });
    const list = await fetch(`${shield.admin}/purges`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    expect(await list.json()).toEqual([]);
  });

  it('that comes round again is refused', async () => {
    const { edge, clock } = await tiers();
    const listener = await scriptedOrigin();
    onTestFinished(() => listener.close());
    listener.on('POST /purge', { status: 404, body: JSON.stringify({ id: 'purge-1' }) });
    const before = await started(edge.url, 'round', clock, { tier: { purge: [{ admin: listener.url }] } });
    await purged(before, { everything: true });
    const [sent] = listener.requests('/purge');
    const loop = sent?.headers['cdn-loop'] ?? '';
    expect(loop).toMatch(/^round; id=round-/);
    const again = await purged(before, { everything: true }, { 'CDN-Loop': loop });
    expect(again).toMatchObject({ status: 508, receipt: { error: expect.stringContaining('circle') } });
    expect(listener.requests('/purge')).toHaveLength(1);
  });

  it('is passed on by several workers too', async () => {
    const { origin, edge, another } = await tiers();
    const wide = await another({ workers: 2 });
    origin.on('/a', version(1));
    await page(wide, edge);
    origin.on('/a', version(2));
    const response = await get(wide.url, '/a', {
      method: 'PURGE',
      headers: { Host: `127.0.0.1:${edge.port}` },
    });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body.toString()).tiers).toHaveLength(1);
    expect((await page(wide, edge)).body.toString()).toBe('v2');
  });
});
