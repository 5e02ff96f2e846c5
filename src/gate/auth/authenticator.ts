// Who may pass, by what Authorization holds: users, tokens, signed tokens; one of them suffices. What is known of a header
// section is remembered with it, so that a client's next request costs one look-up. Also what the origin is told of it.

import type { Refusal } from '../../admit.ts';
import { withoutCookie } from '../../http/cookies.ts';
import { Fields } from '../../http/fields.ts';
import type { Request } from '../../http/message.ts';
import type { AuthRules } from '../access-rules.ts';
import { Buckets } from '../buckets.ts';
import type { Client } from '../client-address.ts';
import { refusals } from '../rate-limit.ts';
import { type Answer, Asking } from './asking.ts';
import { Users } from './basic.ts';
import { Tokens } from './bearer.ts';
import { tokenIn } from './cookie.ts';
import { type Credentials, credentialsOf } from './credentials.ts';
import type { IdentityFields } from './identity-fields.ts';
import { SignedTokens } from './jwt.ts';
import { type Known, NO_CREDENTIALS, type Outcome, refusalFor } from './known.ts';

/** A request as it goes on: its fields changed, its user named. */
export interface Passed {
  readonly fields: Fields;
  readonly user: NonNullable<Request['user']>;
}

interface Remembered {
  readonly passed: Passed;
  /** Epoch ms. */
  readonly untilAt: number;
}

const UNUSABLE: Outcome = { kind: 'unknown', fault: 'The credentials are not of a kind that is taken here.' };
const FAILURES = 'wrong-credentials';
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization']);

export class Authenticator {
  readonly #rules: AuthRules;
  readonly #users: Users | undefined;
  readonly #tokens: Tokens | undefined;
  readonly #signed: SignedTokens | undefined;
  readonly #asking: Asking | undefined;
  readonly #failures: Buckets | undefined;
  readonly #tooMany: (waitMs: number) => Refusal;
  readonly #identity: IdentityFields;
  readonly #remembered = new WeakMap<Fields, Remembered>();

  /** @param identity fields that tell origins who somebody is, of all routes: a client's own are dropped */
  constructor(rules: AuthRules, identity: IdentityFields, memory: SharedArrayBuffer) {
    const { users, tokens, jwt, ask, failures } = rules;
    this.#rules = rules;
    this.#users = users.length === 0 ? undefined : new Users(users);
    this.#tokens = tokens.length === 0 ? undefined : new Tokens(tokens);
    this.#signed = jwt && new SignedTokens(jwt);
    this.#asking = ask && new Asking(ask);
    this.#failures = failures && new Buckets(memory, FAILURES, failures);
    this.#tooMany = refusals(FAILURES, failures ?? { perSecond: 1, burst: 1 });
    this.#identity = identity;
  }

