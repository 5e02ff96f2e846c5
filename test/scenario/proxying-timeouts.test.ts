// An origin that is too slow: 504 where nothing has gone out yet, a broken transfer where it has. The timeouts run on
// real time; they are short, and nothing here asserts that they are exact (the client library counts in half seconds).

import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import { deafPort } from '../support/deaf-port.ts';
import { never } from '../support/origin.ts';
import { edgeBefore, proxied, until } from '../support/proxying.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };

describe.concurrent('an origin', () => {
  it('that does not accept the connection in time gives 504', async ({ onTestFinished }) => {
    const deaf = await deafPort();
    onTestFinished(() => deaf.close());
    const edge = await edgeBefore(
      `http://127.0.0.1:${deaf.port}`,
      { timeouts: { connect: '50ms' } },
      onTestFinished,
    );
    const response = await get(edge.url, '/a');
    expect(response).toMatchObject({ status: 504, complete: true });
    expect(response.body.toString()).toBe('504 Gateway Timeout\nConnecting to the origin took too long.\n');
    expect(cacheStatus(response)).toMatchObject({ fwd: 'uri-miss', detail: 'connect-timeout' });
    expect(edge.requests()[0]).toMatchObject({
      status: 504,
      outcome: 'failed',
      failure: 'connect-timeout',
      side: 'origin',
    });
  });

  it.for(['GET', 'POST'])(
    'that does not begin to answer %s in time gives 504, and is not asked again',
    async (method, { onTestFinished }) => {
      const { origin, edge } = await proxied({ timeouts: { firstByte: '50ms' } }, onTestFinished);
      origin.on('/a', never);
      const response = await get(edge.url, '/a', { method, ...(method === 'POST' ? { body: 'x' } : {}) });
      expect(response).toMatchObject({ status: 504, complete: true });
      expect(cacheStatus(response)).toMatchObject({ stored: false, detail: 'first-byte-timeout' });
      expect(edge.requests()[0]).toMatchObject({
        status: 504,
        failure: 'first-byte-timeout',
        side: 'origin',
      });
      expect(origin.requests('/a')).toHaveLength(1);
      await until(() => origin.openConnections === 0);
    },
  );

  it.for(['no-store', 'max-age=60'])(
    'that stops in the middle of its content gives a broken transfer (%s)',
    async (control, { onTestFinished }) => {
      const { origin, edge } = await proxied({ timeouts: { idle: '50ms' } }, onTestFinished);
      const gate = origin.gate();
      origin.on('/a', gate, { headers: NO_STORE, body: 'again' });
      void gate.head(200, { 'Cache-Control': control, 'Content-Length': '100' });
      void gate.write('the beginning');
      const response = await get(edge.url, '/a');
      expect(response).toMatchObject({ status: 200, complete: false });
      expect(await gate.closed).toEqual({ finished: false });
      expect(edge.requests()[0]).toMatchObject({ status: 200, incomplete: 'broken' });
      expect(edge.log.find(({ failure }) => failure === 'idle-timeout')).toMatchObject({ side: 'origin' });
      expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(false);
    },
  );

  it('is given the time that its client takes to send the content', async ({ onTestFinished }) => {
    const { origin, edge } = await proxied({ timeouts: { firstByte: '50ms' } }, onTestFinished);
    origin.on('/up', { headers: NO_STORE, body: 'taken' });
    async function* slowly(): AsyncGenerator<string> {
      for (const piece of ['a', 'b', 'c', 'd']) {
        yield piece;
        await wait(500);
      }
    }
    const response = await get(edge.url, '/up', { method: 'POST', body: slowly() });
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(origin.requests('/up')[0]?.body.toString()).toBe('abcd');
  });

  it('is not idle while its client does not read', async ({ onTestFinished }) => {
    const { origin, edge } = await proxied({ timeouts: { idle: '50ms' } }, onTestFinished);
    const body = Buffer.alloc(32 * 1024 * 1024, 'x');
    origin.on('/a', { headers: NO_STORE, body });
    const response = await open(edge.url, '/a');
    await wait(2000);
    expect((await response.rest()).length).toBe(body.length);
  });

  it('that sends slowly but steadily is waited for', async ({ onTestFinished }) => {
    const { origin, edge } = await proxied({ timeouts: { firstByte: '1s', idle: '1s' } }, onTestFinished);
    origin.on('/a', { headers: NO_STORE, body: 'x'.repeat(100), spreadMs: 2500 });
    expect(await get(edge.url, '/a')).toMatchObject({ status: 200, complete: true });
  });
});
