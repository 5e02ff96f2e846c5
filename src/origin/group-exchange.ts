// One request to a group: waits for a server where all are full, tries another where one fails and nothing has reached the
// client yet, and asks a second where the first is slow. The first head that is taken wins; what else runs is given up.

import type { RawEnd } from '../tunnel/raw.ts';
import { type FailureKind, OriginFailure } from './failure.ts';
import type { Group, RetryOn } from './group.ts';
import { LentBody } from './lent-body.ts';
import { IDEMPOTENT } from './origin.ts';
import type { Server } from './server.ts';
import type { StickyCookie } from './sticky.ts';
import type { Exchange, ExchangeEvents, OriginRequest, OriginResponse, Place, Urgency } from './upstream.ts';
import type { Waiter } from './waiting.ts';

/** Which setting of `retries.on` a failure falls under. */
const RETRIED: Readonly<Partial<Record<FailureKind, RetryOn>>> = {
  refused: 'connect',
  unreachable: 'connect',
  dns: 'connect',
  tls: 'connect',
  'connect-timeout': 'connect',
  overloaded: 'connect',
  reset: 'reset',
  malformed: 'reset',
  'first-byte-timeout': 'timeout',
};

export class GroupExchange implements Exchange, Waiter {
  readonly urgency: Urgency;
  readonly #group: Group;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  readonly #body: LentBody | undefined;
  /** May be sent again after a server has seen it. */
  readonly #repeatable: boolean;
  readonly #tried: Server[] = [];
  /** Has the client's session. */
  readonly #wanted: Server | undefined;
  readonly #running: Attempt[] = [];
  #winner: Attempt | undefined;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #ended = false;

  constructor(group: Group, request: OriginRequest, events: ExchangeEvents) {
    this.#group = group;
    const { sticky } = group;
    this.#wanted = sticky?.wanted(request.lines);
    this.#request = sticky === undefined ? request : { ...request, lines: sticky.without(request.lines) };
    this.#events = events;
    this.urgency = request.urgency;
    this.#repeatable = request.body === null && IDEMPOTENT.has(request.method);
    if (request.body !== null && group.size > 1) this.#body = new LentBody(request.body);
  }

  start(): void {
    const { now, hedge } = this.#group.options;
    this.#group.active += 1;
    this.#group.retryAllowance.earn(now());
    if (hedge.after !== 'none') this.#group.hedgeAllowance.earn(now());
    this.proceed();
  }

