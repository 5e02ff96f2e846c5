// Names what went wrong on the way to the origin and back. Every failure says who failed and which status the client gets.

import { BodyError } from '../http/body.ts';
import type { Place } from './upstream.ts';

/** What failed. Each kind has its sentence in FAILURES. */
export type FailureKind = keyof typeof FAILURES;

/** Which side a failure belongs to. */
export type FailureSide = 'client' | 'origin' | 'internal';

interface FailureFact {
  readonly status: 400 | 403 | 413 | 502 | 503 | 504;
  readonly side: FailureSide;
  readonly sentence: string;
  /** When it is worth another try, where that can be said. */
  readonly retryAfterSeconds?: number;
}

/** Origin failures: the status for the client, the side, a sentence (RFC 9110 §15.6.3, §15.6.5). */
export const FAILURES = {
  refused: { status: 502, side: 'origin', sentence: 'The origin refused the connection.' },
  unreachable: { status: 502, side: 'origin', sentence: 'There is no route to the origin.' },
  dns: { status: 502, side: 'origin', sentence: "The origin's name could not be resolved." },
  denied: {
    status: 403,
    side: 'client',
    sentence: 'The address of the destination may not be reached by this proxy.',
  },
  tls: { status: 502, side: 'origin', sentence: 'The TLS handshake with the origin failed.' },
  reset: {
    status: 502,
    side: 'origin',
    sentence: 'The origin closed the connection before its response was complete.',
  },
  malformed: { status: 502, side: 'origin', sentence: "The origin's response breaks HTTP/1.1." },
  'connect-timeout': { status: 504, side: 'origin', sentence: 'Connecting to the origin took too long.' },
  'first-byte-timeout': {
    status: 504,
    side: 'origin',
    sentence: 'The origin did not begin to answer in time.',
  },
  'idle-timeout': {
    status: 504,
    side: 'origin',
    sentence: 'The origin stopped sending in the middle of its response.',
  },
  'total-timeout': {
    status: 504,
    side: 'origin',
    sentence: 'The origin took too long for the whole of its response.',
  },
  unavailable: {
    status: 503,
    side: 'origin',
    sentence: 'No origin can take requests at the moment.',
    retryAfterSeconds: 5,
  },
  overloaded: {
    status: 503,
    side: 'origin',
    sentence: 'The origin has nobody free to answer.',
    retryAfterSeconds: 1,
  },
  'request-body': {
    status: 400,
    side: 'client',
    sentence: "The client's request body ended early or broke.",
  },
  'request-too-large': { status: 413, side: 'client', sentence: 'The content is too large.' },
  closing: { status: 503, side: 'internal', sentence: 'The edge is shutting down.' },
  internal: { status: 502, side: 'internal', sentence: 'The edge could not forward the request.' },
} as const satisfies Record<string, FailureFact>;

/** A failed exchange with the origin. `cause` is the library's error. */
export class OriginFailure extends Error {
  readonly kind: FailureKind;
  /** Where, and after how many tries, as far as that is known; for the log. */
  readonly asked: { readonly from: Place; readonly attempts: number } | undefined;

  constructor(kind: FailureKind, cause?: unknown, asked?: OriginFailure['asked']) {
    super(FAILURES[kind].sentence, { cause });
    this.name = 'OriginFailure';
    this.kind = kind;
    this.asked = asked;
  }

  /** The same failure, at a server of a group. */
  at(from: Place, attempts: number): OriginFailure {
    return new OriginFailure(this.kind, this.cause, { from, attempts });
  }

  get status(): number {
    return FAILURES[this.kind].status;
  }

  get retryAfterSeconds(): number | undefined {
    const fact: FailureFact = FAILURES[this.kind];
    return fact.retryAfterSeconds;
  }

  get side(): FailureSide {
    return FAILURES[this.kind].side;
  }
}

const BY_CODE: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  EACCES: 'refused',
  EAGAIN: 'overloaded',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
  ETIMEDOUT: 'connect-timeout',
  E_DESTINATION_DENIED: 'denied',
  UND_ERR_SOCKET: 'reset',
  // What it says of a stream or session of HTTP/2 that was ended.
  UND_ERR_INFO: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'first-byte-timeout',
  UND_ERR_BODY_TIMEOUT: 'idle-timeout',
  UND_ERR_HEADERS_OVERFLOW: 'malformed',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'request-body',
  UND_ERR_CLOSED: 'closing',
  UND_ERR_DESTROYED: 'closing',
};

/** Names an error that the client library or the socket gave, before or after the response's head. */
export function nameFailure(error: unknown, headSeen: boolean): OriginFailure {
  if (error instanceof OriginFailure) return error;
  const kind = kindOf(error);
  return new OriginFailure(kind === 'reset' && !headSeen && isGarbage(error) ? 'malformed' : kind, error);
}

/** What the client library gives under a name of its own where the head itself is wrong. */
function isGarbage(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  if (error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return true;
  return error.code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(error.message);
}

/** Node's own, and OpenSSL's for a certificate that does not hold. */
const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|EPROTO$|UNABLE_TO_|CRL_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_|HOSTNAME_MISMATCH$)|CERT/;

function kindOf(error: unknown): FailureKind {
  // Of several addresses: one that did not answer is the reason before those that did not want to.
  if (error instanceof AggregateError && error.errors.length > 0)
    return kindOf(error.errors.find((one) => kindOf(one) === 'connect-timeout') ?? error.errors[0]);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const kind = BY_CODE[code];
  if (kind !== undefined) return kind;
  if (error instanceof Error && error.name === 'HTTPParserError') return 'malformed';
  if (error instanceof BodyError && error.status === 413) return 'request-too-large';
  if (code.startsWith('ERR_HTTP2')) return 'reset';
  if (TLS_CODES.test(code)) return 'tls';
  return 'internal';
}
