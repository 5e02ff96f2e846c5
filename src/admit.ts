// The first room: what the edge refuses before it looks at the cache, and the facts of a header block that the path needs.
// Worked out once per header block; pure.

import { type RequestFacts, requestFacts } from './cache/request-directives.ts';
import { disarmed } from './disarm.ts';
import type { FieldLines, Fields } from './http/fields.ts';
import { type Identity, isLoop } from './origin/forwarded.ts';
import { CERTIFICATE_FIELDS } from './tls/entrance.ts';
import { askedProtocols } from './tunnel/asking.ts';

/** A request the edge answers itself with an error. */
export interface Refusal {
  readonly status: number;
  readonly sentence: string;
  /** Token for Cache-Status's detail and the log. */
  readonly detail: string;
  /** Lines that go with the status. */
  readonly lines?: FieldLines;
  /** Name of the operator's rule, or ids of what matched: for the log alone. */
  readonly rule?: string;
}

/** Methods that the edge serves, for Allow. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE';

/** What the fields of a request say before the cache is asked. */
export interface Admission {
  readonly refusal: Refusal | undefined;
  /** The fields as they go on (disarm.ts); undefined where they do as they are. */
  readonly disarmed: Fields | undefined;
  readonly facts: RequestFacts;
  /** Protocols that are asked for by Upgrade. */
  readonly upgrade: readonly string[] | undefined;
  /** Fields are there that tell of a client's certificate; whether they count depends on the peer. */
  readonly tellsCertificate: boolean;
  /** X-Forwarded-Proto is there; whether it counts depends on the peer. */
  readonly namesScheme: boolean;
}

const REFUSALS = {
  connect: {
    status: 405,
    sentence: 'This is a reverse proxy: CONNECT is not served here.',
    detail: 'connect-refused',
    lines: ['Allow', ALLOWED_METHODS],
  },
  loop: {
    status: 508,
    sentence: 'The request has been through this edge before: its origin leads back here.',
    detail: 'loop',
  },
} as const satisfies Record<string, Refusal>;

/** Admits header blocks; remembers each by its Fields object. */
export function admissions(identity: Identity): (fields: Fields) => Admission {
  const known = new WeakMap<Fields, Admission>();
  return (fields) => {
    let admission = known.get(fields);
    if (admission === undefined) {
      const kept = disarmed(fields);
      admission = {
        refusal: refusalByFields(fields, identity),
        disarmed: kept === fields ? undefined : kept,
        facts: requestFacts(fields),
        upgrade: askedProtocols(fields),
        tellsCertificate: [...CERTIFICATE_FIELDS].some((name) => fields.has(name)),
        namesScheme: fields.has('x-forwarded-proto'),
      };
      known.set(fields, admission);
    }
    return admission;
  };
}

/** @returns why the request is refused by its method, or undefined. */
export function refusalByMethod(method: string): Refusal | undefined {
  return method === 'CONNECT' ? REFUSALS.connect : undefined;
}

function refusalByFields(fields: Fields, identity: Identity): Refusal | undefined {
  const mayLoop = fields.has('via') || fields.has('cdn-loop');
  return mayLoop && isLoop(fields, identity) ? REFUSALS.loop : undefined;
}
