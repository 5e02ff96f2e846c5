// The admin listener: health, readiness, metrics, purging by JSON. Its own port, so that it is never cached or exposed with
// the site. Answers by the same door as the edge.

import type { Selector } from '../../storage/journal.ts';
import type { Request, Responder } from '../http/message.ts';
import { sendJson, sendText } from '../local.ts';
import type { Log } from '../observe/log.ts';
import { type PurgeDoor, statusOf } from '../purge-door.ts';
import type { PurgeReceipt } from './purger.ts';

/** A part of the program and whether it works; `ok: false` with `serving: true` is a slower edge, not a broken one. */
export interface Readiness {
  readonly ready: boolean;
  readonly disk: { readonly ok: boolean; readonly detail?: string } | 'none';
}

export interface AdminOptions {
  readonly metrics: () => Promise<string>;
  readonly readiness: () => Readiness;
  readonly purgeDoor: PurgeDoor;
  /** The scheme-less URL that a purge of an absolute URL selects, normalised as its route says; undefined for no http(s) URL. */
  readonly purgeUrlOf: (url: string) => string | undefined;
  readonly recentPurges: (limit: number) => readonly unknown[];
  readonly log: Log;
}

type Answer = (request: Request, responder: Responder) => void;

const MAX_BODY_BYTES = 1024 * 1024;
const RECENT = 100;

/** Makes the handler of the admin listener. */
export function adminHandler(options: AdminOptions): Answer {
  const routes: Readonly<Record<string, Readonly<Record<string, Answer>>>> = {
    '/healthz': { GET: (_, responder) => sendText(responder, 200, 'The process answers.') },
    '/readyz': {
      GET: (_, responder) => {
        const readiness = options.readiness();
        sendJson(responder, readiness.ready ? 200 : 503, readiness);
      },
    },
    '/metrics': { GET: (_, responder) => sendMetrics(options, responder) },
    '/purges': { GET: (_, responder) => sendJson(responder, 200, options.recentPurges(RECENT)) },
    '/purge': { POST: (request, responder) => purge(options, request, responder) },
  };
  return (request, responder) => {
    const [path = ''] = request.target.split('?');
    const methods = routes[path];
    if (methods === undefined) {
      sendText(responder, 404, `Here are ${Object.keys(routes).join(', ')}.`);
      return;
    }
    const answer = methods[request.method === 'HEAD' ? 'GET' : request.method];
    if (answer !== undefined) return answer(request, responder);
    const allow = Object.keys(methods).join(', ');
    sendText(responder, 405, `${path} takes ${allow}.`, ['Allow', allow]);
  };
}

function sendMetrics({ metrics, log }: AdminOptions, responder: Responder): void {
  metrics().then(
    (page) => {
      const body = Buffer.from(page);
      const lines = ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8'];
      responder.send({ status: 200, lines, length: body.length }, body);
    },
    (error: unknown) => {
      log.error({ err: error }, 'the metrics could not be made');
      sendText(responder, 500, 'The metrics could not be made; the log says why.');
    },
  );
}

/** POST /purge: {"urls": ["http://host/path", …]} or {"everything": true}. */
function purge(options: AdminOptions, request: Request, responder: Responder): void {
  const refusal = options.purgeDoor.refusal(request);
  if (refusal !== undefined) {
    sendJson(responder, refusal.status, { error: refusal.error });
    return;
  }
  void carryOut(options, request).then(
    ({ status, body }) => sendJson(responder, status, body),
    (error: unknown) => {
      options.log.error({ err: error }, 'a purge failed');
      sendJson(responder, 500, { error: 'The purge could not be carried out.' });
    },
  );
}

async function carryOut(options: AdminOptions, request: Request): Promise<{ status: number; body: unknown }> {
  const text = await readBody(request);
  if (text === undefined)
    return { status: 413, body: { error: `The body is over ${MAX_BODY_BYTES} bytes.` } };
  const selectors = selectorsOf(text, options.purgeUrlOf);
  if (typeof selectors === 'string') return { status: 400, body: { error: selectors } };
  const receipts: PurgeReceipt[] = [];
  for (const selector of selectors) receipts.push(await options.purgeDoor.purge(selector, 'delete', request));
  const status = statusOf(receipts);
  return { status, body: receipts.length === 1 ? receipts[0] : { receipts } };
}

const FORM = 'a JSON object with "urls" (a list of absolute http or https URLs) or "everything": true';

/** @returns the selectors, or what is wrong with the body. */
function selectorsOf(text: string, purgeUrlOf: AdminOptions['purgeUrlOf']): readonly Selector[] | string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return `The body is no JSON; expected ${FORM}.`;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return `Expected ${FORM}.`;
  const unknown = Object.keys(body).find((name) => name !== 'urls' && name !== 'everything');
  if (unknown !== undefined) return `"${unknown.slice(0, 40)}" is not known; expected ${FORM}.`;
  if ('everything' in body && body.everything === true) return [{ kind: 'all' }];
  const urls = 'urls' in body ? body.urls : undefined;
  if (!Array.isArray(urls) || urls.length === 0) return `Expected ${FORM}.`;
  const selectors: Selector[] = [];
  for (const url of urls) {
    const named = typeof url === 'string' ? purgeUrlOf(url) : undefined;
    if (named === undefined) return `${JSON.stringify(url)?.slice(0, 200)} is no absolute http or https URL.`;
    selectors.push({ kind: 'url', url: named });
  }
  return selectors;
}

/** @returns undefined when the body is too large. */
async function readBody({ body }: Request): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body?.stream ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
