// What stands before the cache: asked for every request, hits included, once its route is known. Puts the rules of this room
// in order; none is its own. What costs least is asked first, and what waits (credentials) last.

import type { Refusal } from '../admit.ts';
import { matchRoute, type RouteConfig } from '../config/routes.ts';
import type { Request } from '../http/message.ts';
import type { AccessRules } from './access-rules.ts';
import { AddressSet } from './address-set.ts';
import { Authenticator } from './auth/authenticator.ts';
import type { IdentityFields } from './auth/identity-fields.ts';
import { bounded } from './body-limit.ts';
import type { Client } from './client-address.ts';
import { Probes, probeRefusal } from './probes.ts';
import { RateLimits } from './rate-limit.ts';
import { isAbout, namesDotfile, type Reading, readPath } from './reading.ts';

/** Let in as something else than what came: without its credentials, with its user named, its content bounded. */
export interface Admitted {
  readonly request: Request;
}

/** undefined lets a request in as it is. */
export type Verdict = Refusal | Admitted | undefined;

/** What a gate needs of the worker it stands in. */
export interface GateTools {
  /** Buckets that all workers share (buckets.ts). */
  readonly memory: SharedArrayBuffer;
  /** Epoch ms. */
  readonly now: () => number;
  /** Hears of refusals that are only talked about (dry run, log-only). */
  readonly onNoted: (request: Request, refusal: Refusal) => void;
}

/** What the gates of a site have in common. */
export interface GateSite {
  readonly routes: readonly RouteConfig[];
  /** The rules where no route matches. */
  readonly elsewhere: AccessRules | undefined;
  /** The client, through trusted proxies. */
  readonly clientOf: (request: Request) => Client;
  /** Fields that tell origins who somebody is: a client's own are dropped, whatever route they come by. */
  readonly identityFields: IdentityFields;
}

const REFUSALS = {
  address: { status: 403, sentence: 'Not from this address.', detail: 'address-denied' },
  ambiguous: {
    status: 400,
    sentence: 'The path can be read in two ways that different rules hold for.',
    detail: 'ambiguous-path',
  },
  dotfile: { status: 404, sentence: 'There is nothing here.', detail: 'dotfile' },
  tooLarge: { status: 413, sentence: 'The content is too large.', detail: 'content-too-large' },
} as const satisfies Record<string, Refusal>;

const DENIED: Readonly<Record<number, string>> = {
  403: 'This is not allowed.',
  404: 'There is nothing here.',
  405: 'The method is not allowed here.',
  410: 'This is gone for good.',
};

type Standing = 'allowed' | 'not-allowed' | 'denied';

/** Where it does not matter whether requests can be read in two ways. */
const UNREAD: Reading = { path: '', others: [] };

export class Gate {
  readonly #rules: AccessRules;
  readonly #site: GateSite;
  readonly #tools: GateTools;
  readonly #allow: AddressSet | undefined;
  readonly #deny: AddressSet | undefined;
  readonly #standings = new WeakMap<Client, Standing>();
  readonly #limits: RateLimits;
  readonly #probes: Probes | undefined;
  readonly #authenticator: Authenticator | undefined;
  readonly #methodRefusal: Refusal;
  /** Some rule looks at the path, or there are routes that do. */
  readonly #reads: boolean;

  constructor(rules: AccessRules, site: GateSite, tools: GateTools) {
    this.#rules = rules;
    this.#site = site;
    this.#tools = tools;
    const { addresses, probes, auth, deny, rateLimits, hideDotfiles, methods = [] } = rules;
    this.#allow = addresses && addresses.allow.length > 0 ? new AddressSet(addresses.allow) : undefined;
    this.#deny = addresses && addresses.deny.length > 0 ? new AddressSet(addresses.deny) : undefined;
    this.#limits = new RateLimits(rateLimits, tools.memory);
    this.#probes = probes && new Probes(probes);
    this.#authenticator = auth && new Authenticator(auth, site.identityFields, tools.memory);
    this.#methodRefusal = denied(405, methods);
    this.#reads =
      hideDotfiles ||
      [...deny, ...rateLimits].some(({ paths }) => paths !== undefined) ||
      rateLimits.some(({ key }) => key.kind === 'path') ||
      site.routes.some(({ match }) => match.path !== undefined);
  }

  /** A promise only where the answer takes waiting. */
  admit(request: Request): Verdict | Promise<Verdict> {
    const client = this.#site.clientOf(request);
    const standing = this.#standing(client);
    // Who may purge, and how much, the purge door says, but for those who get nothing at all.
    const isPurge = request.method === 'PURGE';
    if (standing === 'denied' || (standing === 'not-allowed' && !isPurge)) return this.#addressRefusal();
    if (isPurge) return undefined;
    const reading = this.#reads ? readPath(request.target) : UNREAD;
    const refusal =
      this.#byPath(request, reading, client) ??
      this.#byRate(request, reading, client) ??
      this.#byContent(request);
    if (refusal !== undefined) return refusal;
    return this.#identified(request, client);
  }

