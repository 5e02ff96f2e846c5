import { describe, expect, it } from 'vitest';
import { countWorkers } from '../../src/workers/count.ts';

const MB = 1024 ** 2;

describe('the number of workers', () => {
  it.each<[string, number | 'auto', number, number, string, number]>([
    ['is what the settings say', 3, 256 * MB, 8, 'linux', 3],
    ['is what the settings say, whatever the host', 5, 8 * MB, 2, 'darwin', 5],
    ['is the number of cores', 'auto', 256 * MB, 8, 'linux', 8],
    ['leaves each 16 MB', 'auto', 64 * MB, 8, 'linux', 4],
    ['is at least one', 'auto', 8 * MB, 8, 'linux', 1],
    ['is one where a port cannot be shared', 'auto', 256 * MB, 8, 'darwin', 1],
    ['is at most 64', 'auto', 64 * 1024 * MB, 128, 'linux', 64],
  ])('%s', (_, setting, memoryBytes, cores, platform, count) => {
    expect(countWorkers(setting, memoryBytes, { cores, platform })).toBe(count);
  });
});
