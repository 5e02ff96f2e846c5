// Users with passwords (RFC 7617). What was found out about a pair is remembered under a hash whose key is this process's
// alone, so that each password is hashed slowly once; the bounded memory holds no password.

import { createHmac, randomBytes } from 'node:crypto';
import { Generations } from '../../generations.ts';
import type { User } from '../access-rules.ts';
import type { Known, Outcome } from './known.ts';
import { Busy, fits } from './passwords.ts';

/** Pairs remembered, in each of two generations. */
const REMEMBERED = 4096;
const LONGEST_PASSWORD = 1024;

const WRONG: Outcome = { kind: 'unknown', fault: 'User and password do not belong together.' };

export class Users {
  readonly #key = randomBytes(32);
  readonly #hashes: ReadonlyMap<string, string>;
  /** Asked about users who do not exist, so that they take as long as others. */
  readonly #decoy: string;
  readonly #remembered = new Generations<string, Outcome>(REMEMBERED, Number.POSITIVE_INFINITY);
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(users: readonly User[]) {
    this.#hashes = new Map(users.map(({ name, hash }) => [name, hash]));
    this.#decoy = users[0]?.hash ?? '';
  }

  check(user: string, password: string): Outcome | Promise<Outcome> {
    if (password.length > LONGEST_PASSWORD) return WRONG;
    const pair = createHmac('sha256', this.#key).update(`${user}:${password}`).digest('base64');
    const remembered = this.#remembered.get(pair, 0);
    if (remembered !== undefined) return remembered;
    let asked = this.#underWay.get(pair);
    if (asked === undefined) {
      asked = this.#ask(user, password, pair).finally(() => this.#underWay.delete(pair));
      this.#underWay.set(pair, asked);
    }
    return asked;
  }

  async #ask(user: string, password: string, pair: string): Promise<Outcome> {
    const hash = this.#hashes.get(user);
    try {
      const isRight = (await fits(password, hash ?? this.#decoy)) && hash !== undefined;
      const known: Known = { name: user, claims: {}, untilAt: Number.POSITIVE_INFINITY };
      const outcome: Outcome = isRight ? { kind: 'known', known } : WRONG;
      this.#remembered.set(pair, outcome, 0);
      return outcome;
    } catch (error) {
      if (error instanceof Busy) return { kind: 'busy', fault: 'Too many passwords are being checked.' };
      throw error;
    }
  }
}
