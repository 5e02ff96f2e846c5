// Metrics whose numbers are kept elsewhere.

import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { Meters } from '../../src/observe/meters.ts';

describe('a metric that is read when somebody asks', () => {
  it('is right for two who ask at a time', async () => {
    const registry = new Registry();
    const waiting: (() => void)[] = [];
    new Meters(registry).counter(
      'n',
      'A number.',
      () => new Promise((resolve) => waiting.push(() => resolve([[{ tier: 'disk' }, 3]]))),
      ['tier'],
    );
    const pages = [registry.metrics(), registry.metrics()];
    while (waiting.length < 2) await new Promise(setImmediate);
    for (const answer of waiting) answer();
    for (const page of await Promise.all(pages)) expect(page).toContain('\nn{tier="disk"} 3\n');
  });

  it('shows what there is at the moment, and no more what there was', async () => {
    const registry = new Registry();
    let tiers: (readonly [{ tier: string }, number])[] = [
      [{ tier: 'disk' }, 1],
      [{ tier: 'memory' }, 2],
    ];
    new Meters(registry).gauge('n', 'A number.', () => tiers, ['tier']);
    expect(await registry.metrics()).toContain('n{tier="disk"} 1\nn{tier="memory"} 2\n');
    tiers = [[{ tier: 'memory' }, 1]];
    expect(await registry.metrics()).toMatch(/gauge\nn\{tier="memory"\} 1\n$/);
  });

  it('is left out while there is no number', async () => {
    const registry = new Registry();
    let number: number | undefined = 4;
    new Meters(registry).gauge('n', 'A number.', () => number);
    expect(await registry.metrics()).toContain('\nn 4\n');
    number = undefined;
    expect(await registry.metrics()).not.toMatch(/^n /m);
  });
});
