// The rate limits of one set of access rules: which of them are about a request, whose bucket it takes from, and the
// refusal with Retry-After and the RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10.

import type { Refusal } from '../admit.ts';
import type { FieldLines } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import type { RateRule } from './access-rules.ts';
import { Buckets, type Rate } from './buckets.ts';
import { isAbout, type Reading } from './reading.ts';

/** Whether a request is being let in, or goes on to the origin: a rule counts it at one of the two. */
export type Moment = 'admitted' | 'forwarded';

interface Limit {
  readonly rule: RateRule;
  readonly buckets: Buckets;
  readonly refusal: (waitMs: number) => Refusal;
}

export class RateLimits {
  readonly #admitted: readonly Limit[];
  readonly #forwarded: readonly Limit[];

  constructor(rules: readonly RateRule[], memory: SharedArrayBuffer) {
    const limits = rules.map((rule) => ({
      rule,
      buckets: new Buckets(memory, rule.name, rule.rate),
      refusal: refusals(rule.name, rule.rate),
    }));
    this.#admitted = limits.filter(({ rule }) => !rule.forwardedOnly);
    this.#forwarded = limits.filter(({ rule }) => rule.forwardedOnly);
  }

  /** Whether some rule counts at that moment. */
  has(moment: Moment): boolean {
    return (moment === 'admitted' ? this.#admitted : this.#forwarded).length > 0;
  }

  /**
   * Takes from the buckets of all rules that are about the request, in order, until one is empty.
   * @param network of the client (address-set.ts). @param now epoch ms
   * @param onDryRun hears of each refusal that a dry run holds back
   */
  take(
    moment: Moment,
    request: Request,
    reading: Reading,
    network: string,
    now: number,
    onDryRun: (request: Request, refusal: Refusal) => void,
  ): Refusal | undefined {
    for (const { rule, buckets, refusal } of moment === 'admitted' ? this.#admitted : this.#forwarded) {
      if (!isAbout(rule, request.method, reading)) continue;
      const waitMs = buckets.take(ownerOf(rule, request, reading, network), now);
      if (waitMs === 0) continue;
      if (!rule.dryRun) return refusal(waitMs);
      onDryRun(request, refusal(waitMs));
    }
    return undefined;
  }
}

/** A request without the field that a rule goes by is counted under its network: leaving it out gains nothing. */
function ownerOf({ key }: RateRule, { fields }: Request, reading: Reading, network: string): string {
  if (key.kind === 'address') return network;
  if (key.kind === 'path') return reading.path;
  const value = fields.get(key.name);
  return value === undefined || value === '' ? network : `=${value}`;
}

/** 429 (RFC 6585 §4) of a named rule, for a wait in ms. */
export function refusals(name: string, { perSecond, burst }: Rate): (waitMs: number) => Refusal {
  // A whole quota comes back within the window, in whole seconds as the field wants it.
  const windowSeconds = Math.max(1, Math.ceil(burst / perSecond));
  const policy = `"${name}";q=${burst};w=${windowSeconds}`;
  return (waitMs) => {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    const lines: FieldLines = [
      'Retry-After',
      String(seconds),
      'RateLimit-Policy',
      policy,
      'RateLimit',
      `"${name}";r=0;t=${seconds}`,
    ];
    const sentence = `Too many requests (${name}); again in ${seconds} s.`;
    return { status: 429, sentence, detail: 'rate-limited', lines, rule: name };
  };
}
