import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { lookAround, openFilesOf, type Surroundings, warningsOf } from '../../src/surroundings.ts';

const GB = 1024 ** 3;
const GOOD: Surroundings = { userId: 1000, openFiles: 65_536, memoryBytes: 8 * GB };
const config = (set: object = {}) => parseConfig({ origin: 'demo', ...set }, 'test');

describe('what the host gives', () => {
  it('is no matter when it suffices', () => {
    expect(warningsOf(GOOD, config(), 4)).toEqual([]);
    expect(warningsOf({ ...GOOD, userId: undefined, openFiles: undefined }, config(), 4)).toEqual([]);
  });

  it('is warned of when the program runs as root', () => {
    expect(warningsOf({ ...GOOD, userId: 0 }, config(), 1)).toEqual([
      expect.stringMatching(/^running as root/),
    ]);
  });

  it('is warned of when open files do not suffice for clients and origins, with the numbers', () => {
    const [warning] = warningsOf({ ...GOOD, openFiles: 1024 }, config(), 2);
    expect(warning).toContain('only 1024 open files');
    expect(warning).toContain('512 connections to origins');
    expect(warning).toContain('leaves 384 for clients');
    expect(warning).toContain('LimitNOFILE=');
  });

  it('is compared with what the settings ask for: originConnections, workers, groups', () => {
    const few = { ...GOOD, openFiles: 4800 };
    expect(warningsOf(few, config(), 1)).toEqual([]);
    expect(warningsOf(few, config(), 2)).toHaveLength(1);
    expect(warningsOf(few, config({ originConnections: 2000 }), 1)).toHaveLength(1);
    expect(warningsOf(few, config({ client: { maxConnections: 5000 } }), 1)).toHaveLength(1);
    expect(warningsOf(few, config({ client: { maxConnections: 500 } }), 4)).toEqual([]);
    const servers = [1, 2, 3].map((n) => ({ url: `http://10.0.0.${n}` }));
    expect(warningsOf(few, config({ origin: 'app', origins: { app: { servers } } }), 1)).toHaveLength(1);
  });

  it('is warned of when the memory is more than there is', () => {
    const small = { ...GOOD, memoryBytes: 300 * 1024 ** 2 };
    expect(warningsOf(small, config(), 1)).toEqual([expect.stringMatching(/^memory is 256 MB of 300 MB/)]);
    expect(warningsOf(small, config({ memory: '100MB' }), 1)).toEqual([]);
  });

  it('is read where the system tells it', () => {
    const limits = 'Limit                     Soft Limit           Hard Limit           Units\n';
    expect(
      openFilesOf(`${limits}Max open files            20000                524288               files\n`),
    ).toBe(20_000);
    expect(
      openFilesOf(`${limits}Max open files            unlimited            unlimited            files\n`),
    ).toBeUndefined();
    expect(openFilesOf('')).toBeUndefined();
    expect(lookAround().memoryBytes).toBeGreaterThan(0);
  });
});
