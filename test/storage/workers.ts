// Several workers' parts of one store, linked by real ports in this thread.

import { setImmediate as setImmediately } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { Mesh, openWay } from '../../src/workers/mesh.ts';
import { HomeDesk } from '../../storage/home-desk.ts';
import type { HomeQuestion, Touches } from '../../storage/home-messages.ts';
import { HomedStore } from '../../storage/homed.ts';
import { Homes, planHomes } from '../../storage/homes.ts';
import { MemoryStore } from '../../storage/memory.ts';
import { Replicas } from '../../storage/replicas.ts';
import { shareBytes } from '../../storage/shared-bytes.ts';
import type { Store } from '../../storage/store.ts';
import { TieredStore } from '../../storage/tiered.ts';

export interface WorkerPart {
  readonly store: HomedStore<string>;
  readonly memory: MemoryStore<string>;
  readonly replicas: Replicas<string>;
  /** Breaks its ways to the others. */
  leave(): void;
}

export interface WorkersOptions {
  readonly count: number;
  readonly maxBytes?: number;
  readonly lower?: Store<string>;
  readonly overtaken?: (key: string, stamp: number) => boolean;
}

export interface Workers {
  readonly parts: readonly WorkerPart[];
  readonly homes: Homes;
}

export function workers({ count, maxBytes = 64 * 1024 * 1024, lower, overtaken }: WorkersOptions): Workers {
  const plan = planHomes(count);
  const meshes: Mesh<HomeQuestion<string>, Touches>[] = [];
  const sizeOf = (meta: string): number => meta.length;
  const parts = Array.from({ length: count }, (_, self): WorkerPart => {
    const homes = new Homes(plan);
    const memory = new MemoryStore<string>({
      maxBytes,
      sizeOf,
      compact: shareBytes,
      onChange: (key) => homes.changed(homes.hash(key)),
    });
    const replicas = new Replicas<string>({ homes, maxBytes: maxBytes / 8, budget: memory, sizeOf });
    const mesh: Mesh<HomeQuestion<string>, Touches> = new Mesh({
      before: () => undefined,
      answer: (question, from) => desk.answer(question, from),
      mayWait: ({ kind }) => kind === 'put' || kind === 'update',
      notice: (touches) => desk.touched(touches),
      lost: (worker) => store.lost(worker),
    });
    meshes.push(mesh);
    const tiers = new TieredStore(memory, lower);
    const store: HomedStore<string> = new HomedStore({
      self,
      homes,
      tiers,
      memory,
      lower,
      replicas,
      wayTo: mesh.to,
      pack: (meta) => meta,
      stamp: () => 7,
    });
    const desk: HomeDesk<string> = new HomeDesk({
      homes,
      tiers,
      memory,
      overtaken: overtaken ?? (() => false),
      catchUp: (except) => (mesh.catchUp(except) ? undefined : setImmediately()),
      ride: () => undefined,
      onClear: () => store.forget(),
    });
    return { store, memory, replicas, leave: () => mesh.close() };
  });
  for (const [a, one] of meshes.entries()) {
    for (const [b, other] of meshes.entries()) {
      if (b <= a) continue;
      const [ofOne, ofOther] = openWay(a, b);
      one.connect(ofOne);
      other.connect(ofOther);
    }
  }
  onTestFinished(() => {
    for (const mesh of meshes) mesh.close();
  });
  return { parts, homes: new Homes(plan) };
}

/** A key that is at home with a worker. */
export function keyAt(homes: Homes, worker: number, name = 'k'): string {
  for (let i = 0; ; i += 1) if (homes.homeOf(homes.hash(`${name}${i}`)) === worker) return `${name}${i}`;
}
