// Bodies too large for memory: written onto the disk while they come, found there when they are whole, shared while they
// are not. Without a disk they pass through.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import { diskDir, type Scene, type Settings, scene, settled, sha256 } from '../support/scene.ts';

const MB = 1024 ** 2;
const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
/** More than the memory. */
const BODY = Buffer.alloc(20 * MB);
for (let i = 0; i + 4 <= BODY.length; i += 4) BODY.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
const PIECE = 5 * MB;

async function stage(settings: Settings = {}): Promise<Scene> {
  return scene({ memory: '8MB', disk: { dir: await diskDir(), size: '400MB' }, ...settings });
}

describe('a body larger than the memory', () => {
  it.each([
    ['announced', false],
    ['of unknown length', true],
  ])('(%s) is stored on the disk, and served from there, ranges too', async (_, chunked) => {
    const { origin, edge, restart } = await stage();
    origin.on('/large', { headers: HOUR, body: BODY, chunked });
    const first = await get(edge.url, '/large');
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(sha256(first.body)).toBe(sha256(BODY));
    await settled(edge);
    const second = await get(edge.url, '/large');
    expect(cacheStatus(second).hit).toBe(true);
    expect(sha256(second.body)).toBe(sha256(BODY));
    const again = await restart();
    const part = await get(again.url, '/large', { headers: { Range: 'bytes=7000001-12345678' } });
    expect(part.status).toBe(206);
    expect(part.body.equals(BODY.subarray(7_000_001, 12_345_679))).toBe(true);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is fetched once for those who come while it is on its way, however late', async () => {
    const { origin, edge } = await stage();
    const gate = origin.gate();
    origin.on('/large', gate);
    const early = get(edge.url, '/large');
    await gate.arrived;
    await gate.head(200, { ...HOUR, 'Content-Length': String(BODY.length) });
    for (let at = 0; at < 3 * PIECE; at += PIECE) await gate.write(BODY.subarray(at, at + PIECE));
    const late = await open(edge.url, '/large');
    const begin = await late.read(PIECE);
    await gate.end(BODY.subarray(3 * PIECE));
    expect(begin.equals(BODY.subarray(0, PIECE))).toBe(true);
    expect(sha256(Buffer.concat([begin, await late.rest()]))).toBe(sha256(BODY));
    expect(sha256((await early).body)).toBe(sha256(BODY));
    await settled(edge);
    expect(cacheStatus(await get(edge.url, '/large')).hit).toBe(true);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is stored though its only client reads nothing and leaves', async () => {
    const { origin, edge } = await stage();
    origin.on('/large', { headers: HOUR, body: BODY });
    const client = await open(edge.url, '/large');
    await client.read(1);
    client.reset();
    await settled(edge);
    const second = await get(edge.url, '/large');
    expect(cacheStatus(second).hit).toBe(true);
    expect(sha256(second.body)).toBe(sha256(BODY));
  });

  it('that breaks is not stored', async () => {
    const { origin, edge } = await stage();
    origin.on(
      '/large',
      {
        headers: { ...HOUR, 'Content-Length': String(BODY.length) },
        body: BODY.subarray(0, 3 * PIECE),
        cut: 'reset',
      },
      { headers: HOUR, body: 'whole' },
    );
    expect((await get(edge.url, '/large')).complete).toBe(false);
    await settled(edge);
    expect((await get(edge.url, '/large')).body.toString()).toBe('whole');
  });

  it('that a purge overtakes is not stored', async () => {
    const { origin, edge } = await stage();
    const gate = origin.gate();
    origin.on('/large', gate, { headers: HOUR, body: 'new' });
    const early = get(edge.url, '/large');
    await gate.arrived;
    await gate.head(200, { ...HOUR, 'Content-Length': String(BODY.length) });
    await gate.write(BODY.subarray(0, 3 * PIECE));
    await get(edge.url, '/large', { method: 'PURGE' });
    await gate.end(BODY.subarray(3 * PIECE));
    expect(sha256((await early).body)).toBe(sha256(BODY));
    await settled(edge);
    expect((await get(edge.url, '/large')).body.toString()).toBe('new');
  });

  it('that a purge overtakes still reaches who is far behind', async () => {
    const { origin, edge } = await stage();
    const gate = origin.gate();
    origin.on('/large', gate);
    const slow = await Promise.all([gate.head(200, HOUR), open(edge.url, '/large')]).then(([, one]) => one);
    const early = get(edge.url, '/large');
    for (let at = 0; at < 3 * PIECE; at += PIECE) await gate.write(BODY.subarray(at, at + PIECE));
    const begin = await slow.read(MB);
    await get(edge.url, '/large', { method: 'PURGE' });
    await gate.end(BODY.subarray(3 * PIECE));
    expect(sha256((await early).body)).toBe(sha256(BODY));
    await settled(edge);
    // What is given up is swept in steps; here all of it would be.
    await get(edge.url, '/other');
    await settled(edge);
    expect(sha256(Buffer.concat([begin, await slow.rest()]))).toBe(sha256(BODY));
  });

  it('replaces a smaller one that memory had', async () => {
    const { origin, edge, clock } = await stage();
    origin.on('/a', { headers: HOUR, body: 'small' }, { headers: { ...HOUR, ETag: '"2"' }, body: BODY });
    await get(edge.url, '/a');
    clock.advance(3_601_000);
    await get(edge.url, '/a');
    await settled(edge);
    const response = await get(edge.url, '/a');
    expect(cacheStatus(response).hit).toBe(true);
    expect(sha256(response.body)).toBe(sha256(BODY));
    expect(origin.requests()).toHaveLength(2);
  });

  it.each([
    ['without a disk', { disk: { dir: 'none' } }],
    ['beyond maxObject', { cache: { maxObject: '10MB' } }],
  ])('%s passes through', async (_, settings) => {
    const { origin, edge } = await stage(settings);
    origin.on('/large', { headers: HOUR, body: BODY });
    const first = await get(edge.url, '/large');
    expect(cacheStatus(first).stored).toBeFalsy();
    expect(sha256(first.body)).toBe(sha256(BODY));
    expect(cacheStatus(await get(edge.url, '/large')).hit).toBeFalsy();
  });

  it('of unknown length beyond maxObject passes through', async () => {
    const { origin, edge } = await stage({ cache: { maxObject: '10MB' } });
    origin.on('/large', { headers: HOUR, body: BODY, chunked: true });
    for (let i = 0; i < 2; i += 1) {
      expect(sha256((await get(edge.url, '/large')).body)).toBe(sha256(BODY));
      await settled(edge);
    }
    expect(origin.requests()).toHaveLength(2);
  });
});
