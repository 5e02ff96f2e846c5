// Synthetic web traces, all from a seed: what a cache is asked for, in order, and how large it is. A zipf list of URLs,
// one-offs that are never asked for again, scans through the whole list, deploys that replace URLs by new ones.

import { normal, seeded, seededFor, zipf } from './zipf.ts';

export interface TraceOptions {
  readonly seed: number;
  /** Of the zipf list. */
  readonly exponent: number;
  readonly requests: number;
  /** URLs of the zipf list at any time. */
  readonly urls: number;
  /** Share of requests for URLs that are asked for once. */
  readonly oneOffs: number;
  readonly scans: number;
  /** URLs that one scan asks for, of those of the list, in its order. */
  readonly scanLength: number;
  readonly deploys: number;
  /** Share of the list's URLs that a deploy replaces, chosen at random; the new ones are as popular. */
  readonly deployShare: number;
  readonly medianBytes: number;
  readonly sigma: number;
}

export const DEFAULT_TRACE: Omit<TraceOptions, 'seed' | 'exponent'> = {
  requests: 300_000,
  urls: 15_000,
  oneOffs: 0.25,
  scans: 4,
  scanLength: 3_000,
  deploys: 6,
  deployShare: 0.15,
  medianBytes: 16 * 1024,
  sigma: 1.8,
};

export interface Trace {
  /** The object asked for, by number. */
  readonly requests: Int32Array;
  /** Bytes of each object. */
  readonly sizes: Int32Array;
  /** Bytes of all objects, each once. */
  readonly footprintBytes: number;
}

const MIN_BYTES = 200;
const MAX_BYTES = 10 * 1024 * 1024;
/** Sizes come in steps of 2 %, so that bodies of one size can be shared. */
const STEP = Math.log(1.02);

export function makeTrace(options: TraceOptions): Trace {
  const { seed, exponent, urls, oneOffs, scanLength } = options;
  const random = seeded(seed);
  const rank = zipf(urls, exponent, seeded(seed ^ 0x5bd1e995));
  const sizes: number[] = [];
  const make = (): number => sizes.push(sizeOf(options, sizes.length)) - 1;
  const list = Int32Array.from({ length: urls }, make);
  const requests = new Int32Array(options.requests);
  const deployEvery = Math.ceil(options.requests / (options.deploys + 1));
  const scanEvery = Math.ceil(options.requests / Math.max(1, options.scans));
  let scanned = scanLength;
  let scanAt = 0;
  for (let i = 0; i < options.requests; i += 1) {
    if (i > 0 && i % deployEvery === 0) deploy(list, options.deployShare, random, make);
    if (options.scans > 0 && i % scanEvery === scanEvery >> 1) {
      scanned = 0;
      scanAt = Math.floor(random() * urls);
    }
    if (scanned < scanLength && random() < 0.5) {
      requests[i] = list[(scanAt + scanned) % urls] ?? 0;
      scanned += 1;
    } else requests[i] = random() < oneOffs ? make() : (list[rank()] ?? 0);
  }
  return { requests, sizes: Int32Array.from(sizes), footprintBytes: footprint(requests, sizes) };
}

function deploy(list: Int32Array, share: number, random: () => number, make: () => number): void {
  for (let at = 0; at < list.length; at += 1) if (random() < share) list[at] = make();
}

function sizeOf({ seed, medianBytes, sigma }: TraceOptions, object: number): number {
  const drawn = medianBytes * Math.exp(sigma * normal(seededFor(seed, object)));
  const stepped = Math.exp(Math.round(Math.log(drawn) / STEP) * STEP);
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, Math.round(stepped)));
}

function footprint(requests: Int32Array, sizes: readonly number[]): number {
  let bytes = 0;
  for (const object of new Set(requests)) bytes += sizes[object] ?? 0;
  return bytes;
}
