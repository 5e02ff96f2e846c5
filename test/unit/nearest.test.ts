import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/config/nearest.ts';

const KNOWN = ['origin', 'origins', 'staleIfError', 'ttl', 'weight', 'leastConnections', 'url'];

describe('the name that may have been meant', () => {
  it.each([
    ['orgin', 'origin'],
    ['originss', 'origins'],
    ['wieght', 'weight'],
    ['stale_if_error', 'staleIfError'],
    ['staleiferror', 'staleIfError'],
    ['URL', 'url'],
    ['tll', 'ttl'],
    ['path', undefined],
    ['x', undefined],
    ['', undefined],
    ['w'.repeat(100), undefined],
  ])('of %j is %j', (typed, meant) => {
    expect(nearest(typed, KNOWN)).toBe(meant);
  });
});
