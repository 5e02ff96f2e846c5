import { describe, expect, it } from 'vitest';
import { readPurge } from '../../src/admin/purge-request.ts';
import { orders } from '../../src/admin/tiers.ts';
import { DEFAULT_RULES } from '../../src/cache/rules.ts';
import type { Selector } from '../../storage/journal.ts';

const SELECTORS: readonly Selector[] = [
  { kind: 'url', url: '//example.org/a?b=%20c' },
  { kind: 'prefix', prefix: '//example.org/img/' },
  { kind: 'host', host: 'example.org:8443' },
  { kind: 'tag', tag: Buffer.from('Ärger und Glück', 'utf8').toString('latin1') },
  { kind: 'path', path: '//example.org/any' },
];

/** The selectors that the admin listener of another edge makes of a body. */
function read(body: object): readonly Selector[] {
  const result = readPurge(JSON.stringify(body), () => DEFAULT_RULES.key);
  if (result.kind !== 'purge') throw new Error(result.error);
  return result.request.selectors;
}

describe('an order to another edge', () => {
  it.each(SELECTORS)('selects there what is selected here: %o', (selector) => {
    expect(orders([selector], 'delete').flatMap(read)).toEqual([selector]);
  });

  it('takes one request for many, and another for URLs with any query', () => {
    const bodies = orders(SELECTORS, 'invalidate');
    expect(bodies).toHaveLength(2);
    expect(bodies.flatMap(read)).toEqual(SELECTORS);
    for (const body of bodies) expect(body).toMatchObject({ mode: 'invalidate' });
  });

  it('for everything asks for nothing else', () => {
    expect(orders([...SELECTORS, { kind: 'all' }], 'delete')).toEqual([{ everything: true, mode: 'delete' }]);
  });
});
