// Seeded randomness for the bench: the same seed gives the same load, on every machine.

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Mulberry32: 32 bits of state, period 2^32; good enough for a load, not for secrets. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An independent source for one item of a seeded family. */
export function seededFor(seed: number, index: number): Random {
  const random = seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  random();
  return random;
}

/** Standard normal deviate (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * Ranks 0 … count-1 drawn with probability proportional to 1 / (rank + 1)^exponent.
 * @param exponent 0 is uniform; the web is usually found between 0.6 and 1.
 */
export function zipf(count: number, exponent: number, random: Random): () => number {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`zipf over ${count} items`);
  if (!(exponent >= 0)) throw new RangeError(`zipf exponent ${exponent}`);
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent;
    cumulative[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? sum) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
