// What is purged or invalidated is gone from every worker before the answer says so, while clients go on asking both.

import { describe, expect, it } from 'vitest';
import { type Connection, get, type Response } from '../support/client.ts';
import { crowd, type Scene, scene } from '../support/scene.ts';

const ROUNDS = 200;
/** Enough to meet both workers, whichever way the system hands them out. */
const ASKING = 8;
const HAMMERING = 6;

const ways: readonly [string, (scene: Scene) => Promise<Response>][] = [
  ['PURGE', ({ edge }) => get(edge.url, '/a', { method: 'PURGE' })],
  [
    'a soft PURGE',
    ({ edge }) => get(edge.url, '/a', { method: 'PURGE', headers: { 'X-Purge-Mode': 'invalidate' } }),
  ],
  ['a purge by tag', ({ edge }) => get(edge.admin, '/purge', { method: 'POST', body: '{"tags":["t"]}' })],
  [
    'a purge of everything',
    ({ edge }) => get(edge.admin, '/purge', { method: 'POST', body: '{"everything":true}' }),
  ],
  ['an unsafe request', ({ edge }) => get(edge.url, '/a', { method: 'POST', body: 'x' })],
];

/** Asks again and again until told to stop, or the connection breaks. */
async function hammer(connection: Connection, isOver: () => boolean): Promise<void> {
  while (!isOver() && (await connection.send('/a')).complete);
}

describe('two workers under load', () => {
  it.each(ways)('serve nothing that was fetched before %s, once it is answered', async (_, forget) => {
    const workers = { workers: 2, log: { level: 'silent' }, purge: { rate: 1_000_000, burst: 1_000_000 } };
    const set = await scene(workers, Date.now());
    const { origin, edge } = set;
    const script = (version: number): void =>
      origin.on('GET /a', { headers: { 'Cache-Control': 'max-age=3600', xkey: 't' }, body: `${version}` });
    origin.on('POST /a', { status: 204 });
    script(0);
    const connections = await crowd(edge, ASKING + HAMMERING);
    let over = false;
    const load = connections.slice(ASKING).map((connection) => hammer(connection, () => over));
    for (let round = 1; round <= ROUNDS / ways.length; round += 1) {
      script(round);
      const { status } = await forget(set);
      expect(status).toBeLessThan(300);
      const answers = await Promise.all(connections.slice(0, ASKING).map((one) => one.send('/a')));
      expect(answers.filter(({ body }) => Number(body.toString()) < round)).toEqual([]);
    }
    over = true;
    await Promise.all(load);
  });
});
