// What the edge answers by itself, without cache and origin: refusals and errors, what the settings say, a last hop.

import { ALLOWED_METHODS, type Refusal } from './admit.ts';
import { formatCacheStatus, xCache } from './cache/cache-status.ts';
import type { FieldLines } from './http/fields.ts';
import type { Request, Responder } from './http/message.ts';
import { sendText } from './local.ts';
import type { Access } from './observe/access.ts';
import type { AccessRecord } from './observe/outcome.ts';
import type { Identity } from './origin/forwarded.ts';
import { edited } from './site/edits.ts';
import type { LocalAnswer } from './site/local-answer.ts';
import type { Route } from './site/route.ts';

export interface OwnWordsOptions {
  readonly identity: Identity;
  readonly access: Access;
}

/** Of an access record, what is known before it is sent. */
export type Sent = Omit<AccessRecord, 'status' | 'bytes'>;

/** RFC 9110 §9.3.8: what was received, without fields that hold secrets. */
const SECRETS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

function traceBody({ method, target, version, fields }: Request): Buffer {
  let text = `${method} ${target} HTTP/${version}\r\n`;
  const { lines } = fields.without(SECRETS);
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

export class OwnWords {
  readonly #options: OwnWordsOptions;

  constructor(options: OwnWordsOptions) {
    this.#options = options;
  }

  /** The edge's own no. */
  refused(request: Request, responder: Responder, refusal: Refusal, route?: Route): void {
    const { status, sentence, detail, lines = [], rule } = refusal;
    const cacheStatus = formatCacheStatus(this.#options.identity.name, { detail });
    this.error(
      request,
      responder,
      status,
      sentence,
      { outcome: 'refused', cacheStatus, reason: detail, rule },
      lines,
      route,
    );
  }

  /** What the settings answer themselves. */
  local(
    request: Request,
    responder: Responder,
    { status, lines, body, detail }: LocalAnswer,
    route: Route,
  ): void {
    const cacheStatus = formatCacheStatus(this.#options.identity.name, { detail });
    const marked = [...lines, 'Cache-Status', cacheStatus, 'X-Cache', xCache('local')];
    const sent = route.responseEdits === undefined ? marked : edited(marked, route.responseEdits);
    const content = status === 204 || status === 304 ? null : body;
    responder.send({ status, lines: sent, length: content?.length, once: true }, content);
    const bytes = request.method === 'HEAD' ? 0 : (content?.length ?? 0);
    this.#options.access.record(request, { outcome: 'local', status, bytes, cacheStatus, reason: detail });
  }

  /** OPTIONS or TRACE with Max-Forwards: 0 (RFC 9110 §7.6.2): this edge is the final recipient. */
  lastHop(request: Request, responder: Responder): void {
    const cacheStatus = formatCacheStatus(this.#options.identity.name, { detail: 'max-forwards' });
    const marks = ['Cache-Status', cacheStatus, 'X-Cache', xCache('local')];
    const body = request.method === 'TRACE' ? traceBody(request) : null;
    const lines =
      body === null ? ['Allow', ALLOWED_METHODS, ...marks] : ['Content-Type', 'message/http', ...marks];
    responder.send({ status: 200, lines, length: body?.length ?? 0 }, body);
    this.#options.access.record(request, {
      outcome: 'local',
      status: 200,
      bytes: body?.length ?? 0,
      cacheStatus,
    });
  }

  /** A short text. @param sent for the record */
  error(
    request: Request,
    responder: Responder,
    status: number,
    sentence: string,
    sent: Sent,
    more: FieldLines = [],
    route?: Route,
  ): void {
    const plain = [...more, 'Cache-Status', sent.cacheStatus, 'X-Cache', xCache(sent.outcome)];
    const lines = route?.responseEdits === undefined ? plain : edited(plain, route.responseEdits);
    const bytes = sendText(responder, status, sentence, lines);
    this.#options.access.record(request, { ...sent, status, bytes: request.method === 'HEAD' ? 0 : bytes });
  }
}
