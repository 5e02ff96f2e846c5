// One record per request: counted always, logged when the access log is on. docs/logging.md lists the fields.

import type { Request } from '../http/message.ts';
import { Counters } from './counters.ts';
import type { Log } from './log.ts';
import type { AccessRecord } from './outcome.ts';

export interface AccessOptions {
  readonly counters: Counters;
  readonly log: Log;
  readonly enabled: boolean;
  /** Epoch ms. */
  readonly now: () => number;
}

export class Access {
  readonly #options: AccessOptions;
  /** Whether requests are logged. */
  enabled: boolean;
  /** Who asks, through trusted proxies; undefined knows the socket's address alone. */
  clientOf: ((request: Request) => { readonly address: string }) | undefined;
  /** Distinguishes this process's ids from those of the last. */
  readonly #prefix: string;
  #sequence = 0;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.enabled = options.enabled;
    this.#prefix = options.now().toString(36);
  }

  record(request: Request, result: AccessRecord): void {
    const { counters, log, now } = this.#options;
    const { asked } = result;
    const ms = now() - request.receivedAt;
    counters.outcomes[result.outcome].add(ms, result.bytes);
    if (result.collapsed === true) counters.collapsed++;
    if (result.outcome === 'refused') Counters.bump(counters.refusals, result.reason ?? 'unnamed');
    if (!this.enabled) return;
    this.#sequence++;
    log.info(
      {
        id: `${this.#prefix}-${this.#sequence.toString(36)}`,
        client: request.peer.address,
        for: this.#saidOf(request),
        method: request.method,
        scheme: request.scheme,
        host: request.authority,
        target: request.target,
        http: request.version,
        tls: request.peer.tls?.version,
        status: result.status,
        bytes: result.bytes,
        received: result.received,
        ms,
        outcome: result.outcome,
        cache: result.cacheStatus,
        tier: result.tier,
        collapsed: result.collapsed,
        stored: result.stored,
        reason: result.reason,
        rule: result.rule ?? request.rule,
        user: request.user?.name,
        failure: result.failure,
        side: result.side,
        group: asked?.from?.group,
        server: asked?.from?.server,
        attempts: asked?.attempts === 1 ? undefined : asked?.attempts,
        originMs: asked?.ms,
        incomplete: result.incomplete,
        ended: result.ended,
        dialled: result.dialled,
      },
      'request',
    );
  }

  /** Where a trusted proxy says another than itself. */
  #saidOf(request: Request): string | undefined {
    const address = this.clientOf?.(request).address;
    return address === request.peer.address ? undefined : address;
  }
}
