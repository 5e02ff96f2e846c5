import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { nominated, normalisedValue, selects, selectVariant, variantKey } from '../../src/cache/vary.ts';
import { Fields } from '../../src/http/fields.ts';
import { type FieldTable, metaOf, NOW } from './assessing.ts';

describe('nominated', () => {
  it.each<[FieldTable, readonly string[] | '*']>([
    [{}, []],
    [{ Vary: '' }, []],
    [{ Vary: 'Foo' }, ['foo']],
    [{ Vary: 'foo, Accept-Encoding,FOO' }, ['accept-encoding', 'foo']],
    [{ Vary: ['b', 'a,, c'] }, ['a', 'b', 'c']],
    [{ Vary: '*' }, '*'],
    [{ Vary: 'foo, *' }, '*'],
    [{ Vary: ['foo', '*'] }, '*'],
    [{ Vary: '**' }, ['**']],
    [{ Vary: 'foo bar' }, '*'],
    [{ Vary: '"foo"' }, '*'],
  ])('%j', (table, names) => {
    expect(nominated(Fields.from(table))).toEqual(names);
  });
});

describe('normalisedValue', () => {
  it.each<[string, string | readonly string[] | undefined, string | undefined]>([
    ['foo', undefined, undefined],
    ['foo', '', ''],
    ['foo', 'a', 'a'],
    ['foo', 'A', 'A'],
    ['foo', 'a, b', 'a,b'],
    ['foo', 'a\t,\t b', 'a,b'],
    ['foo', ['a', 'b'], 'a,b'],
    ['foo', 'b, a', 'b,a'],
    ['foo', 'a b , c', 'a b,c'],
    ['foo', '"a , b" , c', '"a , b",c'],
    ['foo', '"a , b', '"a , b'],
    ['user-agent', 'x (a, b)', 'x (a, b)'],
    ['cookie', 'a=1, b=2', 'a=1, b=2'],
    ['accept-encoding', 'gzip, deflate, BR', 'br,deflate,gzip'],
    ['accept-encoding', 'br;q=1.0, gzip ; q=0.80,*;q=0', '*;q=0,br,gzip;q=0.8'],
    ['accept-encoding', ['gzip', 'br'], 'br,gzip'],
    ['accept-encoding', 'x-gzip', 'gzip'],
    ['accept-encoding', 'x-gzip, gzip;q=0', 'x-gzip,gzip;q=0'],
    ['accept-encoding', '', ''],
    ['accept-encoding', 'gzip;q=2 , br', 'gzip;q=2,br'],
    ['accept-language', 'en , DE;q=0.5', 'en,de;q=0.5'],
    ['accept-language', 'de;q=0.5,en', 'en,de;q=0.5'],
    ['accept-language', 'en, de', 'de,en'],
    ['accept-language', 'de, en', 'de,en'],
    ['accept-language', 'en-US,en;q=0.90,*;q=0.1', 'en-us,en;q=0.9,*;q=0.1'],
  ])('%s: %j', (name, value, expected) => {
    const fields = Fields.from(value === undefined ? {} : { [name]: value });
    expect(normalisedValue(name, fields)).toBe(expected);
    expect(normalisedValue(name, fields)).toBe(expected);
  });

  it('is a fixed point, so that no broken value passes for a sound one', () => {
    const piece = fc.constantFrom(
      'gzip',
      'x-gzip',
      'br',
      'de',
      '*',
      ',',
      ';q=',
      '0.5',
      '1',
      ' ',
      '"',
      ';',
      '=',
    );
    fc.assert(
      fc.property(
        fc.constantFrom('accept-encoding', 'accept-language', 'foo'),
        fc.array(piece),
        (name, parts) => {
          const once = normalisedValue(name, Fields.from({ [name]: parts.join('') })) ?? '';
          expect(normalisedValue(name, Fields.from({ [name]: once }))).toBe(once);
        },
      ),
    );
  });
});

describe('variantKey', () => {
  it('is empty without names, and tells absent from empty', () => {
    expect(variantKey([], Fields.from({ Foo: '1' }))).toBe('');
    expect(variantKey(['foo'], Fields.empty)).not.toBe(variantKey(['foo'], Fields.from({ Foo: '' })));
  });

  it('is the same for two requests only if every value is', () => {
    const names = ['a', 'b'];
    const value = fc.option(
      fc.string({ unit: fc.constantFrom('"', ',', '[', ']', '\\', 'n', 'u', 'l', 'a', ':', '\x00') }),
      {
        nil: undefined,
      },
    );
    const pair = fc.tuple(value, value);
    const fieldsOf = ([a, b]: readonly [string | undefined, string | undefined]): Fields =>
      Fields.from({ ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) });
    fc.assert(
      fc.property(pair, pair, (one, other) => {
        const [x, y] = [fieldsOf(one), fieldsOf(other)];
        const same = names.every((name) => normalisedValue(name, x) === normalisedValue(name, y));
        expect(variantKey(names, x) === variantKey(names, y)).toBe(same);
      }),
    );
  });
});

function stored(
  vary: string,
  request: FieldTable,
  response: FieldTable = {},
  at = NOW,
): { readonly meta: StoredMeta } {
  const fields = { 'Cache-Control': 'max-age=60', ...(vary === '' ? {} : { Vary: vary }), ...response };
  return { meta: metaOf(fields, { request, requestedAt: at, respondedAt: at }) };
}

