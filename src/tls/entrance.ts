// What TLS with clients makes of a request before it has a route: sent on to https, turned away from a connection that is not
// for its host, or told apart by the client's certificate. Fields that tell of certificates are the edge's alone.

import type { Admission, Refusal } from '../admit.ts';
import { canonicalPath, matchesPattern } from '../config/patterns.ts';
import type { TlsSettings } from '../config/tls-schema.ts';
import { Fields } from '../http/fields.ts';
import type { Request, Secured } from '../http/message.ts';
import { type AddressTest, clientScheme } from '../origin/forwarded.ts';

/** RFC 9440 §2, and nginx's word for the outcome. */
export const CERTIFICATE_FIELDS: ReadonlySet<string> = new Set([
  'client-cert',
  'client-cert-chain',
  'x-client-verify',
]);

const DEFAULT_PORT = 443;

const MISDIRECTED: Refusal = {
  status: 421,
  sentence: 'This connection was not made for that host.',
  detail: 'misdirected',
};
const NO_HOST: Refusal = {
  status: 400,
  sentence: 'A request without a host cannot be sent on to https.',
  detail: 'https-redirect',
};

export class Entrance {
  readonly #settings: TlsSettings | undefined;
  readonly #trusted: AddressTest;
  /** What a connection's fields become with its client's certificate. */
  readonly #told = new WeakMap<Secured, WeakMap<Fields, Fields>>();

  /** @param trusted peers whose word on scheme and certificates is believed */
  constructor(settings: TlsSettings | undefined, trusted: AddressTest) {
    this.#settings = settings;
    this.#trusted = trusted;
  }

  /** @returns the request as it goes on; itself where nothing is to be said */
  meet(request: Request, admission: Admission): Request | Refusal {
    const { tls } = request.peer;
    if (tls === undefined) {
      const redirect = this.#redirect(request, admission);
      if (redirect !== undefined) return redirect;
    } else if (tls.asksClient && !tls.covers(hostOf(request.authority))) return MISDIRECTED;
    const tells = tls?.verified !== undefined;
    if (!tells && (!admission.tellsCertificate || this.#trusted(request.peer.address))) return request;
    return { ...request, fields: this.#fields(request.fields, tls) };
  }

  #fields(fields: Fields, tls: Secured | undefined): Fields {
    if (tls?.verified === undefined) return fields.without(CERTIFICATE_FIELDS);
    let known = this.#told.get(tls);
    if (known === undefined) {
      known = new WeakMap();
      this.#told.set(tls, known);
    }
    let told = known.get(fields);
    if (told === undefined) {
      const lines = [...fields.without(CERTIFICATE_FIELDS).lines, 'X-Client-Verify', tls.verified];
      if (tls.certificate !== undefined) lines.push('Client-Cert', tls.certificate);
      told = new Fields(lines);
      known.set(fields, told);
    }
    return told;
  }

  #redirect(request: Request, { namesScheme }: Admission): Refusal | undefined {
    const redirect = this.#settings?.redirectHttp;
    if (this.#settings === undefined || redirect === undefined || request.target === '*') return undefined;
    // A proxy in front may have ended TLS.
    if (namesScheme && clientScheme(request, this.#trusted) === 'https') return undefined;
    const path = canonicalPath(request.target);
    if (redirect.except.some((pattern) => matchesPattern(pattern, path))) return undefined;
    if (request.authority === '') return NO_HOST;
    const port = redirect.port ?? this.#settings.listen.port;
    const [host] = splitPort(request.authority);
    const authority = port === DEFAULT_PORT ? host : `${host}:${port}`;
    return {
      status: statusOf(request.method, redirect.permanent),
      sentence: 'This site is at https.',
      detail: 'https-redirect',
      lines: ['Location', `https://${authority}${request.target}`],
    };
  }
}

/** RFC 9110 §15.4: 301 and 302 may turn a method into GET. */
function statusOf(method: string, permanent: boolean): number {
  if (method === 'GET' || method === 'HEAD') return permanent ? 301 : 302;
  return permanent ? 308 : 307;
}

/** The host as certificates have it: no port, no brackets. */
function hostOf(authority: string): string {
  const [host] = splitPort(authority);
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function splitPort(authority: string): [host: string, port: string | undefined] {
  const colon = authority.lastIndexOf(':');
  if (colon === -1 || colon < authority.lastIndexOf(']')) return [authority, undefined];
  return [authority.slice(0, colon), authority.slice(colon + 1)];
}