  /** Asked before a request goes to the origin: for the limits that count only those. */
  forward(request: Request): Refusal | undefined {
    if (!this.#limits.has('forwarded')) return undefined;
    const { now, onNoted } = this.#tools;
    const { network } = this.#site.clientOf(request);
    const reading = this.#reads ? readPath(request.target) : UNREAD;
    return this.#limits.take('forwarded', request, reading, network, now(), onNoted);
  }

  /** Worked out once for each client. */
  #standing(client: Client): Standing {
    if (this.#allow === undefined && this.#deny === undefined) return 'allowed';
    let standing = this.#standings.get(client);
    if (standing === undefined) {
      standing = this.#deny?.has(client.address)
        ? 'denied'
        : this.#allow?.has(client.address) === false
          ? 'not-allowed'
          : 'allowed';
      this.#standings.set(client, standing);
    }
    return standing;
  }

  #byPath(request: Request, reading: Reading, client: Client): Refusal | undefined {
    const { methods, deny, hideDotfiles } = this.#rules;
    const { method } = request;
    if (methods !== undefined && !methods.includes(method)) return this.#methodRefusal;
    if (reading.others.some((other) => this.#isElsewhere(request, client, other))) return REFUSALS.ambiguous;
    if (hideDotfiles && namesDotfile(reading)) return REFUSALS.dotfile;
    const rule = deny.find((one) => isAbout(one, method, reading));
    return rule === undefined ? undefined : denied(rule.status, []);
  }

  /** Read as other servers may read it, the request belongs to a route with other rules. */
  #isElsewhere({ method, authority, target, fields }: Request, client: Client, other: string): boolean {
    const { routes, elsewhere } = this.#site;
    const mark = target.indexOf('?');
    const read = mark === -1 ? other : other + target.slice(mark);
    const [here, there] = [target, read].map((one) => {
      const route = matchRoute(routes, method, { authority, target: one, fields, client: client.address });
      return route === undefined ? elsewhere : route.access;
    });
    return here !== there;
  }

  #byRate(request: Request, reading: Reading, { network }: Client): Refusal | undefined {
    if (!this.#limits.has('admitted')) return undefined;
    const { now, onNoted } = this.#tools;
    return this.#limits.take('admitted', request, reading, network, now(), onNoted);
  }

  #byContent(request: Request): Refusal | undefined {
    const { maxBodyBytes, probes } = this.#rules;
    if (maxBodyBytes !== undefined && (request.body?.length ?? 0) > maxBodyBytes) return REFUSALS.tooLarge;
    const probe = this.#probes?.find(request);
    if (probe === undefined) return undefined;
    const refusal = { ...probeRefusal(), rule: probe.ids.join(',') };
    if (probes?.block === true) return refusal;
    this.#tools.onNoted(request, refusal);
    return undefined;
  }

  #identified(request: Request, client: Client): Verdict | Promise<Verdict> {
    const checked = this.#authenticator?.check(request, client, this.#tools.now());
    if (checked instanceof Promise)
      return checked.then((late) => ('status' in late ? late : this.#goesOn({ ...request, ...late })));
    if (checked === undefined) return this.#goesOn(request);
    return 'status' in checked ? checked : this.#goesOn({ ...request, ...checked });
  }

  /** The request as it goes on; undefined when that is as it came. */
  #goesOn(request: Request): Verdict {
    const { maxBodyBytes } = this.#rules;
    const { body } = request;
    const isBounded = maxBodyBytes !== undefined && body !== null && body.length === undefined;
    const { identityFields } = this.#site;
    // Those that this gate wrote itself stay.
    const fields = request.user === undefined ? identityFields.without(request.fields) : request.fields;
    if (!isBounded && fields === request.fields) return request.user === undefined ? undefined : { request };
    return { request: { ...request, fields, body: isBounded ? bounded(body, maxBodyBytes) : body } };
  }

  #addressRefusal(): Refusal {
    const status = this.#rules.addresses?.status ?? 403;
    return status === 403 ? REFUSALS.address : { ...denied(404, []), detail: REFUSALS.address.detail };
  }
}

function denied(status: 403 | 404 | 405 | 410, methods: readonly string[]): Refusal {
  const refusal = {
    status,
    sentence: DENIED[status] ?? '',
    detail: status === 405 ? 'method-denied' : 'denied',
  };
  // RFC 9110 §15.5.6: Allow goes with 405, empty where no method is left.
  return status === 405 ? { ...refusal, lines: ['Allow', methods.join(', ')] } : refusal;
}
