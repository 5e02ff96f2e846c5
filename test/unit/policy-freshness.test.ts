import { describe, expect, it } from 'vitest';
import { type Case, type FieldTable, metaOf, NOW } from './assessing.ts';

const VALIDATOR = { ETag: '"a"' };
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toUTCString();

function lifetime(fields: FieldTable, given?: Case): number {
  return metaOf({ ...VALIDATOR, ...fields }, given).lifetimeMs / 1000;
}

describe('explicit lifetimes (RFC 9111 §4.2.1)', () => {
  it.each<[string, FieldTable, number]>([
    ['s-maxage before max-age', { 'Cache-Control': 's-maxage=10, max-age=20', Expires: at(30) }, 10],
    ['max-age before Expires', { 'Cache-Control': 'max-age=20', Expires: at(30) }, 20],
    ['s-maxage before a longer max-age', { 'Cache-Control': 'max-age=5, s-maxage=99' }, 99],
    ['Expires less Date', { Expires: at(30), Date: at(-10) }, 40],
    ['Expires less the time of receipt without Date', { Expires: at(30) }, 30],
    ['Expires less the time of receipt with a broken Date', { Expires: at(30), Date: 'yesterday' }, 30],
    ['Expires less the time of receipt with two Dates', { Expires: at(30), Date: [at(-10), at(-20)] }, 30],
    ['Expires that is Date', { Expires: at(0), Date: at(0) }, 0],
    ['Expires before Date', { Expires: at(-30), Date: at(0) }, 0],
    ['Expires: 0', { Expires: '0', 'Last-Modified': at(-9999) }, 0],
    ['Expires: -1', { Expires: '-1' }, 0],
    ['Expires in another zone', { Expires: at(30).replace('GMT', 'UTC') }, 0],
    ['Expires in lower case', { Expires: at(30).toLowerCase() }, 30],
    ['Expires in RFC 850 form', { Expires: 'Sunday, 06-Nov-33 08:50:37 GMT' }, 60],
    ['Expires in asctime form', { Expires: 'Sun Nov  6 08:50:37 2033' }, 60],
    ['empty Expires', { Expires: '' }, 0],
    ['two Expires: the first counts', { Expires: [at(30), at(60)] }, 30],
    ['two Expires, the first broken', { Expires: ['x', at(60)] }, 0],
    ['two Expires that agree', { Expires: [at(30), at(30)] }, 30],
    ['a broken Expires under max-age', { 'Cache-Control': 'max-age=20', Expires: '0' }, 20],
    ['a broken max-age over Expires', { 'Cache-Control': 'max-age=x', Expires: at(30) }, 0],
    ['a broken s-maxage over max-age', { 'Cache-Control': 's-maxage=x, max-age=20' }, 0],
    ['a broken max-age under s-maxage', { 'Cache-Control': 's-maxage=20, max-age=x' }, 20],
    ['a negative max-age', { 'Cache-Control': 'max-age=-5' }, 0],
    ['an overflowing max-age', { 'Cache-Control': 'max-age=9999999999999' }, 2 ** 31],
    ['the first of two max-age', { 'Cache-Control': ['max-age=20', 'max-age=5'] }, 20],
    ['immutable names none (RFC 8246)', { 'Cache-Control': 'immutable' }, 0],
    ['immutable beside max-age', { 'Cache-Control': 'immutable, max-age=20' }, 20],
    ['must-revalidate takes none away', { 'Cache-Control': 'max-age=20, must-revalidate' }, 20],
    ['proxy-revalidate takes none away', { 'Cache-Control': 'max-age=20, proxy-revalidate' }, 20],
    ['no-cache takes none away', { 'Cache-Control': 'max-age=20, no-cache' }, 20],
  ])('%s', (_, fields, expected) => {
    expect(lifetime(fields)).toBe(expected);
    expect(metaOf({ ...VALIDATOR, ...fields }).heuristic).toBe(false);
  });
});

