import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageSeconds, ttlSeconds } from '../../src/cache/age.ts';
import { type DecisionInput, decide, mayServeOnError } from '../../src/cache/decide.ts';
import { requestFacts } from '../../src/cache/request-directives.ts';
import { DEFAULT_RULES } from '../../src/cache/rules.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Fields } from '../../src/http/fields.ts';
import { storedMeta, T0 } from '../support/stored-meta.ts';

const directive = fc.oneof(
  fc.constantFrom(
    'no-store',
    'no-cache',
    'max-age=0',
    'max-age=30',
    'min-fresh=10',
    'max-stale',
    'max-stale=20',
  ),
  fc.constantFrom(
    'only-if-cached',
    'stale-if-error=30',
    'max-age=',
    'max-stale="',
    'max-age=99999999999999999999',
    ',,',
    '=1',
  ),
);
const etag = fc.constantFrom(undefined, '"a"', 'W/"a"', 'a', '"', 'W/');
const request = fc
  .record(
    {
      'Cache-Control': fc.array(directive, { maxLength: 3 }).map((all) => all.join(', ')),
      Range: fc.constantFrom('bytes=0-1', 'bytes=-3', 'bytes=9-', 'bytes=0-0,5-', 'bytes=,', 'x=1-2'),
      'If-Range': fc.constantFrom('"a"', 'W/"a"', 'Sun, 09 Sep 2001 01:46:40 GMT', '?'),
      'If-Match': fc.constantFrom('*', '"a"', '"b"', ''),
      'If-None-Match': fc.constantFrom('*', '"a", W/"b"', '"', ','),
      Pragma: fc.constantFrom('no-cache', 'x'),
      Authorization: fc.constant('Basic eA=='),
    },
    { requiredKeys: [] },
  )
  .map((fields) => requestFacts(Fields.from(fields as Record<string, string>)));
const durationMs = fc.integer({ min: 0, max: 100_000 });
const stored = fc
  .record({
    status: fc.constantFrom(200, 206, 404, 301),
    initialAgeMs: durationMs,
    lifetimeMs: durationMs,
    staleWhileRevalidateMs: durationMs,
    staleIfErrorMs: durationMs,
    mustRevalidate: fc.boolean(),
    noCache: fc.boolean(),
    etag,
    lastModified: fc.constantFrom(undefined, T0, T0 - 10_000),
    partial: fc.constantFrom<StoredMeta['partial'][]>(
      undefined,
      { start: 0, end: 5, complete: 10 },
      { start: 2, end: 5, complete: undefined },
    ),
  })
  .map(storedMeta);
const input: fc.Arbitrary<DecisionInput> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'X', ''),
  request,
  stored: fc.option(stored, { nil: undefined }),
  verdict: fc.constantFrom('valid', 'invalidated', 'deleted'),
  rules: fc
    .record({
      strict: fc.boolean(),
      honourClient: fc.boolean(),
      bypass: fc.constantFrom(false, false, false, true),
    })
    .map((some) => ({ ...DEFAULT_RULES, ...some })),
  hadVariants: fc.boolean(),
  now: fc.integer({ min: -50_000, max: 300_000 }).map((offset) => T0 + offset),
});
const kind = fc.constantFrom<('unreachable' | number)[]>('unreachable', 500, 503, 504, 200, 404);

describe('decide', () => {
  it('is total, and the same for the same input', () => {
    fc.assert(
      fc.property(input, (one) => {
        expect(decide(one)).toEqual(decide(one));
      }),
    );
  });

  it('serves only what is there, not purged, and not to be validated first', () => {
    fc.assert(
      fc.property(input, (one) => {
        const decision = decide(one);
        if (decision.kind !== 'hit' && decision.kind !== 'stale') return;
        expect(one.stored?.noCache).toBe(false);
        expect(one.verdict).not.toBe('deleted');
        expect(['GET', 'HEAD']).toContain(one.method);
        expect(decision.kind === 'hit' ? decision.ttlMs > 0 : decision.ttlMs <= 0).toBe(true);
        if (decision.kind === 'hit') expect(one.verdict).toBe('valid');
      }),
    );
  });

  it('never serves stale what must be revalidated, nor puts it in place of a failed origin', () => {
    fc.assert(
      fc.property(input, stored, kind, (one, meta, failure) => {
        const must = { ...meta, mustRevalidate: true };
        const decision = decide({ ...one, stored: must });
        expect(decision.kind).not.toBe('stale');
        if (decision.kind === 'hit') expect(one.now).toBeLessThan(must.freshUntil);
        const ground = mayServeOnError({ ...one, stored: must, kind: failure });
        if (ground !== undefined) expect(ground).toBe('fresh');
      }),
    );
  });

  it('never asks the origin for only-if-cached', () => {
    const only = requestFacts(Fields.from({ 'Cache-Control': 'only-if-cached' }));
    fc.assert(
      fc.property(input, (one) => {
        fc.pre(!one.rules.bypass && (one.method === 'GET' || one.method === 'HEAD'));
        expect(['hit', 'stale', 'only-if-cached']).toContain(decide({ ...one, request: only }).kind);
      }),
    );
  });

  it('announces whole seconds that never promise too much', () => {
    fc.assert(
      fc.property(stored, fc.integer({ min: 0, max: 300_000 }), (meta, offset) => {
        const now = T0 + offset;
        expect(ageSeconds(meta, now) * 1000).toBeLessThanOrEqual(meta.initialAgeMs + offset);
        expect(ttlSeconds(meta, now) < 0).toBe(now > meta.freshUntil);
      }),
    );
  });
});
