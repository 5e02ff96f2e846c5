import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptance, CODINGS, mostWanted, takesIdentity } from '../../src/compress/coding.ts';
import { Fields } from '../../src/http/fields.ts';

const request = (accept: string | undefined, more: Record<string, string> = {}): Fields =>
  Fields.from(accept === undefined ? more : { 'Accept-Encoding': accept, ...more });

describe('the coding that a request wants most, of zstd, br and gzip in this order', () => {
  it.each<[string | undefined, string | undefined, boolean]>([
    [undefined, undefined, true],
    ['', undefined, true],
    ['gzip', 'gzip', true],
    ['x-gzip', 'gzip', true],
    ['GZIP', 'gzip', true],
    ['deflate', undefined, true],
    ['compress, dcb', undefined, true],
    ['gzip, deflate, br, zstd', 'zstd', true],
    ['gzip, deflate, br', 'br', true],
    ['gzip;q=0.9, br;q=0.8', 'gzip', true],
    ['br;q=0.5, gzip;q=0.500', 'br', true],
    ['gzip;q=0', undefined, true],
    ['gzip;q=0, *', 'zstd', true],
    ['*', 'zstd', true],
    ['*;q=0', undefined, false],
    ['zstd;q=0, br;q=0, *;q=0.1', 'gzip', true],
    ['identity', undefined, true],
    ['identity;q=0', undefined, false],
    ['identity;q=0, gzip;q=0.1', 'gzip', false],
    ['identity, gzip;q=0.5', undefined, true],
    ['identity;q=0.5, gzip', 'gzip', true],
    ['identity, gzip', 'gzip', true],
    ['*;q=0.5, gzip;q=0.3', 'zstd', true],
    ['gzip;q=2', undefined, true],
    ['gzip;q=0.1234', undefined, true],
    ['gzip;level=9', undefined, true],
    ['gzip, gzip;q=0', undefined, true],
    ['gzip gzip', undefined, true],
    ['"gzip"', undefined, true],
  ])('%j → %j; as it is acceptable: %j', (value, coding, identity) => {
    const accepted = acceptance(request(value));
    expect(mostWanted(CODINGS, accepted)).toBe(coding);
    expect(takesIdentity(accepted)).toBe(identity);
  });

  it('is the first by rank of those that are wanted alike', () => {
    const accepted = acceptance(request('zstd, gzip, br'));
    expect(mostWanted(['gzip', 'br'], accepted)).toBe('gzip');
    expect(mostWanted(['br'], accepted)).toBe('br');
    expect(mostWanted([], accepted)).toBeUndefined();
  });

  it('is none where the request asks for no transformation', () => {
    const accepted = acceptance(request('gzip', { 'Cache-Control': 'no-transform' }));
    expect(mostWanted(CODINGS, accepted)).toBeUndefined();
  });

  it('is never one that the request did not name, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const value = text.replace(/[^\x20-\x7e]/g, '');
        const coding = mostWanted(CODINGS, acceptance(request(value)));
        if (coding !== undefined) expect(value.toLowerCase()).toMatch(/\*|zstd|br|gzip/);
      }),
    );
  });
});