describe('heuristic lifetimes (RFC 9111 §4.2.2)', () => {
  const heuristic = { 'Last-Modified': at(-1000) };
  it.each<[string, FieldTable, Case, number]>([
    ['a tenth of the time since Last-Modified', heuristic, {}, 100],
    ['counted from Date', { ...heuristic, Date: at(-500) }, {}, 50],
    ['capped', heuristic, { rules: { heuristicMaxMs: 7000 } }, 7],
    ['none by a cap of 0', heuristic, { rules: { heuristicMaxMs: 0 } }, 0],
    ['none without Last-Modified', {}, {}, 0],
    ['none with a broken one', { 'Last-Modified': 'x' }, {}, 0],
    ['none with one in the future', { 'Last-Modified': at(1000) }, {}, 0],
    ['none beside max-age', { ...heuristic, 'Cache-Control': 'max-age=0' }, {}, 0],
    ['none beside a broken max-age', { ...heuristic, 'Cache-Control': 'max-age="' }, {}, -1],
    ['with directives that name no lifetime', { ...heuristic, 'Cache-Control': 'foo' }, {}, 100],
  ])('%s', (_, fields, given, expected) => {
    if (expected < 0) expect(() => lifetime(fields, given)).toThrow('malformed');
    else expect(lifetime(fields, given)).toBe(expected);
  });

  it('are marked, where there is one', () => {
    expect(metaOf(heuristic).heuristic).toBe(true);
    expect(metaOf(VALIDATOR).heuristic).toBe(false);
  });
});

describe('age on arrival (RFC 9111 §4.2.3, §5.1)', () => {
  it.each<[string, FieldTable, Case, number]>([
    ['none', {}, {}, 0],
    ['Age', { Age: '10' }, {}, 10],
    ['Age and the response delay', { Age: '10' }, { requestedAt: NOW - 2000 }, 12],
    ['the response delay alone', {}, { requestedAt: NOW - 2500 }, 2.5],
    ['a clock that was set back between', {}, { requestedAt: NOW + 2500 }, 0],
    ['the apparent age', { Date: at(-30) }, {}, 30],
    ['the larger of both: Age', { Date: at(-5), Age: '10' }, { requestedAt: NOW - 1000 }, 11],
    ['the larger of both: apparent', { Date: at(-30), Age: '10' }, {}, 30],
    ['a Date ahead of us', { Date: at(30), Age: '3' }, {}, 3],
    ['a Date within this second', { Date: at(0) }, { requestedAt: NOW + 900, respondedAt: NOW + 999 }, 0.099],
    ['the first of a list', { Age: '10, 99' }, {}, 10],
    ['the first of several lines', { Age: ['10', '99'] }, {}, 10],
    ['leading zeros', { Age: '007' }, {}, 7],
    ['a first member that is invalid', { Age: 'x, 99' }, {}, 0],
    ['negative', { Age: '-10' }, {}, 0],
    ['float', { Age: '10.5' }, {}, 0],
    ['with parameters', { Age: '10;a=b' }, {}, 0],
    ['empty', { Age: '' }, {}, 0],
    ['overflowing', { Age: '99999999999999999999' }, {}, 2 ** 31],
  ])('%s', (_, fields, given, seconds) => {
    const meta = metaOf({ ...VALIDATOR, 'Cache-Control': 'max-age=60', ...fields }, given);
    expect(meta.initialAgeMs).toBe(seconds * 1000);
    expect(meta.freshUntil).toBe(meta.respondedAt + 60_000 - seconds * 1000);
  });

  it('keeps Expires exact although Date lies back', () => {
    expect(metaOf({ ...VALIDATOR, Date: at(-3600), Expires: at(1800) }).freshUntil).toBe(NOW + 1_800_000);
  });
});

