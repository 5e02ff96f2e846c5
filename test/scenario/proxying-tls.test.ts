// An origin over TLS: its certificate is checked against the name that the operator gave, never against a client's Host.

import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { edgeBefore } from '../support/proxying.ts';
import { type TlsOrigin, tlsOrigin } from '../support/tls-origin.ts';

async function given(): Promise<TlsOrigin> {
  const origin = await tlsOrigin();
  onTestFinished(() => origin.close());
  return origin;
}

describe('an origin over TLS', () => {
  it('is asked for its own certificate on one connection, whatever Host the clients name', async () => {
    const origin = await given();
    const edge = await edgeBefore(origin.url);
    const hosts = ['www.example.org', 'localhost', 'evil.example', '192.0.2.1', 'www.example.org'];
    for (const Host of hosts) {
      const response = await get(edge.url, '/a', { headers: { Host } });
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(response.body.toString()).toBe('over TLS');
    }
    expect(origin.hosts).toEqual(hosts);
    expect(origin.serverNames).toEqual(['localhost']);
    expect(origin.connections).toBe(1);
  });

  it('whose certificate is for another name gives 502, even if the client names the right one', async () => {
    const origin = await given();
    const edge = await edgeBefore(`https://127.0.0.1:${origin.port}`);
    const response = await get(edge.url, '/a', { headers: { Host: 'localhost' } });
    expect(response.status).toBe(502);
    expect(cacheStatus(response)).toMatchObject({ detail: 'tls' });
    expect(edge.requests()[0]).toMatchObject({ failure: 'tls', side: 'origin' });
    expect(origin.hosts).toEqual([]);
  });

  it('that speaks no TLS gives 502', async () => {
    const plain = await edgeBefore('http://127.0.0.1:1');
    const edge = await edgeBefore(plain.url.replace('http:', 'https:'));
    const response = await get(edge.url, '/a');
    expect(response.status).toBe(502);
    expect(cacheStatus(response)).toMatchObject({ detail: 'tls' });
  });
});
