// A broken cache is a slow cache, never a broken site: a disk tier that is damaged, unreadable or in the way.

import { mkdir, open as openFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { diskDir, metricsOf, type Scene, scene, sha256, until } from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
const COUNT = 24;

function body(nth: number): Buffer {
  return Buffer.alloc(2000 + nth * 1997, `body of ${nth}, `);
}

/** An edge, started anew, whose disk holds /0 … /23 and whose memory holds nothing. */
async function shelved(dir: string): Promise<Scene & { readonly again: TestEdge }> {
  const given = await scene({ disk: { dir } });
  for (let nth = 0; nth < COUNT; nth++) {
    given.origin.on(`/${nth}`, { headers: HOUR, body: body(nth) });
    await get(given.edge.url, `/${nth}`);
  }
  return { ...given, again: await given.restart() };
}

/** Overwrites parts of the database file in place, as a failing disk would. */
async function damage(dir: string, from: number, step: number, length: number): Promise<void> {
  const path = join(dir, 'responses.db');
  const { size } = await stat(path);
  const file = await openFile(path, 'r+');
  for (let at = from; at < size; at += step) await file.write(Buffer.alloc(length, 0xa5), 0, length, at);
  await file.close();
}

/** Asks for all of them: each must be right. @returns how many were hits. */
async function readAll(edge: TestEdge): Promise<number> {
  let hits = 0;
  for (let nth = 0; nth < COUNT; nth++) {
    const response = await get(edge.url, `/${nth}`);
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(sha256(response.body)).toBe(sha256(body(nth)));
    if (cacheStatus(response).hit) hits++;
  }
  return hits;
}

describe('a database that is damaged while the edge runs', () => {
  it.each([
    ['behind its first pages', 8192, 4096, 4096],
    ['here and there', 5000, 9973, 8],
    ['in one page of ten', 4096, 40_960, 4096],
  ])('(%s) costs hits, never a wrong body and never an error', async (_, from, step, length) => {
    const dir = await diskDir();
    const { again } = await shelved(dir);
    await damage(dir, from, step, length);
    await readAll(again);
    expect(await readAll(again)).toBe(COUNT);
    expect(again.log.filter(({ msg }) => msg === 'request').length).toBe(2 * COUNT);
  });

  it('is replaced by a new one, which works', async () => {
    const dir = await diskDir();
    const { again, restart } = await shelved(dir);
    await damage(dir, 0, 4096, 4096);
    await readAll(again);
    await until(() => again.log.some(({ msg }) => msg === 'the disk tier works'));
    expect((await metricsOf(again)).get('holdfast_store_rebuilt_total{tier="disk"}')).toBe(1);
    const ready = JSON.parse((await get(again.admin, '/readyz')).body.toString());
    expect(ready.disk).toMatchObject({ ok: true, detail: expect.stringContaining('.broken-') });
    await get(again.url, '/0', { method: 'PURGE' });
    await get(again.url, '/0');
    const last = await restart();
    const response = await get(last.url, '/0');
    expect(cacheStatus(response).hit).toBe(true);
    expect(sha256(response.body)).toBe(sha256(body(0)));
  });

  it('breaks the transfer of a large body rather than send a wrong one; the next is a miss', async () => {
    const dir = await diskDir();
    const large = Buffer.alloc(3_000_000, 'large body, ');
    const { origin, edge, restart } = await scene({ memory: '8MB', disk: { dir } });
    origin.on('/large', { headers: HOUR, body: large });
    await get(edge.url, '/large');
    const again = await restart();
    await damage(dir, 2_000_000, 4096, 64);
    for (let nth = 1; nth <= 3; nth++) {
      const response = await get(again.url, '/large');
      if (response.complete) expect(sha256(response.body)).toBe(sha256(large));
    }
    const last = await get(again.url, '/large');
    expect(last.complete).toBe(true);
    expect(sha256(last.body)).toBe(sha256(large));
    // A fetch under way when the database turns out to be malformed is lost with it.
    expect(origin.requests().length).toBeOneOf([2, 3]);
  });
});

describe('a disk tier that is bad from the start', () => {
  it.each(['not a database at all', ''])('(a file with %j) is set aside and begun anew', async (content) => {
    const dir = await diskDir();
    await writeFile(join(dir, 'responses.db'), content.repeat(1000));
    const { again } = await shelved(dir);
    expect(await readAll(again)).toBe(COUNT);
    const kept = (await readdir(dir)).some((name) => name.includes('.broken-'));
    expect(kept).toBe(content !== '');
  });

  it('(a directory where its file should be) leaves the edge to its memory, and says so', async () => {
    const dir = await diskDir();
    await mkdir(join(dir, 'responses.db', 'in-the-way'), { recursive: true });
    const { origin, edge } = await scene({ disk: { dir } });
    origin.on('/a', { headers: HOUR, body: 'x' });
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
    const miss = await get(edge.url, '/b');
    expect(cacheStatus(miss)).toMatchObject({ fwd: 'uri-miss', detail: 'storage-error' });
    const ready = await get(edge.admin, '/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body.toString())).toMatchObject({ ready: true, disk: { ok: false } });
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_store_errors_total')).toBeGreaterThan(0);
    expect(metrics.get('holdfast_store_failing{tier="disk"}')).toBe(1);
    expect(metrics.get('holdfast_store_failing{tier="memory"}')).toBe(0);
    expect(edge.log.some(({ msg }) => msg === 'the disk tier fails')).toBe(true);
  });

  it('still purges: what is in memory is gone', async () => {
    const dir = await diskDir();
    await mkdir(join(dir, 'responses.db', 'in-the-way'), { recursive: true });
    const { origin, edge } = await scene({ disk: { dir } });
    origin.on('/a', { headers: HOUR, body: 'x' });
    await get(edge.url, '/a');
    const response = await get(edge.url, '/a', { method: 'PURGE' });
    expect(response.status).toBeOneOf([200, 404]);
    expect(JSON.parse(response.body.toString())).toMatchObject({ durable: true, detail: expect.any(String) });
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
  });
});
