// Which server of a group takes a request: four ways to choose among those that may. Pure but for the turn that
// round robin remembers; chance is an argument. Knows neither health nor HTTP.

/** A server as it is chosen. */
export interface Candidate {
  /** Names it, the same in every process: what consistent hashing goes by. */
  readonly id: string;
  /** Its share, more than 0; less than what was set while it starts slowly. */
  readonly weight: number;
  /** Requests under way with it. */
  readonly active: number;
}

export type BalanceName = 'roundRobin' | 'leastConnections' | 'consistentHash' | 'random2';

/** Chooses one of the candidates for a request with this cache key; undefined only where there are none. */
export type Balance<C extends Candidate> = (candidates: readonly C[], key: string) => C | undefined;

export interface BalanceOptions {
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
  /**
   * For consistent hashing: how many times its fair share of the requests under way a server may have before the next one on
   * the list takes the key. Infinity sets no bound.
   */
  readonly loadFactor?: number | undefined;
}

export function createBalance<C extends Candidate>(
  name: BalanceName,
  { random = Math.random, loadFactor = Number.POSITIVE_INFINITY }: BalanceOptions = {},
): Balance<C> {
  switch (name) {
    case 'roundRobin':
      return roundRobin();
    case 'leastConnections':
      return leastConnections();
    case 'consistentHash':
      return consistentHash(loadFactor);
    case 'random2':
      return random2(random);
    default:
      return name satisfies never;
  }
}

/** Smooth: weights 3 and 1 give a a b a, not a a a b. Each earns its weight a turn, and who is chosen pays for all. */
function roundRobin<C extends Candidate>(): Balance<C> {
  const earned = new WeakMap<C, number>();
  return (candidates) => {
    let total = 0;
    let best: C | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const one of candidates) {
      total += one.weight;
      const sum = (earned.get(one) ?? 0) + one.weight;
      earned.set(one, sum);
      if (sum > most) {
        best = one;
        most = sum;
      }
    }
    if (best !== undefined) earned.set(best, most - total);
    return best;
  };
}

/** The least loaded for its weight; those that are alike take turns. */
function leastConnections<C extends Candidate>(): Balance<C> {
  let turn = 0;
  return (candidates) => {
    turn = (turn + 1) % 0x3fffffff;
    let best: C | undefined;
    for (let i = 0; i < candidates.length; i += 1) {
      const one = candidates[(turn + i) % candidates.length];
      if (one !== undefined && (best === undefined || load(one) < load(best))) best = one;
    }
    return best;
  };
}

/** Two by chance, by weight; of them the less loaded. Needs no view of all, so that many edges do not run to the same. */
function random2<C extends Candidate>(random: () => number): Balance<C> {
  return (candidates) => {
    const first = byChance(candidates, random);
    const second = byChance(candidates, random, first);
    if (first === undefined || second === undefined) return first;
    return load(second) < load(first) ? second : first;
  };
}

function byChance<C extends Candidate>(
  candidates: readonly C[],
  random: () => number,
  without?: C,
): C | undefined {
  let total = 0;
  for (const one of candidates) if (one !== without) total += one.weight;
  let left = random() * total;
  let last: C | undefined;
  for (const one of candidates) {
    if (one === without) continue;
    last = one;
    left -= one.weight;
    if (left < 0) return one;
  }
  return last;
}

/**
 * Rendezvous hashing with weights: each server draws a score for the key, the highest has it. A server that goes gives up its own
 * keys and no others move; one whose weight grows only gains.
 */
function consistentHash<C extends Candidate>(loadFactor: number): Balance<C> {
  return (candidates, key) => {
    const keyHash = hash(key);
    if (loadFactor === Number.POSITIVE_INFINITY) return highest(candidates, keyHash);
    let weights = 0;
    let active = 1;
    for (const one of candidates) {
      weights += one.weight;
      active += one.active;
    }
    const mayHave = (one: C): number => Math.ceil((loadFactor * active * one.weight) / weights);
    const free = candidates.filter((one) => one.active < mayHave(one));
    return highest(free.length === 0 ? candidates : free, keyHash);
  };
}

function highest<C extends Candidate>(candidates: readonly C[], keyHash: number): C | undefined {
  let best: C | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const one of candidates) {
    // In (0, 1): the logarithm is negative and finite.
    const drawn = (mix(keyHash ^ hashOf(one)) + 0.5) / 2 ** 32;
    const score = -one.weight / Math.log(drawn);
    if (score > most) {
      best = one;
      most = score;
    }
  }
  return best;
}

function load({ active, weight }: Candidate): number {
  return (active + 1) / weight;
}

const hashes = new WeakMap<Candidate, number>();

function hashOf(candidate: Candidate): number {
  const known = hashes.get(candidate);
  if (known !== undefined) return known;
  const made = mix(hash(candidate.id) ^ 0x9e3779b9);
  hashes.set(candidate, made);
  return made;
}

/** FNV-1a, mixed at its end. The same in every process: nodes and workers agree on who has a key. */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return mix(bits);
}

function mix(of: number): number {
  let bits = Math.imul(of ^ (of >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
