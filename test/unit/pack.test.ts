import { describe, expect, it } from 'vitest';
import { Packer } from '../../src/cache/pack.ts';
import { storedMeta } from '../support/stored-meta.ts';

describe('packing a meta', () => {
  it.each([
    ['nothing to share', storedMeta({ lines: [] })],
    ['an entity tag', storedMeta({ lines: ['ETag', '"a"'], etag: '"a"' })],
    ['an entity tag that no line has', storedMeta({ etag: '"a"' })],
    ['latin1 and long values', storedMeta({ lines: ['X', '\xe9\xff', 'Y', 'z'.repeat(5000), 'X', ''] })],
    ['variants', storedMeta({ vary: ['accept', 'cookie'], varyValues: ['a"b', undefined] })],
    ['a part', storedMeta({ partial: { start: 1, end: 5, complete: undefined }, authorized: true })],
  ])('changes nothing: %s', (_, meta) => {
    const packer = new Packer();
    expect(packer.pack(meta)).toEqual(meta);
    expect(packer.pack(packer.pack(meta))).toEqual(meta);
  });

  it('tells absent values from empty ones', () => {
    const packer = new Packer();
    packer.pack(storedMeta({ vary: ['a'], varyValues: [''] }));
    expect(packer.pack(storedMeta({ vary: ['a'], varyValues: [undefined] })).varyValues).toEqual([undefined]);
  });

  it('shares the lists of variants', () => {
    const packer = new Packer();
    const [one, other] = ['gzip', 'gzip'].map((value) =>
      packer.pack(storedMeta({ vary: ['accept-encoding'], varyValues: [value] })),
    );
    expect(one?.varyValues).toBe(other?.varyValues);
    expect(one?.vary).toBe(other?.vary);
  });

  it('stays right when more texts pass than it keeps', () => {
    const packer = new Packer();
    for (let i = 0; i < 5000; i += 1) {
      const meta = storedMeta({
        lines: ['ETag', `"${i}"`],
        etag: `"${i}"`,
        vary: ['x'],
        varyValues: [`${i}`],
      });
      expect(packer.pack(meta)).toEqual(meta);
    }
  });
});
