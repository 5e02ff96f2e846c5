import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { spend } from '../../src/heap.ts';

const MIB = 1024 * 1024;

function short(): WeakRef<Buffer> {
  return new WeakRef(Buffer.allocUnsafeSlow(64 * 1024));
}

describe('the young generation', () => {
  it('is collected once many bytes of short-lived buffers were made', async () => {
    const dead = short();
    await turn();
    for (let spent = 0; spent < 16; spent++) spend(MIB);
    expect(dead.deref()).toBeUndefined();
  });
});
