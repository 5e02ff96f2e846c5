import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCacheControl } from '../../src/cache/cache-control.ts';
import { assessed, metaOf } from './assessing.ts';

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const noise = fc.oneof(
  latin1,
  fc
    .array(fc.constantFrom(',', '"', '=', ' ', '\\', ';', 'max-age', '60', 'public', 'x', 'private', '\t'), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
);

const restriction = fc.constantFrom(
  'no-store',
  'NO-STORE',
  'no-store=""',
  'private',
  'Private',
  'private=""',
  'private="content-type"',
  'max-age=60 private',
);

/** A member at its own place in the list: no quoted string is open before it. */
function after(prefix: string, member: string): string[] {
  return [prefix, member];
}

describe('the Cache-Control parser', () => {
  it('never throws and always gives its shape', () => {
    fc.assert(
      fc.property(fc.array(noise), (lines) => {
        const control = parseCacheControl(lines);
        for (const value of [control.maxAge, control.sMaxage, control.maxStale]) {
          expect(value === undefined || value === 'invalid' || value >= 0).toBe(true);
        }
        for (const name of [...control.privateFields, ...control.noCacheFields]) {
          expect(name).toMatch(/^[^A-Z\s,"]+$/);
        }
      }),
    );
  });

  it('keeps a restricted response out of the store whatever lines stand around it', () => {
    fc.assert(
      fc.property(fc.array(noise), restriction, fc.array(noise), (before, member, behind) => {
        const lines = [...before, ...after('max-age=3600, public', member), ...behind];
        expect(assessed({ 'Cache-Control': lines, ETag: '"a"' }).storable).toBe(false);
      }),
    );
  });

  it('keeps a restricted response out of the store whatever is added behind it in its line', () => {
    fc.assert(
      fc.property(restriction, noise, (member, rest) => {
        // A NUL, say, cannot be in a field; what can is kept as it came.
        const line = `max-age=3600, public, ${member},${rest}`;
        expect(assessed({ 'Cache-Control': line, ETag: '"a"' }).storable).toBe(false);
      }),
    );
  });

  it('is never made fresher by lines that it cannot read', () => {
    fc.assert(
      fc.property(latin1, fc.integer({ min: 0, max: 100_000 }), (line, seconds) => {
        const control = `max-age=${seconds}`;
        const plain = metaOf({ 'Cache-Control': control, ETag: '"a"' });
        const assessment = assessed({ 'Cache-Control': [control, line], ETag: '"a"' });
        if (assessment.storable && !/s-maxage/i.test(line)) {
          expect(assessment.meta.lifetimeMs).toBeLessThanOrEqual(plain.lifetimeMs);
        }
      }),
    );
  });

  it('reads back what is written by the grammar', () => {
    const seconds = fc.option(fc.integer({ min: 0, max: 2 ** 31 }), { nil: undefined });
    const flags = fc.record({
      noStore: fc.boolean(),
      public: fc.boolean(),
      immutable: fc.boolean(),
      quoted: fc.boolean(),
    });
    fc.assert(
      fc.property(seconds, seconds, flags, (maxAge, sMaxage, { quoted, ...set }) => {
        const value = (name: string, n: number | undefined): string[] =>
          n === undefined ? [] : [quoted ? `${name}="${n}"` : `${name}=${n}`];
        const members = [
          ...value('max-age', maxAge),
          ...value('s-maxage', sMaxage),
          ...(set.noStore ? ['no-store'] : []),
          ...(set.public ? ['public'] : []),
          ...(set.immutable ? ['immutable'] : []),
        ];
        for (const lines of [members, [members.join(', ')], [members.join(',\t')]]) {
          expect(parseCacheControl(lines)).toMatchObject({ malformed: false, maxAge, sMaxage, ...set });
        }
      }),
    );
  });
});
