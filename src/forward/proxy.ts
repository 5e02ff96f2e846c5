// The door of the forward proxy: who asks, whether a rule allows it, and then on to the edge, which caches for these clients
// as for all others, or into a tunnel. Knows no socket of clients and no rule of caching.

import type { Refusal } from '../admit.ts';
import { formatCacheStatus } from '../cache/cache-status.ts';
import type { ForwardConfig } from '../config/forward.ts';
import type { Address, Config } from '../config.ts';
import type { Edge } from '../edge.ts';
import { credentialsOf } from '../gate/auth/credentials.ts';
import type { Outcome } from '../gate/auth/known.ts';
import type { Peer, Request, Responder } from '../http/message.ts';
import { sendText } from '../local.ts';
import type { Access } from '../observe/access.ts';
import type { OriginFailure } from '../origin/failure.ts';
import type { Identity } from '../origin/forwarded.ts';
import { SocketEnd } from '../tunnel/raw.ts';
import { Tunnels } from '../tunnel/tunnels.ts';
import type { AclVerdict } from './acl.ts';
import type { Client } from './clients.ts';
import { dialTunnel } from './connect.ts';
import { type Destination, destinationOf } from './destination.ts';
import type { Destinations } from './destinations.ts';
import { PacedEnd, PacedResponder, pacedBody } from './paced.ts';
import { authRequired, FORWARD_REFUSALS, refusalOf, tooManyFailures } from './refusals.ts';
import { cachedResolver, type Resolve, systemResolve } from './resolver.ts';
import { type Passage, type State, stateOf } from './state.ts';

export interface ForwardProxyOptions {
  readonly config: Config;
  readonly forward: ForwardConfig;
  readonly identity: Identity;
  readonly edge: Edge;
  readonly access: Access;
  /** Where this program listens. */
  readonly own: () => readonly Address[];
  /** Epoch ms. */
  readonly now: () => number;
  readonly resolve?: Resolve;
}

export class ForwardProxy {
  readonly tunnels: Tunnels;
  readonly #options: ForwardProxyOptions;
  readonly #resolve: Resolve;
  readonly #via: string;
  #state: State;
  /** Of settings that are gone, until their exchanges have ended. */
  readonly #leaving = new Set<Destinations>();
  /** Requests of those that have, so that the sum never falls. */
  #requests = 0;

  constructor(options: ForwardProxyOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? cachedResolver(systemResolve, options.now);
    this.#via = `1.1 ${options.identity.pseudonym}`;
    this.tunnels = new Tunnels(options.forward.tunnels, options.now);
    this.#state = this.#make(options.config, options.forward);
  }

