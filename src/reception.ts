// The first rooms of the path: admits a request, finds its route, asks the gate, edits the fields, makes the cache key; then
// it is a visit and goes on, or it has had its answer here.

import { type Admission, admissions, type Refusal, refusalByMethod } from './admit.ts';
import { cacheKey } from './cache/key.ts';
import { isReusable } from './cache/methods.ts';
import type { SearchAliases } from './cache/search-aliases.ts';
import type { Verdict } from './gate/gate.ts';
import type { Request, Responder } from './http/message.ts';
import type { Log } from './observe/log.ts';
import { clientScheme, type Identity } from './origin/forwarded.ts';
import type { OwnWords } from './own-words.ts';
import type { PurgeDoor } from './purge-door.ts';
import type { Route } from './site/route.ts';
import type { Realm } from './site/site.ts';
import { upgradeOf } from './tunnel/asking.ts';
import type { Tunnels } from './tunnel/tunnels.ts';
import { type Visit, visitOf } from './visit.ts';

export interface ReceptionOptions {
  readonly identity: Identity;
  readonly purgeDoor: PurgeDoor;
  readonly tunnels: Tunnels;
  readonly hear: (() => void) | undefined;
  readonly aliases: SearchAliases;
  readonly words: OwnWords;
  readonly log: Log;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #onward: (visit: Visit) => void;
  readonly #words: OwnWords;
  /** The facts of a header section. */
  readonly admission: (fields: Request['fields']) => Admission;

  constructor(options: ReceptionOptions, onward: (visit: Visit) => void) {
    this.#options = options;
    this.#onward = onward;
    this.#words = options.words;
    this.admission = admissions(options.identity);
  }

  /**
   * Admit and route.
   * @param realm whose request it is; a site's unless it came to a proxy
   */
  receive(came: Request, responder: Responder, realm: Realm): void {
    const first = this.admission(came.fields);
    const refusal = refusalByMethod(came.method) ?? first.refusal;
    if (refusal !== undefined) return this.#words.refused(came, responder, refusal);
    const { disarmed: fields } = first;
    const asked = fields === undefined ? came : { ...came, fields };
    const admission = fields === undefined ? first : this.admission(fields);
    const request = realm.entrance?.meet(asked, admission) ?? asked;
    if ('status' in request) return this.#words.refused(asked, responder, request);
    const route = realm.route(request.method, request);
    const verdict = route.gate?.admit(request);
    if (verdict === undefined) return this.#enter(request, request, responder, realm, route);
    if (!(verdict instanceof Promise)) return this.#judged(request, responder, realm, route, verdict);
    verdict.then(
      (late) => {
        if (!responder.gone) this.#judged(request, responder, realm, route, late);
      },
      (error: unknown) => {
        this.#options.log.error({ err: error }, 'the gate could not decide');
        this.#words.refused(request, responder, UNDECIDED, route);
      },
    );
  }

  /** The gate has spoken: what is let in may be changed (its credentials taken off, its user named). */
  #judged(request: Request, responder: Responder, realm: Realm, route: Route, verdict: Verdict): void {
    if (verdict !== undefined && 'status' in verdict) this.#words.refused(request, responder, verdict, route);
    else this.#enter(request, verdict?.request ?? request, responder, realm, route);
  }

  /** Edit and key. `came`: as its route was chosen. */
  #enter(came: Request, asked: Request, responder: Responder, realm: Realm, route: Route): void {
    const { purgeDoor, hear } = this.#options;
    const { trusted, edges, space } = realm;
    hear?.();
    const request = route.entered(asked);
    const admission = this.admission(request.fields);
    const { method, authority } = request;
    if (route.answer !== undefined && method !== 'PURGE') {
      return this.#words.local(request, responder, route.answer(came), route);
    }
    const scheme = admission.namesScheme ? clientScheme(request, trusted) : request.scheme;
    // What another method invalidates or purges lies under the key that GET has.
    const keyRules = isReusable(method) ? route.rules.key : realm.route('GET', came).rules.key;
    const exact = cacheKey(space + scheme, authority, request.target, keyRules);
    const key = this.#options.aliases.resolve(exact.key);
    if (method === 'PURGE')
      return purgeDoor.handle(request, responder, exact.key === key ? [key] : [exact.key, key]);
    const upgrade = admission.upgrade && this.#upgrade(request, responder, realm, admission.upgrade);
    if (upgrade !== undefined && 'status' in upgrade)
      return this.#words.refused(request, responder, upgrade, route);
    const visit = visitOf({
      request,
      came,
      responder,
      admission,
      realm,
      route,
      key,
      target: route.rewritten(came, exact.target),
      upgrade,
      toEdge: edges?.(request.peer.address) ?? false,
    });
    this.#onward(visit);
  }

  /** The protocols that the origin is asked for, if there is room for another tunnel. */
  #upgrade(
    request: Request,
    responder: Responder,
    realm: Realm,
    asked: readonly string[],
  ): readonly string[] | Refusal | undefined {
    const upgrade = upgradeOf(request, responder, asked, realm.upgrades.protocols);
    return upgrade !== undefined && this.#options.tunnels.full ? TOO_MANY_TUNNELS : upgrade;
  }
}

const UNDECIDED = {
  status: 500,
  sentence: 'Whether the request may pass could not be found out.',
  detail: 'gate-error',
} as const;

const TOO_MANY_TUNNELS = {
  status: 503,
  sentence: 'There are as many tunnels open as there may be.',
  detail: 'too-many-tunnels',
  lines: ['Retry-After', '10'],
} as const;
