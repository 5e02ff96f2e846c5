import { describe, expect, it } from 'vitest';
import type { CacheRules } from '../../src/cache/rules.ts';
import { DEFAULT_RULES } from '../../src/cache/rules.ts';
import { shownFormMeta, shownMeta, withVary } from '../../src/compress/forms.ts';
import { DEFAULT_COMPRESS } from '../../src/compress/rules.ts';
import { Fields } from '../../src/http/fields.ts';
import { storedMeta } from '../support/stored-meta.ts';
import { assessed, type Case, type FieldTable } from './assessing.ts';

const ON: Partial<CacheRules> = { compress: { ...DEFAULT_COMPRESS, encodings: ['gzip'] } };

/** Whether forms of the response may be made. */
function mayEncode(response: FieldTable, given: Case = {}): boolean {
  const fields = { 'Cache-Control': 'max-age=60', ETag: '"a"', ...response };
  const assessment = assessed(fields, { rules: ON, content: 'name', ...given });
  return assessment.storable && assessment.meta.content !== undefined;
}

describe('which responses may be encoded', () => {
  it.each([
    ['text/html'],
    ['TEXT/HTML; charset=utf-8'],
    ['text/event-stream'],
    ['application/javascript'],
    ['application/json;charset=utf-8'],
    ['application/ld+json'],
    ['application/manifest+json'],
    ['application/atom+xml'],
    ['application/wasm'],
    ['image/svg+xml'],
    ['font/ttf'],
  ])('%s', (type) => {
    expect(mayEncode({ 'Content-Type': type })).toBe(true);
  });

  it.each([
    ['image/png'],
    ['font/woff2'],
    ['application/zip'],
    ['video/mp4'],
    ['application/octet-stream'],
    [''],
  ])('not %j', (type) => {
    expect(mayEncode({ 'Content-Type': type })).toBe(false);
  });

  it.each<[string, FieldTable, Case]>([
    ['encoded already', { 'Content-Encoding': 'gzip' }, {}],
    ['said to be as it is', { 'Content-Encoding': 'identity' }, {}],
    ['no-transform', { 'Cache-Control': 'max-age=60, No-Transform' }, {}],
    [
      'no-transform beside a field for caches',
      { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-transform' },
      {},
    ],
    ['no-transform for caches', { 'CDN-Cache-Control': 'max-age=60, no-transform' }, {}],
    ['chosen by the origin', { Vary: 'Accept, Accept-Encoding' }, {}],
    ['too small', { 'Content-Length': '1023' }, {}],
    ['too large', { 'Content-Length': '8388609' }, {}],
    ['of no readable length', { 'Content-Length': 'x' }, {}],
    ['an error', {}, { status: 404 }],
    ['a part', { 'Content-Range': 'bytes 0-4/10' }, { status: 206 }],
    ['signed', { 'Signature-Input': 'a=("content-type")' }, {}],
    ['without a name', {}, { content: undefined }],
    ['of a route that compresses nothing', {}, { rules: DEFAULT_RULES }],
    [
      'told apart by the operator',
      {},
      { rules: { ...ON, key: { ...DEFAULT_RULES.key, extraFields: ['accept-encoding'] } } },
    ],
  ])('not one that is %s', (_, response, given) => {
    expect(mayEncode({ 'Content-Type': 'text/css', ...response }, given)).toBe(false);
  });

  it('one of the least size, and one of unknown size', () => {
    expect(mayEncode({ 'Content-Type': 'text/css', 'Content-Length': '1024' })).toBe(true);
    expect(mayEncode({ 'Content-Type': 'text/css' })).toBe(true);
  });
});

describe('what clients are shown', () => {
  it.each([
    [[], 'Accept-Encoding'],
    [['Vary', ''], 'Accept-Encoding'],
    [['Vary', 'Accept'], 'Accept, Accept-Encoding'],
    [['Vary', 'A', 'vary', 'B'], 'A, B, Accept-Encoding'],
    [['Vary', 'x-accept-encoding'], 'x-accept-encoding, Accept-Encoding'],
    [['Vary', 'accept-Encoding ,A'], 'accept-Encoding ,A'],
    [['Vary', '*'], '*'],
  ])('of %j varies by %s', (lines, vary) => {
    expect(new Fields(withVary(lines)).get('vary')).toBe(vary);
  });

  const of = storedMeta({
    etag: '"v1"',
    content: 'name',
    lines: [
      'Content-Type',
      'text/css',
      'ETag',
      '"v1"',
      'Content-MD5',
      'x',
      'Digest',
      'x',
      'Content-Digest',
      'x',
      'Repr-Digest',
      'x',
      'X-Own',
      'y',
    ],
  });

  it('of a form: its coding, its tag, no digest of other bytes', () => {
    const shown = shownFormMeta(of, { coding: 'br', mark: 'AbCdEfGh' });
    expect(shown.etag).toBe('"v1~br.AbCdEfGh"');
    expect(shown.lines).toEqual([
      'Content-Type',
      'text/css',
      'ETag',
      '"v1~br.AbCdEfGh"',
      'X-Own',
      'y',
      'Vary',
      'Accept-Encoding',
      'Content-Encoding',
      'br',
    ]);
  });

  it('of the response itself: everything, and by what it varies', () => {
    expect(shownMeta(of).lines).toEqual([...of.lines, 'Vary', 'Accept-Encoding']);
    expect(shownMeta(of).etag).toBe('"v1"');
  });
});