describe('what the operator says', () => {
  const ttl = { rules: { ttlMs: 90_000 } };
  const negative = { rules: { negativeTtlMs: { 404: 5000, 503: 1000 }, ttlMs: 90_000 } };
  it.each<[string, FieldTable, Case, number]>([
    ['ttl over max-age', { 'Cache-Control': 'max-age=5' }, ttl, 90],
    ['ttl over a heuristic', { 'Last-Modified': at(-10) }, ttl, 90],
    ['ttl where nothing is named', {}, ttl, 90],
    ['a ttl of 0', { 'Cache-Control': 'max-age=5' }, { rules: { ttlMs: 0 } }, 0],
    ['ttl does not reach errors', { 'Cache-Control': 'max-age=5' }, { ...ttl, status: 404 }, 5],
    ['ttl by status where nothing is named', {}, { ...negative, status: 404 }, 5],
    ['ttl by status before the heuristic', { 'Last-Modified': at(-1000) }, { ...negative, status: 404 }, 5],
    ['ttl by status for a status not stored by default', {}, { ...negative, status: 503 }, 1],
    ['the origin before ttl by status', { 'Cache-Control': 'max-age=7' }, { ...negative, status: 404 }, 7],
  ])('%s', (_, fields, given, expected) => {
    expect(lifetime(fields, given)).toBe(expected);
  });

  it.each(['no-store', 'private'])('does not unlock %s', (directive) => {
    const given = { ...negative, status: 404 };
    expect(() => lifetime({ 'Cache-Control': directive }, given)).toThrow(directive);
    expect(() => lifetime({ 'Cache-Control': directive }, ttl)).toThrow(directive);
  });

  it('keeps no-cache', () => {
    expect(metaOf({ ...VALIDATOR, 'Cache-Control': 'no-cache' }, ttl).noCache).toBe(true);
  });
});

describe('stale windows (RFC 5861, RFC 9111 §4.2.4)', () => {
  const rules = { staleWhileRevalidateMs: 30_000, staleIfErrorMs: 40_000 };
  it.each<[string, Case, readonly [number, number, boolean]]>([
    ['max-age=1', {}, [0, 0, false]],
    ['max-age=1, stale-while-revalidate=10, stale-if-error=20', {}, [10, 20, false]],
    ['max-age=1, stale-while-revalidate=x, stale-if-error=-1', {}, [0, 0, false]],
    ['max-age=1, stale-while-revalidate=10', { rules }, [30, 40, false]],
    ['max-age=1, stale-while-revalidate=10', { rules: { staleWhileRevalidateMs: 0 } }, [0, 0, false]],
    ['max-age=1, stale-while-revalidate=10, must-revalidate', { rules }, [0, 0, true]],
    ['max-age=1, stale-while-revalidate=10, proxy-revalidate', { rules }, [0, 0, true]],
    ['s-maxage=1, stale-while-revalidate=10', {}, [0, 0, true]],
    ['s-maxage=x, stale-while-revalidate=10', {}, [0, 0, true]],
    ['s-maxage=1, stale-while-revalidate=10', { rules }, [30, 40, false]],
    ['s-maxage=1, stale-while-revalidate=10', { rules: { ...rules, strict: true } }, [0, 0, true]],
    ['max-age=1, stale-while-revalidate=10, no-cache', { rules }, [0, 0, false]],
    ['max-age=1, stale-while-revalidate=10, no-cache="x-a"', {}, [10, 0, false]],
  ])('%s %j', (control, given, [swr, sie, mustRevalidate]) => {
    expect(metaOf({ ...VALIDATOR, 'Cache-Control': control }, given)).toMatchObject({
      staleWhileRevalidateMs: swr * 1000,
      staleIfErrorMs: sie * 1000,
      mustRevalidate,
    });
  });
});

it('a meta carries the instants, validators and the fence', () => {
  const meta = metaOf(
    { 'Cache-Control': 'max-age=60', ETag: 'W/"a"', 'Last-Modified': at(-10), Date: at(0) },
    { requestedAt: NOW - 5 },
  );
  expect(meta).toMatchObject({
    requestedAt: NOW - 5,
    respondedAt: NOW,
    etag: 'W/"a"',
    lastModified: NOW - 10_000,
    seq: 7,
    partial: undefined,
    vary: [],
    varyValues: [],
  });
});