describe('selects (RFC 9111 §4.1)', () => {
  it.each<[string, string, FieldTable, FieldTable, boolean]>([
    ['nothing nominated', '', { Foo: '1' }, { Foo: '2' }, true],
    ['the same value', 'Foo', { Foo: '1' }, { foo: '1' }, true],
    ['another value', 'Foo', { Foo: '1' }, { Foo: '2' }, false],
    ['absent both times', 'Foo', {}, {}, true],
    ['absent the second time', 'Foo', { Foo: '1' }, {}, false],
    ['absent the first time', 'Foo', {}, { Foo: '1' }, false],
    ['absent is not empty', 'Foo', {}, { Foo: '' }, false],
    ['another field differs', 'Foo', { Foo: '1', Bar: '1' }, { Foo: '1', Bar: '2' }, true],
    ['all of several', 'Foo, Bar', { Foo: '1', Bar: '2' }, { Bar: '2', Foo: '1' }, true],
    ['one of several differs', 'Foo, Bar', { Foo: '1', Bar: '2' }, { Foo: '1', Bar: '3' }, false],
    ['lines and blanks', 'Foo', { Foo: '1, 2' }, { Foo: ['1', '2'] }, true],
    ['order of a plain list', 'Foo', { Foo: '1, 2' }, { Foo: '2, 1' }, false],
    [
      'order of codings',
      'Accept-Encoding',
      { 'Accept-Encoding': 'gzip, br' },
      { 'Accept-Encoding': 'br,gzip' },
      true,
    ],
    [
      'other codings',
      'Accept-Encoding',
      { 'Accept-Encoding': 'gzip' },
      { 'Accept-Encoding': 'gzip, br' },
      false,
    ],
  ])('%s', (_, vary, first, second, expected) => {
    expect(selects(stored(vary, first).meta, Fields.from(second))).toBe(expected);
  });
});

describe('selection by language', () => {
  it.each<[string, string | undefined, string, boolean]>([
    ['the only one wanted', 'de', 'de', true],
    ['the most wanted', 'de', 'de, fr;q=0.8', true],
    ['one of the most wanted', 'de', 'fr, de', true],
    ['a region of the most wanted', 'de-AT', 'de, fr;q=0.8', true],
    ['in other case', 'DE', 'dE', true],
    ['by a wildcard alone', 'de', '*', true],
    ['less wanted', 'de', 'fr, de;q=0.8', false],
    ['refused', 'de', 'de;q=0', false],
    ['refused as a region', 'de-AT', 'de, de-AT;q=0', false],
    ['refused as a region, said first', 'de-AT', 'de-AT;q=0, de', false],
    ['not the region wanted', 'de', 'de-AT', false],
    ['only a prefix in letters', 'den', 'de', false],
    ['not wanted at all', 'de', 'fr', false],
    ['of several languages', 'de, fr', 'de', false],
    ['of no language', undefined, 'de', false],
    ['for a broken wish', 'de', 'de;q=x', false],
  ])('%s', (_, language, wanted, expected) => {
    const response = language === undefined ? {} : { 'Content-Language': language };
    const { meta } = stored('Accept-Language', { 'Accept-Language': 'en, it' }, response);
    expect(selects(meta, Fields.from({ 'Accept-Language': wanted }))).toBe(expected);
  });

  it('leaves the other nominated fields their say', () => {
    const { meta } = stored(
      'Accept-Language, Foo',
      { 'Accept-Language': 'en', Foo: '1' },
      { 'Content-Language': 'de' },
    );
    expect(selects(meta, Fields.from({ 'Accept-Language': 'de', Foo: '1' }))).toBe(true);
    expect(selects(meta, Fields.from({ 'Accept-Language': 'de', Foo: '2' }))).toBe(false);
    expect(selects(meta, Fields.from({ Foo: '1' }))).toBe(false);
  });
});

describe('selectVariant', () => {
  const date = (seconds: number): FieldTable => ({ Date: new Date(NOW + seconds * 1000).toUTCString() });
  const request = Fields.from({ 'Accept-Language': 'de', Foo: '1' });

  it('finds nothing where nothing matches', () => {
    expect(selectVariant([], request)).toBeUndefined();
    expect(selectVariant([stored('Foo', { Foo: '2' })], request)).toBeUndefined();
  });

  it('takes the most recent by Date, whatever the order', () => {
    const older = stored('Foo', { Foo: '1' }, date(-20), NOW + 5000);
    const newer = stored('Absent', {}, date(-10));
    expect(selectVariant([older, newer], request)).toBe(newer);
    expect(selectVariant([newer, older], request)).toBe(newer);
  });

  it('takes one that varies before a more recent one that does not', () => {
    const varies = stored('Foo', { Foo: '1' }, date(-20));
    const plain = stored('', {}, date(-10));
    expect(selectVariant([varies, plain], request)).toBe(varies);
    expect(selectVariant([plain, varies], request)).toBe(varies);
  });

  it('takes the one that came last where Dates are equal', () => {
    const older = stored('', {}, date(-10), NOW);
    const newer = stored('', {}, date(-10), NOW + 1);
    expect(selectVariant([older, newer], request)).toBe(newer);
    expect(selectVariant([newer, older], request)).toBe(newer);
  });

  it('takes equal values before a matching language', () => {
    const exact = stored('Accept-Language', { 'Accept-Language': 'de' }, date(-20));
    const byLanguage = stored(
      'Accept-Language',
      { 'Accept-Language': 'en' },
      { ...date(-10), 'Content-Language': 'de' },
    );
    expect(selectVariant([byLanguage, exact], request)).toBe(exact);
    expect(selectVariant([byLanguage], request)).toBe(byLanguage);
  });

  it('takes a complete response before a part', () => {
    const whole = stored('', {}, date(-20));
    const part = { meta: { ...stored('', {}, date(-10)).meta, partial: { start: 0, end: 5, complete: 9 } } };
    expect(selectVariant([part, whole], request)).toBe(whole);
  });
});
