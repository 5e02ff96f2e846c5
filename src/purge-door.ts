// PURGE by method on the client listener: who may, what for, and the receipt as the answer. Who may is decided by the
// socket's address or a bearer token, never by a forwarded field.

import { timingSafeEqual } from 'node:crypto';
import type { PurgeMode, Selector } from '../storage/journal.ts';
import type { PurgeReceipt } from './admin/purger.ts';
import { formatCacheStatus } from './cache/cache-status.ts';
import { purgeUrl } from './cache/key.ts';
import type { Request, Responder } from './http/message.ts';
import { sendJson } from './local.ts';
import type { Access } from './observe/access.ts';
import type { Log } from './observe/log.ts';
import type { AddressTest } from './origin/forwarded.ts';

export interface PurgeDoorOptions {
  /** Name of this cache in Cache-Status. */
  readonly name: string;
  readonly allowed: AddressTest;
  /** True when no address is allowed and there is no token: purging is switched off. */
  readonly closed: boolean;
  readonly token: string | undefined;
  readonly purge: (selector: Selector, mode: PurgeMode, by: string) => Promise<PurgeReceipt>;
  readonly access: Access;
  readonly log: Log;
}

/** Why a purge is refused; `undefined` lets it in. */
export type PurgeRefusal = { readonly status: 401 | 403 | 405; readonly error: string } | undefined;

export class PurgeDoor {
  readonly #options: PurgeDoorOptions;

  constructor(options: PurgeDoorOptions) {
    this.#options = options;
  }

  /** PURGE for the URL with these cache keys: its own, and the one it is equivalent to by No-Vary-Search. */
  handle(request: Request, responder: Responder, keys: readonly string[]): void {
    const refusal = this.refusal(request);
    if (refusal !== undefined) {
      const lines = refusal.status === 401 ? ['WWW-Authenticate', 'Bearer'] : [];
      return this.#answer(request, responder, refusal.status, { error: refusal.error }, lines);
    }
    const purges = keys.map((key) => this.purge({ kind: 'url', url: purgeUrl(key) }, 'delete', request));
    Promise.all(purges).then(
      (receipts) =>
        this.#answer(
          request,
          responder,
          statusOf(receipts),
          receipts.length === 1 ? receipts[0] : { receipts },
        ),
      (error: unknown) => {
        this.#options.log.error({ err: error, keys }, 'a purge failed');
        this.#answer(request, responder, 500, { error: 'The purge could not be carried out.' });
      },
    );
  }

  /** Whether this request may purge. */
  refusal(request: Request): PurgeRefusal {
    const { allowed, closed, token } = this.#options;
    if (closed)
      return { status: 405, error: 'Purging is switched off: purge.allow is empty and there is no token.' };
    const given = request.fields.get('authorization');
    if (given !== undefined && token !== undefined) {
      return isToken(given, token)
        ? undefined
        : { status: 401, error: 'The bearer token is not the one of purge.token.' };
    }
    if (allowed(request.peer.address)) return undefined;
    if (token !== undefined)
      return { status: 401, error: 'Purging from this address needs the bearer token.' };
    return { status: 403, error: `Purging is not allowed from ${request.peer.address}.` };
  }

  /** Purges, and writes who did it into the log. */
  async purge(selector: Selector, mode: PurgeMode, request: Request): Promise<PurgeReceipt> {
    const receipt = await this.#options.purge(selector, mode, request.peer.address);
    const level = receipt.durable ? 'info' : 'error';
    this.#options.log[level]({ receipt }, 'purge');
    return receipt;
  }

  #answer(
    request: Request,
    responder: Responder,
    status: number,
    body: unknown,
    lines: readonly string[] = [],
  ): void {
    const cacheStatus = formatCacheStatus(this.#options.name, { detail: 'purge' });
    const bytes = sendJson(responder, status, body, [...lines, 'Cache-Status', cacheStatus]);
    this.#options.access.record(request, { outcome: 'local', status, bytes, cacheStatus });
  }
}

/** 200: something was purged or overtaken; 404: nothing matched; 500: it holds, but would not survive a restart. */
export function statusOf(receipts: readonly PurgeReceipt[]): 200 | 404 | 500 {
  if (receipts.some(({ durable }) => !durable)) return 500;
  const effective = receipts.some(
    ({ matched, fenced, selector }) =>
      selector.kind !== 'url' || fenced > 0 || Object.values(matched).some((tier) => tier.responses > 0),
  );
  return effective ? 200 : 404;
}

/** Compares in constant time (the lengths may be told). RFC 6750 §2.1; the scheme is case-insensitive. */
function isToken(authorization: string, token: string): boolean {
  const given = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