  /** Requests sent to servers, and exchanges under way. */
  get requests(): number {
    let sum = this.#requests;
    for (const { requests } of this.#destinations()) sum += requests;
    return sum;
  }

  get active(): number {
    let sum = 0;
    for (const { active } of this.#destinations()) sum += active;
    return sum;
  }

  /** From now on by these settings; what is under way ends by those it began with. */
  use(config: Config, forward: ForwardConfig): void {
    const before = this.#state;
    this.#state = this.#make(config, forward, before);
    this.tunnels.use(forward.tunnels);
    const { destinations } = before;
    if (destinations === this.#state.destinations) return;
    this.#leaving.add(destinations);
    destinations.close().then(() => {
      this.#leaving.delete(destinations);
      this.#requests += destinations.requests;
    });
  }

  /** A client has connected. @returns what is to be called at its end; undefined turns it away */
  enter({ address }: Peer): (() => void) | undefined {
    return this.#state.clients.enter(address);
  }

  handle(request: Request, responder: Responder): void {
    const destination = destinationOf(request.scheme, request.authority);
    if (destination === undefined) return this.#refuse(request, responder, FORWARD_REFUSALS.host);
    const verdict = this.#decide(request, destination, undefined);
    if (verdict.kind !== 'who') return this.#act(request, responder, destination, verdict);
    const user = this.#who(request);
    if (!(user instanceof Promise)) return this.#known(request, responder, destination, user);
    user.then(
      (late) => {
        if (!responder.gone) this.#known(request, responder, destination, late);
      },
      () => this.#refuse(request, responder, FORWARD_REFUSALS.busy),
    );
  }

  /** Breaks off everything. */
  async close(): Promise<void> {
    await this.tunnels.close();
    await Promise.all([...this.#destinations()].map((one) => one.destroy()));
  }

  *#destinations(): Iterable<Destinations> {
    yield this.#state.destinations;
    yield* this.#leaving;
  }

  #make(config: Config, forward: ForwardConfig, before?: State): State {
    const { own, now } = this.#options;
    return stateOf({ config, forward, own, now, resolve: this.#resolve }, before);
  }

  #decide(request: Request, { host, port }: Destination, user: string | undefined): AclVerdict {
    const { method, peer } = request;
    return this.#state.acl.decide({ client: peer.address, method, host, port }, user);
  }

  /** The user's name, or why there is none. */
  #who({ fields, peer }: Request): string | Refusal | Promise<string | Refusal> {
    const { users, clients, forward } = this.#state;
    const credentials = credentialsOf(fields, 'proxy-authorization');
    if (credentials.kind === 'none' || users === undefined) return authRequired(forward.realm, false);
    const { failures } = clients.of(peer.address);
    if (failures.waitMs > 0) return tooManyFailures(failures.waitMs);
    const settle = (outcome: Outcome): string | Refusal => {
      if (outcome.kind === 'known') return outcome.known.name;
      if (outcome.kind === 'busy') return FORWARD_REFUSALS.busy;
      failures.spend(1);
      return authRequired(forward.realm, true);
    };
    if (credentials.kind !== 'basic') return settle({ kind: 'unknown', fault: undefined });
    const outcome = users.check(credentials.user, credentials.password);
    return outcome instanceof Promise ? outcome.then(settle) : settle(outcome);
  }

  #known(request: Request, responder: Responder, destination: Destination, user: string | Refusal): void {
    if (typeof user !== 'string') return this.#refuse(request, responder, user);
    const named = { ...request, user: { name: user, isTold: false } };
    this.#act(named, responder, destination, this.#decide(request, destination, user));
  }

  #act(request: Request, responder: Responder, destination: Destination, verdict: AclVerdict): void {
    if (verdict.kind === 'who')
      return this.#refuse(request, responder, authRequired(this.#state.forward.realm, false));
    if (verdict.kind !== 'allow') {
      const refusal = refusalOf(verdict);
      const rule = verdict.kind === 'deny' ? { rule: `acl[${verdict.rule - 1}]` } : {};
      return this.#refuse(request, responder, { ...refusal, ...rule });
    }
    const passage = this.#state.passages[verdict.rule - 1];
    if (passage === undefined) throw new Error('a rule that is not there');
    const client = this.#state.clients.of(request.peer.address);
    const { authority } = destination;
    const allowed = { ...request, authority, rule: passage.name };
    const waitMs = client.down?.waitMs ?? 0;
    if (waitMs === 0) return this.#pass(allowed, responder, destination, passage, client);
    // It owes for what it got before.
    const timer = setTimeout(() => this.#pass(allowed, responder, destination, passage, client), waitMs);
    responder.onAbort(() => clearTimeout(timer));
  }

  #pass(
    request: Request,
    responder: Responder,
    destination: Destination,
    passage: Passage,
    client: Client,
  ): void {
    const { down, up } = client;
    if (request.method === 'CONNECT') return this.#connect(request, responder, destination, passage, client);
    if (down === undefined || up === undefined)
      return this.#options.edge.handle(request, responder, passage.realm);
    const { body } = request;
    const takeOver = responder.takeOver?.bind(responder);
    const paced = new PacedResponder(
      responder,
      down,
      takeOver &&
        ((...head) => {
          const end = takeOver(...head);
          return end && new PacedEnd(end, down, up);
        }),
    );
    const slowed = body === null ? request : { ...request, body: pacedBody(body, up) };
    this.#options.edge.handle(slowed, paced, passage.realm);
  }

  #connect(
    request: Request,
    responder: Responder,
    { host, port }: Destination,
    { check }: Passage,
    { down, up }: Client,
  ): void {
    if (responder.takeOver === undefined) return this.#refuse(request, responder, FORWARD_REFUSALS.upgrade);
    if (this.tunnels.full) return this.#refuse(request, responder, FORWARD_REFUSALS.tunnels);
    const { access, identity } = this.#options;
    const cacheStatus = formatCacheStatus(identity.name, { detail: 'connect' });
    const timeoutMs = this.#state.config.timeouts.connectMs;
    const giveUp = dialTunnel({ host, port, check, resolve: this.#resolve, timeoutMs }, (failure, socket) => {
      if (socket === undefined) return this.#failed(request, responder, failure);
      const dialled = socket.remoteAddress;
      const end = responder.takeOver?.(200, ['Via', this.#via]);
      if (end === undefined) {
        socket.destroy();
        return;
      }
      const near = down === undefined || up === undefined ? end : new PacedEnd(end, down, up);
      this.tunnels.open(near, new SocketEnd(socket), ({ sent, received, end: ended }) =>
        access.record(request, {
          outcome: 'tunnel',
          status: 200,
          bytes: sent,
          received,
          ended,
          dialled,
          cacheStatus,
        }),
      );
    });
    responder.onAbort(() => {
      giveUp();
      const left = {
        outcome: 'failed',
        status: 499,
        bytes: 0,
        side: 'client',
        incomplete: 'client-gone',
      } as const;
      access.record(request, { ...left, cacheStatus });
    });
  }

  #failed(request: Request, responder: Responder, failure: OriginFailure | undefined): void {
    if (failure === undefined) return;
    const { kind, side, status, message } = failure;
    const { access, identity } = this.#options;
    const cacheStatus = formatCacheStatus(identity.name, { detail: kind });
    const bytes = sendText(responder, status, message, ['Cache-Status', cacheStatus, 'Via', this.#via]);
    const outcome = kind === 'denied' ? 'refused' : 'failed';
    const reason = kind === 'denied' ? kind : undefined;
    access.record(request, { outcome, status, bytes, cacheStatus, failure: kind, side, reason });
  }

  #refuse(request: Request, responder: Responder, refusal: Refusal): void {
    this.#options.edge.refuse(request, responder, refusal);
  }
}
