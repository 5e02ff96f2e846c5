// The door of purging: who may, how often, and PURGE by method on the client listener with the receipt as its answer. Who
// may is decided by the socket's address or a bearer token, never by a forwarded field.

import { timingSafeEqual } from 'node:crypto';
import type { PurgeMode, Selector } from '../storage/journal.ts';
import type { PurgeReceipt, TierReceipt } from './admin/receipt.ts';
import { formatCacheStatus } from './cache/cache-status.ts';
import { purgeUrl } from './cache/key.ts';
import type { FieldLines, Fields } from './http/fields.ts';
import type { Request, Responder } from './http/message.ts';
import { sendJson } from './local.ts';
import type { Access } from './observe/access.ts';
import type { Log } from './observe/log.ts';
import { type AddressTest, addressTest, cdnLoopLine, type Identity, isLoop } from './origin/forwarded.ts';

/** What stands behind the door: the main thread's purger. */
export interface PurgeService {
  /** Carries purges out at the edges behind this one. @param loop CDN-Loop of the order, this edge in it */
  pass(selectors: readonly Selector[], mode: PurgeMode, loop: string): Promise<readonly TierReceipt[]>;
  /** Purges here. @param tiers what the edges behind have answered */
  purge(
    selector: Selector,
    mode: PurgeMode,
    by: string,
    tiers?: readonly TierReceipt[],
  ): Promise<PurgeReceipt>;
  /**
   * The other nodes shall forget a URL, `//host/path?query`, that an unsafe request has invalidated here. In effect here when
   * this resolves, sent behind.
   * @param found whether anything of it was stored; where not, few are sent
   */
  announce(url: string, by: string, found: boolean): Promise<void>;
  /** Asks leave for so many purges. Resolves with 0, or with the ms to wait first (the rate limit). */
  admit(purges: number): Promise<number>;
}

/** Who may purge. */
export interface PurgeRules {
  /** CIDR texts. */
  readonly allow: readonly string[];
  readonly token: string | undefined;
}

export interface PurgeDoorOptions {
  readonly identity: Identity;
  /** Until `use`. */
  readonly rules: PurgeRules;
  readonly service: PurgeService;
  readonly access: Access;
  readonly log: Log;
}

/** Why a purge is refused; `undefined` lets it in. */
export interface PurgeRefusal {
  readonly status: 400 | 401 | 403 | 405 | 413 | 429 | 508;
  readonly error: string;
  readonly lines?: FieldLines;
}

export class PurgeDoor {
  readonly #options: PurgeDoorOptions;
  #rules: PurgeRules;
  #allowed: AddressTest;

  constructor(options: PurgeDoorOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#allowed = addressTest(options.rules.allow);
  }

  use(rules: PurgeRules): void {
    this.#rules = rules;
    this.#allowed = addressTest(rules.allow);
  }

  /** PURGE for the URL with these cache keys: its own, and the one it is equivalent to by No-Vary-Search. */
  handle(request: Request, responder: Responder, keys: readonly string[]): void {
    this.#carryOut(request, keys).then(
      (answer) => this.#answer(request, responder, answer),
      (error: unknown) => {
        this.#options.log.error({ err: error, keys }, 'a purge failed');
        const body = { error: 'The purge could not be carried out.' };
        this.#answer(request, responder, { status: 500, body, lines: [] });
      },
    );
  }

  async #carryOut(request: Request, keys: readonly string[]): Promise<PurgeAnswer> {
    const order = orderOf(request.fields, keys);
    const refusal = this.refusal(request) ?? ('error' in order ? order : await this.limited(1));
    if (refusal !== undefined) return refusalAnswer(refusal);
    if ('error' in order) return refusalAnswer(order);
    return receiptsAnswer(await this.purge(order.selectors, order.mode, request));
  }

  /** Whether this request may purge. */
  refusal(request: Request): PurgeRefusal | undefined {
    if (isLoop(request.fields, this.#options.identity))
      return { status: 508, error: 'This purge has come from this edge: tier.purge leads in a circle.' };
    const { allow, token } = this.#rules;
    if (allow.length === 0 && token === undefined)
      return { status: 405, error: 'Purging is switched off: purge.allow is empty and there is no token.' };
    const given = request.fields.get('authorization');
    if (given !== undefined && token !== undefined) {
      return isToken(given, token)
        ? undefined
        : unauthorized('The bearer token is not the one of purge.token.');
    }
    if (this.#allowed(request.peer.address)) {
      // A page of any site can make its reader's browser send a POST from an address that may.
      return isFromElsewhere(request)
        ? { status: 403, error: 'Purging is not allowed from the page of another site.' }
        : undefined;
    }
    if (token !== undefined) return unauthorized('Purging from this address needs the bearer token.');
    return { status: 403, error: `Purging is not allowed from ${request.peer.address}.` };
  }

  /** The rate limit's word on so many purges. */
  async limited(purges: number): Promise<PurgeRefusal | undefined> {
    const waitMs = await this.#options.service.admit(purges);
    if (waitMs === 0) return undefined;
    const seconds = Math.ceil(waitMs / 1000);
    return {
      status: 429,
      error: `Too many purges; again in ${seconds} s (purge.rate, purge.burst).`,
      lines: ['Retry-After', String(seconds)],
    };
  }

  /** Purges at the edges behind, then here, and writes who did it into the log. */
  async purge(
    selectors: readonly Selector[],
    mode: PurgeMode,
    { fields, peer }: Request,
  ): Promise<readonly PurgeReceipt[]> {
    const { service, identity, log } = this.#options;
    const tiers = await service.pass(selectors, mode, cdnLoopLine(fields, identity));
    const receipts = await Promise.all(
      selectors.map((selector) => service.purge(selector, mode, peer.address, tiers)),
    );
    for (const receipt of receipts)
      log[receipt.durable === false || !heldBehind(receipt) ? 'error' : 'info']({ receipt }, 'purge');
    return receipts;
  }

  #answer(request: Request, responder: Responder, { status, body, lines }: PurgeAnswer): void {
    const cacheStatus = formatCacheStatus(this.#options.identity.name, { detail: 'purge' });
    const bytes = sendJson(responder, status, body, [...lines, 'Cache-Status', cacheStatus]);
    this.#options.access.record(request, { outcome: 'local', status, bytes, cacheStatus });
  }
}

/** What goes out for a purge. */
export interface PurgeAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly lines: FieldLines;
}

