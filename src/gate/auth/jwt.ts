// Signed tokens (RFC 7519, RFC 8725). Which algorithms are taken the settings say, never the token; `none` is no algorithm.
// What was found out about a token is remembered for minutes, and never beyond its end. The only file that imports jose.

import { createHash, createPublicKey } from 'node:crypto';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { Generations } from '../../generations.ts';
import { lazily } from '../../library.ts';
import type { JwtKey, JwtRules } from '../access-rules.ts';
import type { Outcome } from './known.ts';

const jose = lazily<typeof import('jose')>('jose');

const REMEMBERED = 4096;
/** Keys that were withdrawn count no longer after this. */
const REMEMBERED_MS = 5 * 60_000;
const FETCH_TIMEOUT_MS = 5000;
const KEYS_KEPT_MS = 10 * 60_000;
/** Keys that a token names and that are not there are asked for so often at the most. */
const KEYS_COOLDOWN_MS = 30_000;

export class SignedTokens {
  readonly #rules: JwtRules;
  readonly #keyFor: JWTVerifyGetKey;
  readonly #remembered = new Generations<string, Remembered>(REMEMBERED, Number.POSITIVE_INFINITY);

  constructor(rules: JwtRules) {
    this.#rules = rules;
    this.#keyFor = keySource(rules.key);
  }

  /** @param now epoch ms */
  check(token: string, now: number): Outcome | Promise<Outcome> {
    const name = createHash('sha256').update(token).digest('base64');
    const remembered = this.#remembered.get(name, 0);
    if (remembered !== undefined && now < remembered.untilAt) return remembered.outcome;
    return this.#verify(token, name, now);
  }

  async #verify(token: string, name: string, now: number): Promise<Outcome> {
    const { algorithms, issuers, audiences, toleranceSeconds } = this.#rules;
    try {
      const { payload } = await jose().jwtVerify(token, this.#keyFor, {
        algorithms: [...algorithms],
        clockTolerance: toleranceSeconds,
        currentDate: new Date(now),
        requiredClaims: ['exp'],
        ...(issuers.length > 0 && { issuer: [...issuers] }),
        ...(audiences.length > 0 && { audience: [...audiences] }),
      });
      const endsAt = ((payload.exp ?? 0) + toleranceSeconds) * 1000;
      const untilAt = Math.min(endsAt, now + REMEMBERED_MS);
      const outcome = this.#judge(payload, untilAt);
      this.#remembered.set(name, { outcome, untilAt }, 0);
      return outcome;
    } catch (error) {
      return faultOf(error);
    }
  }

  #judge(payload: JWTPayload, untilAt: number): Outcome {
    for (const [claim, values] of Object.entries(this.#rules.required)) {
      if (holds(payload[claim], values)) continue;
      const scope = claim === 'scope' && values.length > 0 ? values.join(' ') : undefined;
      return { kind: 'forbidden', fault: `The token lacks what is needed of ${claim}.`, scope, untilAt };
    }
    const name = payload[this.#rules.userClaim];
    return { kind: 'known', known: { name: typeof name === 'string' ? name : '', claims: payload, untilAt } };
  }
}

interface Remembered {
  readonly outcome: Outcome;
  readonly untilAt: number;
}

/** One of the values is there: alone, in a list, or as a word of a text (RFC 8693 §4.2: scope). */
function holds(claim: unknown, values: readonly string[]): boolean {
  if (claim === undefined || claim === null) return false;
  if (values.length === 0) return true;
  const there = Array.isArray(claim) ? claim.map(String) : [String(claim), ...String(claim).split(' ')];
  return values.some((value) => there.includes(value));
}

function keySource(key: JwtKey): JWTVerifyGetKey {
  switch (key.kind) {
    case 'secret': {
      const secret = Buffer.from(key.secret);
      return async () => secret;
    }
    case 'pem': {
      const object = createPublicKey(key.pem);
      return async () => object;
    }
    case 'jwks':
      return jose().createLocalJWKSet(JSON.parse(key.json));
    case 'url':
      return remoteKeys(key.url);
    default:
      return key satisfies never;
  }
}

/** The keys that tokens are signed with could not be had: not the token's fault. */
class KeysUnavailable extends Error {}

/** Keys that are fetched; while they cannot be, those of last time count. */
function remoteKeys(url: string): JWTVerifyGetKey {
  const { createLocalJWKSet, createRemoteJWKSet, errors } = jose();
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: KEYS_KEPT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
        throw error;
      const last = remote.jwks();
      if (last === undefined) throw new KeysUnavailable('no keys', { cause: error });
      return createLocalJWKSet(last)(header, token);
    }
  };
}

/** Whatever is wrong with a token, its sender hears little of it. */
function faultOf(error: unknown): Outcome {
  if (error instanceof KeysUnavailable)
    return { kind: 'busy', fault: 'The keys of tokens cannot be had now.' };
  // Found out after the signature, the issuer and the audience.
  if (error instanceof jose().errors.JWTExpired)
    return { kind: 'unknown', fault: 'The token has expired.', hasExpired: true };
  return { kind: 'unknown', fault: 'The token is not valid.' };
}
