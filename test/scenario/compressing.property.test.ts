// Whatever a client accepts, and whatever happens to the response meanwhile: the content that it gets decodes to what the origin
// has sent under that tag, in an encoding that it takes, and says what it varies by.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptance, isCoding } from '../../src/compress/coding.ts';
import { Fields } from '../../src/http/fields.ts';
import { get } from '../support/client.ts';
import { ALL, ask, compressed, decoded, page } from '../support/compressing.ts';
import { metricsOf, scene } from '../support/scene.ts';

const quality = fc.oneof(
  fc.constant(''),
  fc.integer({ min: 0, max: 10 }).map((tenths) => `;q=${tenths / 10}`),
);
const member = fc
  .tuple(fc.constantFrom('gzip', 'br', 'zstd', 'identity', '*', 'deflate', 'GZIP', 'x'), quality)
  .map(([coding, q]) => coding + q);
const accept = fc.oneof(
  fc
    .uniqueArray(member, { maxLength: 5, selector: (one) => one.split(';')[0]?.toLowerCase() })
    .map((all) => all.join(', ')),
  fc.constantFrom('', 'gzip, deflate, br, zstd', 'gzip;q=x', 'gzip,', ',,br', 'gzip gzip'),
);
interface Get {
  readonly accept: string;
  readonly known: boolean;
  readonly first: number;
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('get' as const),
      accept,
      known: fc.boolean(),
      first: fc.nat(200),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rest' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('purge' as const, 'deploy' as const, 'wait' as const) }),
  },
);

describe('any client at any moment', () => {
  it('gets what the origin sent, in an encoding that it takes', async () => {
    const { origin, edge, clock } = await scene({ cache: ALL });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        run += 1;
        const path = `/${run}`;
        let version = 1;
        const deploy = (): void => {
          const headers = {
            'Cache-Control': 'max-age=60',
            'Content-Type': 'text/html',
            ETag: `"v${version}"`,
          };
          const body = page(`${run} ${version}`, 3000);
          origin.on(path, (request, response) => {
            const same = request.headers['if-none-match']?.includes(headers.ETag) === true;
            response.writeHead(same ? 304 : 200, headers);
            response.end(same ? undefined : body);
          });
        };
        deploy();
        const tags = new Set<string>();
        const check = async ({ accept: taken, known, first }: Get): Promise<void> => {
          const condition = known && tags.size > 0 ? { 'If-None-Match': [...tags].join(', ') } : {};
          const response = await ask(edge, path, taken, condition);
          expect(response.headers.vary).toBe('Accept-Encoding');
          const etag = response.headers.etag ?? '';
          if (response.status === 304) {
            expect(tags).toContain(etag);
            return;
          }
          tags.add(etag);
          const of = Number(/^"v(\d+)/.exec(etag)?.[1]);
          expect(decoded(response)).toBe(page(`${run} ${of}`, 3000));
          const coding = response.headers['content-encoding'];
          if (coding === undefined) return;
          const accepted = acceptance(Fields.from({ 'Accept-Encoding': taken }));
          expect(isCoding(coding) && accepted[coding]).toBeGreaterThan(0);
          const rest = await ask(edge, path, taken, { Range: `bytes=${first}-`, 'If-Range': etag });
          if (rest.status === 206) expect(rest.body.equals(response.body.subarray(first))).toBe(true);
          else expect(decoded(rest)).toContain('bottles');
        };
        for (const one of steps) {
          if (one.kind === 'get') {
            await check(one);
            continue;
          }
          if (one.kind === 'purge') await get(edge.url, path, { method: 'PURGE' });
          else if (one.kind === 'rest') await compressed(edge);
          else if (one.kind === 'wait') clock.advance(61_000);
          else {
            version += 1;
            deploy();
          }
        }
      }),
      { numRuns: 25 },
    );
    expect((await metricsOf(edge)).get('holdfast_compressed_responses_total')).toBeGreaterThan(10);
  });
});