  /** To the next server, if there is one that has room. */
  proceed(): void {
    const choice = this.#group.choose(this.#request, this.#tried, this.#repeatable, this.#wanted);
    if (choice === 'full') return this.#group.line.join(this);
    if (choice === 'none') return this.#failSoon('unavailable');
    this.#ask(choice);
    if (this.#tried.length === 1) this.#hedge();
  }

  onRefused(reason: 'full' | 'timeout' | 'closing'): void {
    this.#failSoon(reason === 'closing' ? 'closing' : 'overloaded');
  }

  pause(): void {
    this.#paused = true;
    this.#winner?.exchange?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#winner?.exchange?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#end();
    this.#group.line.leave(this);
    for (const attempt of this.#running.splice(0)) attempt.giveUp();
    this.#group.released();
  }

  interim(attempt: Attempt, ...interim: Parameters<ExchangeEvents['onInterim']>): void {
    if (this.#running.length === 1 && this.#running[0] === attempt) this.#events.onInterim(...interim);
  }

  /** @returns whether the head is taken: then its body is wanted as well. */
  head(attempt: Attempt, response: OriginResponse): boolean {
    if (this.#isRetried(response.status)) {
      const next = this.#another();
      if (next !== undefined) {
        this.#remove(attempt);
        attempt.giveUp();
        this.#retry(next);
        return false;
      }
      // Another is being asked already: it may do better.
      if (this.#running.length > 1) {
        this.#remove(attempt);
        attempt.giveUp();
        return false;
      }
    }
    this.#winner = attempt;
    this.#remove(attempt);
    for (const other of this.#running.splice(0)) other.giveUp();
    this.#running.push(attempt);
    clearTimeout(this.#timer);
    const attempts = this.#tried.length + response.attempts - 1;
    this.#events.onHead({ ...response, attempts, from: attempt.place, sticky: this.#sticky(attempt) });
    if (this.#paused) attempt.exchange?.pause();
    return true;
  }

  data(chunk: Buffer): void {
    this.#events.onData(chunk);
  }

  switched(attempt: Attempt, response: OriginResponse, end: RawEnd): void {
    this.#remove(attempt);
    this.#end();
    const sticky = this.#sticky(attempt);
    this.#events.onSwitch({ ...response, attempts: this.#tried.length, from: attempt.place, sticky }, end);
  }

  done(): void {
    this.#end();
    this.#group.released();
    this.#events.onEnd();
  }

  failed(attempt: Attempt, failure: OriginFailure): void {
    this.#remove(attempt);
    this.#group.released();
    if (this.#winner === undefined) {
      if (this.#running.length > 0) return;
      const next = this.#mayRetry(failure) ? this.#another() : undefined;
      if (next !== undefined) return this.#retry(next);
    }
    this.#end();
    this.#events.onFailure(failure.at(attempt.place, this.#tried.length));
  }

  /** The cookie for the client, unless it has one of a server that it may come back to. */
  #sticky({ server }: Attempt): StickyCookie | undefined {
    const wanted = this.#wanted;
    if (wanted !== undefined && (wanted === server || wanted.admits(this.#group.options.now()) !== 'no'))
      return undefined;
    return this.#group.sticky?.cookieFor(server);
  }

  #ask(server: Server): void {
    this.#tried.push(server);
    const { options } = this.#group;
    const { lines } = this.#request;
    const attempt = new Attempt(this, this.#group, server);
    this.#running.push(attempt);
    attempt.start({
      ...this.#request,
      // Host comes first (forwarded.ts).
      lines: options.ownHost ? ['host', server.origin.authority, ...lines.slice(2)] : lines,
      body: this.#body?.lend() ?? this.#request.body,
    });
  }

  #retry(server: Server): void {
    this.#group.retries += 1;
    this.#ask(server);
  }

  /** A server for one more try, if that is allowed. */
  #another(): Server | undefined {
    const { options, retryAllowance } = this.#group;
    if (this.#tried.length > options.retries.attempts) return undefined;
    const choice = this.#group.choose(this.#request, this.#tried, this.#repeatable, this.#wanted);
    if (typeof choice === 'string' || !retryAllowance.spend(options.now())) return undefined;
    return choice;
  }

  #mayRetry({ kind }: OriginFailure): boolean {
    const setting = RETRIED[kind];
    if (setting === undefined || !this.#group.options.retries.on.includes(setting)) return false;
    if (this.#repeatable) return true;
    // No connection, so that nothing was sent: any request may go elsewhere.
    return setting === 'connect' && (this.#request.body === null || this.#body?.touched === false);
  }

  #isRetried(status: number): boolean {
    return this.#repeatable && isIn(this.#group.options.retries.statuses, status);
  }

  /** Sets the clock for a second server. */
  #hedge(): void {
    const { hedge } = this.#group.options;
    const { method, body, upgrade } = this.#request;
    if (
      hedge.after === 'none' ||
      this.#wanted !== undefined ||
      body !== null ||
      upgrade !== undefined ||
      (method !== 'GET' && method !== 'HEAD')
    )
      return;
    const ms = 'ms' in hedge.after ? hedge.after.ms : this.#group.times.percentile(hedge.after.percentile);
    if (ms === undefined) return;
    this.#timer = setTimeout(() => this.#askSecond(), ms);
  }

  #askSecond(): void {
    const { options, hedgeAllowance } = this.#group;
    if (this.#ended || this.#winner !== undefined || this.#running.length !== 1) return;
    const choice = this.#group.choose(this.#request, this.#tried, true, undefined, false);
    if (typeof choice === 'string' || !hedgeAllowance.spend(options.now())) return;
    this.#group.hedges += 1;
    this.#ask(choice);
  }

  #failSoon(kind: FailureKind): void {
    queueMicrotask(() => {
      if (this.#ended) return;
      this.#end();
      this.#events.onFailure(new OriginFailure(kind));
    });
  }

  #remove(attempt: Attempt): void {
    const at = this.#running.indexOf(attempt);
    if (at >= 0) this.#running.splice(at, 1);
  }

  #end(): void {
    this.#ended = true;
    this.#group.active -= 1;
    clearTimeout(this.#timer);
  }
}

/** One request to one server, and what it says of the server's health. */
class Attempt implements ExchangeEvents {
  exchange: Exchange | undefined;
  readonly #of: GroupExchange;
  readonly #group: Group;
  readonly server: Server;
  readonly #begunAt = performance.now();
  #isTrial = false;
  #answered = false;
  /** The status says that the server is not well. */
  #unwell = false;

  constructor(of: GroupExchange, group: Group, server: Server) {
    this.#of = of;
    this.#group = group;
    this.server = server;
  }

  get place(): Place {
    return { group: this.#group.options.name, server: this.server.id };
  }

  start(request: OriginRequest): void {
    this.#isTrial = this.server.begin(this.#group.options.now());
    this.exchange = this.server.origin.send(request, this);
  }

  giveUp(): void {
    this.exchange?.abort();
    if (this.#isTrial && !this.#answered) this.server.gaveUp();
  }

  onInterim(...interim: Parameters<ExchangeEvents['onInterim']>): void {
    this.#of.interim(this, ...interim);
  }

  onHead(response: OriginResponse): void {
    const { options, times } = this.#group;
    const ms = performance.now() - this.#begunAt;
    this.#answered = true;
    this.server.answered(ms);
    times.add(ms);
    this.#unwell = isIn(options.health.statuses, response.status);
    if (this.#unwell) this.server.failed(options.now(), `status ${response.status}`);
    else if (this.#isTrial) this.server.succeeded(options.now());
    this.#of.head(this, response);
  }

  onData(chunk: Buffer): void {
    this.#of.data(chunk);
  }

  onEnd(): void {
    if (!this.#unwell) this.server.succeeded(this.#group.options.now());
    this.#of.done();
  }

  onSwitch(...switched: Parameters<ExchangeEvents['onSwitch']>): void {
    this.#answered = true;
    this.server.succeeded(this.#group.options.now());
    this.#of.switched(this, ...switched);
  }

  onFailure(failure: OriginFailure): void {
    if (failure.side === 'origin') this.server.failed(this.#group.options.now(), failure.kind);
    else if (this.#isTrial && !this.#answered) this.server.gaveUp();
    this.#of.failed(this, failure);
  }
}

function isIn(ranges: readonly (readonly [number, number])[], status: number): boolean {
  return ranges.some(([from, to]) => status >= from && status <= to);
}
