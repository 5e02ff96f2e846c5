// What the forward proxy says when it does not do what it is asked, each with the word of the log.

import type { Refusal } from '../admit.ts';
import type { AclVerdict } from './acl.ts';

export const FORWARD_REFUSALS = {
  host: { status: 400, sentence: 'The host is neither a name nor an address.', detail: 'bad-destination' },
  port: {
    status: 403,
    sentence: 'This port may not be asked for through this proxy.',
    detail: 'port-denied',
  },
  rule: { status: 403, sentence: 'A rule of this proxy denies this request.', detail: 'acl-denied' },
  none: { status: 403, sentence: 'No rule of this proxy allows this request.', detail: 'acl-default' },
  tunnels: {
    status: 503,
    sentence: 'There are as many tunnels open as there may be.',
    detail: 'too-many-tunnels',
    lines: ['Retry-After', '10'],
  },
  busy: {
    status: 503,
    sentence: 'Too many passwords are being checked.',
    detail: 'auth-unavailable',
    lines: ['Retry-After', '1'],
  },
  upgrade: {
    status: 501,
    sentence: 'Only HTTP/1.1 connections can become tunnels.',
    detail: 'connect-refused',
  },
} as const satisfies Record<string, Refusal>;

/** RFC 9110 §11.7.1. @param wrong credentials were given */
export function authRequired(realm: string, wrong: boolean): Refusal {
  return {
    status: 407,
    sentence: wrong ? 'User and password do not belong together.' : 'This proxy needs credentials.',
    detail: wrong ? 'wrong-credentials' : 'no-credentials',
    lines: ['Proxy-Authenticate', `Basic realm="${realm}", charset="UTF-8"`],
  };
}

export function tooManyFailures(waitMs: number): Refusal {
  return {
    status: 429,
    sentence: 'There have been too many wrong passwords from this address.',
    detail: 'too-many-failures',
    lines: ['Retry-After', String(Math.ceil(waitMs / 1000))],
  };
}

export function refusalOf(verdict: Exclude<AclVerdict, { kind: 'allow' } | { kind: 'who' }>): Refusal {
  switch (verdict.kind) {
    case 'deny':
      return { ...FORWARD_REFUSALS.rule };
    case 'none':
      return FORWARD_REFUSALS.none;
    case 'port':
      return FORWARD_REFUSALS.port;
    default:
      return verdict satisfies never;
  }
}