  /** @param now epoch ms */
  check(
    request: Request,
    { address, network }: Client,
    now: number,
  ): Refusal | Passed | Promise<Refusal | Passed> {
    const { fields } = request;
    const remembered = this.#remembered.get(fields);
    if (remembered !== undefined && now < remembered.untilAt) return remembered.passed;
    if (this.#rules.allowPreflight && isPreflight(request))
      return { fields: this.#stripped(fields), user: NOBODY };
    if (this.#asking !== undefined) {
      const answer = this.#asking.check(request, address, now);
      const settle = (found: Answer): Refusal | Passed => this.#answered(found, fields);
      return answer instanceof Promise ? answer.then(settle) : settle(answer);
    }
    const credentials = this.#credentials(fields);
    if (credentials.kind !== 'none' && this.#failures !== undefined) {
      // Before anything is looked at: guessing on gains nothing.
      const waitMs = this.#failures.waitMs(network, now);
      if (waitMs > 0) return { ...this.#tooMany(waitMs), detail: 'too-many-failures' };
    }
    const outcome = this.#ask(credentials, now);
    const settle = (found: Outcome): Refusal | Passed => {
      if (found.kind === 'known') return this.#remember(found.known, fields, credentials.kind === 'cookie');
      if (found.kind === 'unknown' && found.fault !== undefined && found.hasExpired !== true)
        this.#failures?.take(network, now);
      return refusalFor(found, this.#rules, credentials.kind === 'bearer' || credentials.kind === 'cookie');
    };
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome);
  }

  /** A cookie counts where nothing is said in Authorization. */
  #credentials(fields: Fields): Credentials {
    const credentials = credentialsOf(fields);
    const cookie = this.#rules.jwt?.cookie;
    return credentials.kind === 'none' && cookie !== undefined ? tokenIn(fields, cookie) : credentials;
  }

  #ask(credentials: Credentials, now: number): Outcome | Promise<Outcome> {
    switch (credentials.kind) {
      case 'none':
        return NO_CREDENTIALS;
      case 'unusable':
        return UNUSABLE;
      case 'basic':
        return this.#users?.check(credentials.user, credentials.password) ?? UNUSABLE;
      case 'bearer': {
        const known = this.#tokens?.check(credentials.token);
        if (known?.kind === 'known' || this.#signed === undefined) return known ?? UNUSABLE;
        return this.#signed.check(credentials.token, now);
      }
      case 'cookie':
        return this.#signed?.check(credentials.token, now) ?? UNUSABLE;
      default:
        return credentials satisfies never;
    }
  }

  /** What the other service said. */
  #answered(answer: Answer, fields: Fields): Refusal | Passed {
    if ('status' in answer) return answer;
    const { lines } = answer;
    const { userField } = this.#rules;
    const name = userField === undefined ? undefined : new Fields(lines).get(userField);
    const kept = this.#stripped(fields);
    const going = lines.length === 0 ? kept : new Fields([...kept.lines, ...lines]);
    return { fields: going, user: { name: name ?? '', isTold: lines.length > 0 } };
  }

  /** Without what ends here. */
  #stripped(fields: Fields): Fields {
    const kept = this.#identity.without(fields);
    const { forwardAuthorization, jwt } = this.#rules;
    if (forwardAuthorization) return kept;
    const bare = kept.without(CREDENTIALS);
    return jwt?.cookie === undefined ? bare : withoutCookie(bare, jwt.cookie);
  }

  #remember(known: Known, fields: Fields, byCookie: boolean): Passed {
    const passed = this.#pass(known, fields, byCookie);
    this.#remembered.set(fields, { untilAt: known.untilAt, passed });
    return passed;
  }

  #pass(known: Known, fields: Fields, byCookie: boolean): Passed {
    const { userField, claimFields, forwardAuthorization } = this.#rules;
    const added: string[] = [];
    if (userField !== undefined && known.name !== '') added.push(userField, fieldValue(known.name) ?? '');
    for (const [field, claim] of Object.entries(claimFields)) {
      const value = fieldValue(known.claims[claim]);
      if (value !== undefined) added.push(field, value);
    }
    const kept = this.#stripped(fields);
    return {
      fields: added.length === 0 ? kept : new Fields([...kept.lines, ...added]),
      // RFC 9111 §3.5 speaks of Authorization alone: a cookie that goes on says as much.
      user: { name: known.name, isTold: added.length > 0 || (byCookie && forwardAuthorization) },
    };
  }
}

const NOBODY: Passed['user'] = { name: '', isTold: false };

/** Fields by which the origin is told who it is: a client's own never reach it. */
export function identityFields({ userField, claimFields, ask }: AuthRules): readonly string[] {
  return [
    ...(userField === undefined ? [] : [userField]),
    ...Object.keys(claimFields),
    ...(ask?.fields ?? []),
  ];
}

/** The Fetch standard's preflight. */
function isPreflight({ method, fields }: Request): boolean {
  return method === 'OPTIONS' && fields.has('origin') && fields.has('access-control-request-method');
}

/** Texts, numbers and lists of them, with all that a field cannot hold escaped. */
function fieldValue(claim: unknown): string | undefined {
  if (Array.isArray(claim)) return claim.map((one) => fieldValue(one) ?? '').join(',');
  if (typeof claim !== 'string' && typeof claim !== 'number' && typeof claim !== 'boolean') return undefined;
  return String(claim)
    .slice(0, 1024)
    .replace(/[^\x20-\x7e]|%/gu, (character) => escapeOf(character));
}

function escapeOf(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)
    .join('');
}
