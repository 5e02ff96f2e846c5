// The fast hit is a short cut: whatever is stored and however it is asked for, its bytes are those of the long way, which a
// request takes with a Range in a unit that nobody knows (RFC 9110 §14.2: ignored).

import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { get } from '../support/client.ts';
import { scene } from '../support/scene.ts';

const DATE = 'Thu, 15 Jan 2026 12:00:00 GMT';
const LINES = [
  ['Date', DATE],
  ['date', 'Thu, 15 Jan 2026 11:59:00 GMT'],
  ['ETag', '"a"'],
  ['ETag', 'W/"b"'],
  ['Last-Modified', DATE],
  ['Content-Type', 'text/plain'],
  ['Via', '1.1 far'],
  ['via', '1.0 near'],
  ['Cache-Status', 'far; hit'],
  ['cache-status', 'near; fwd=uri-miss'],
  ['cache-status', '(('],
  ['X-Cache', 'HIT from far'],
  ['Age', '7'],
  ['Surrogate-Key', 'a b'],
  ['Surrogate-Control', 'max-age=86400'],
  ['Strict-Transport-Security', 'max-age=1'],
  ['Keep-Alive', 'timeout=5'],
  ['Content-Language', 'de'],
  ['X-Latin', 'caf\u00e9'],
  ['X-Empty', ''],
  [`X-${'Long'.repeat(30)}`, 'v'.repeat(300)],
] as const;
const CONDITIONS = [
  '',
  'If-None-Match: "a"\r\n',
  'If-None-Match: W/"b", "x"\r\n',
  'If-None-Match: *\r\n',
  `If-Modified-Since: ${DATE}\r\n`,
  'User-Agent: a browser\r\nAccept: */*\r\n',
];

const stored = fc.record({
  lines: fc.uniqueArray(fc.nat(LINES.length - 1), { maxLength: 9 }),
  bytes: fc.oneof(
    fc.nat(40),
    fc.nat(3000),
    fc.constantFrom(16_384, 16_385, 65_300, 65_536, 131_072, 131_073, 200_000),
  ),
  status: fc.constantFrom(200, 200, 404, 301),
  chunked: fc.boolean(),
});
const asked = fc.record({
  method: fc.constantFrom('GET', 'GET', 'HEAD'),
  condition: fc.constantFrom(...CONDITIONS),
  times: fc.constantFrom(1, 2, 9, 12),
  laterMs: fc.nat(1500),
});

/** All that comes for these bytes of requests. */
async function exchange(port: number, requests: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(requests, 'latin1');
  return (await buffer(socket)).toString('latin1');
}

const EDITS = { headers: { response: { remove: ['x-empty'], set: { 'X-Edge': 'here' } } } };

describe.each([
  ['as it is', {}],
  ['with edits', EDITS],
])('a hit, %s', (_name, settings) => {
  it('has the bytes of the long way', async () => {
    const { origin, edge, clock } = await scene(settings);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        stored,
        fc.array(asked, { minLength: 1, maxLength: 4 }),
        async (response, requests) => {
          run += 1;
          const path = `/${run}`;
          origin.on(path, (_request, answer) => {
            answer.sendDate = false;
            const lines = response.lines.flatMap((i) => LINES[i] ?? []);
            const length = response.chunked ? [] : ['Content-Length', String(response.bytes)];
            answer.writeHead(response.status, ['Cache-Control', 'max-age=86400', ...lines, ...length]);
            answer.end(Buffer.alloc(response.bytes, String(run)));
          });
          await get(edge.url + path);
          for (const { method, condition, times, laterMs } of requests) {
            clock.advance(laterMs);
            const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${edge.port}\r\n${condition}`;
            const long = `${head}Range: lines=1-2\r\n\r\n`;
            const all = await exchange(edge.port, `${head}\r\n`.repeat(times) + long);
            const one = await exchange(edge.port, long);
            expect(one).toMatch(/Cache-Status: (far|near|holdfast).*hit; ttl=/);
            expect(all === one.repeat(times + 1), `${all.slice(0, 2000)}\n---\n${one.slice(0, 2000)}`).toBe(
              true,
            );
          }
          expect(origin.requests(path)).toHaveLength(1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
