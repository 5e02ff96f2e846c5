// Bearer tokens of a list (RFC 6750). The list holds their SHA-256; a token is looked up by a hash under a key that nobody
// outside knows, so that how long it takes says nothing of the tokens there are.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { BearerToken } from '../access-rules.ts';
import type { Outcome } from './known.ts';

const WRONG: Outcome = { kind: 'unknown', fault: 'The token is not known.' };

export class Tokens {
  readonly #key = randomBytes(32);
  readonly #known: ReadonlyMap<string, Outcome>;

  constructor(tokens: readonly BearerToken[]) {
    this.#known = new Map(
      tokens.map(({ name, sha256 }) => [
        this.#blind(sha256),
        { kind: 'known', known: { name, claims: {}, untilAt: Number.POSITIVE_INFINITY } },
      ]),
    );
  }

  get size(): number {
    return this.#known.size;
  }

  check(token: string): Outcome {
    return this.#known.get(this.#blind(createHash('sha256').update(token).digest('hex'))) ?? WRONG;
  }

  #blind(sha256: string): string {
    return createHmac('sha256', this.#key).update(sha256).digest('base64');
  }
}
