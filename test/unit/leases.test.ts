import { describe, expect, it } from 'vitest';
import { Leases } from '../../src/workers/leases.ts';

const A = { worker: 0, id: 1 };
const B = { worker: 1, id: 1 };
const C = { worker: 1, id: 2 };

describe('the lease of a fetch', () => {
  it('is the first one’s until that is over', () => {
    const leases = new Leases();
    expect(leases.claim('k', A)).toBe(A);
    expect(leases.claim('k', B)).toBe(A);
    expect(leases.claim('other', B)).toBe(B);
    leases.over('k', A);
    expect(leases.claim('k', B)).toBe(B);
  });

  it('is given to whoever has found it to be over', () => {
    const leases = new Leases();
    leases.claim('k', A);
    expect(leases.claim('k', B, { ...A })).toBe(B);
    expect(leases.claim('k', C, { ...A })).toBe(B);
  });

  it('is not ended by one that was over before', () => {
    const leases = new Leases();
    leases.claim('k', A);
    leases.claim('k', B, A);
    leases.over('k', A);
    expect(leases.claim('k', C)).toBe(B);
  });

  it('ends with its worker', () => {
    const leases = new Leases();
    leases.claim('k', A);
    leases.claim('j', B);
    leases.lost(0);
    expect(leases.claim('k', C)).toBe(C);
    expect(leases.claim('j', C)).toBe(B);
    expect(leases.size).toBe(2);
  });
});
