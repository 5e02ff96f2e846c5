// Who a request comes from, once that is known, and the refusals where it is not (RFC 9110 §11.6.1, RFC 6750 §3).

import type { Refusal } from '../../admit.ts';
import type { FieldLines } from '../../http/fields.ts';
import type { AuthRules } from '../access-rules.ts';

export interface Known {
  readonly name: string;
  /** Of a signed token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Has to be asked about anew from then on, epoch ms. */
  readonly untilAt: number;
}

/** What came of asking who it is. */
export type Outcome =
  | { readonly kind: 'known'; readonly known: Known }
  /** `fault` is a sentence for error_description; undefined where there were no credentials at all. */
  | {
      readonly kind: 'unknown';
      readonly fault: string | undefined;
      /** It was good once: nobody is guessing. */
      readonly hasExpired?: boolean;
    }
  /** Known, but a claim is missing: `scope` are the values that would do, for the scope claim. */
  | {
      readonly kind: 'forbidden';
      readonly fault: string;
      readonly scope: string | undefined;
      readonly untilAt: number;
    }
  /** It could not be found out now. */
  | { readonly kind: 'busy'; readonly fault: string };

export const NO_CREDENTIALS: Outcome = { kind: 'unknown', fault: undefined };

/** The refusal for an outcome that lets nobody in. @param isToken a token was given: what is wrong is said of it */
export function refusalFor(
  outcome: Exclude<Outcome, { kind: 'known' }>,
  rules: AuthRules,
  isToken: boolean,
): Refusal {
  switch (outcome.kind) {
    case 'unknown': {
      const { fault } = outcome;
      return {
        status: 401,
        sentence: fault ?? 'This needs credentials.',
        detail: fault === undefined ? 'no-credentials' : 'wrong-credentials',
        lines: challenges(
          rules,
          fault === undefined || !isToken ? '' : `, error="invalid_token", error_description="${fault}"`,
        ),
      };
    }
    case 'forbidden': {
      const scope = outcome.scope === undefined ? '' : `, scope="${outcome.scope}"`;
      const error = `, error="insufficient_scope", error_description="${outcome.fault}"${scope}`;
      return {
        status: 403,
        sentence: outcome.fault,
        detail: 'claim-missing',
        lines: challenges(rules, error),
      };
    }
    case 'busy':
      return {
        status: 503,
        sentence: outcome.fault,
        detail: 'auth-unavailable',
        lines: ['Retry-After', '1'],
      };
    default:
      return outcome satisfies never;
  }
}

/** One challenge for each scheme that would do. @param error parameters of the Bearer challenge */
function challenges({ realm, users, tokens, jwt }: AuthRules, error: string): FieldLines {
  const lines: string[] = [];
  if (tokens.length > 0 || jwt !== undefined)
    lines.push('WWW-Authenticate', `Bearer realm="${realm}"${error}`);
  if (users.length > 0) lines.push('WWW-Authenticate', `Basic realm="${realm}", charset="UTF-8"`);
  return lines;
}