export function refusalAnswer({ status, error, lines = [] }: PurgeRefusal): PurgeAnswer {
  return { status, body: { error }, lines };
}

/** One receipt as it is, several in a list. */
export function receiptsAnswer(receipts: readonly PurgeReceipt[]): PurgeAnswer {
  const body = receipts.length === 1 ? receipts[0] : { receipts };
  return { status: statusOf(receipts), body, lines: [] };
}

/**
 * 200: it has an effect, or may have; 404: the URLs named nothing stored; 500: it holds, but would not survive a restart; 502: it
 * holds here, but not at an edge behind.
 */
function statusOf(receipts: readonly PurgeReceipt[]): 200 | 404 | 500 | 502 {
  if (!receipts.every(heldBehind)) return 502;
  if (receipts.some(({ durable }) => durable === false)) return 500;
  const inVain = receipts.every(
    ({ selector, dryRun, counting, tiers, fenced = 0, matched = {} }) =>
      (selector.kind === 'url' || selector.kind === 'path') &&
      dryRun !== true &&
      counting !== true &&
      tiers === undefined &&
      fenced === 0 &&
      Object.values(matched).every((tier) => tier.responses === 0),
  );
  return inVain ? 404 : 200;
}

function heldBehind({ tiers = [] }: PurgeReceipt): boolean {
  return tiers.every(({ purged }) => purged);
}

type Order = { readonly selectors: readonly Selector[]; readonly mode: PurgeMode };

/** What the fields of a PURGE make of it: X-Purge-Mode, X-Purge-Query, and Fastly's word for a soft purge. */
function orderOf(fields: Fields, keys: readonly string[]): Order | PurgeRefusal {
  const mode =
    fields.get('x-purge-mode') ?? (fields.get('fastly-soft-purge') === '1' ? 'invalidate' : 'delete');
  if (mode !== 'invalidate' && mode !== 'delete')
    return { status: 400, error: 'X-Purge-Mode is "invalidate" or "delete".' };
  const query = fields.get('x-purge-query') ?? 'keep';
  if (query !== 'keep' && query !== 'ignore')
    return { status: 400, error: 'X-Purge-Query is "keep" or "ignore".' };
  const urls = keys.map(purgeUrl);
  if (query === 'keep') return { mode, selectors: urls.map((url) => ({ kind: 'url', url })) };
  const [path = ''] = urls[0]?.split('?') ?? [];
  return { mode, selectors: [{ kind: 'path', path }] };
}

/** A browser says where a request comes from. */
function isFromElsewhere({ fields, authority }: Request): boolean {
  const origin = fields.get('origin');
  return origin !== undefined && URL.parse(origin)?.host !== authority;
}

function unauthorized(error: string): PurgeRefusal {
  return { status: 401, error, lines: ['WWW-Authenticate', 'Bearer'] };
}

/** Compares in constant time (the lengths may be told). RFC 6750 §2.1; the scheme is case-insensitive. */
function isToken(authorization: string, token: string): boolean {
  const given = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
