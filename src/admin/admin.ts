// The admin listener: health, readiness, metrics, purging by JSON, what is stored. Its own port, so that it is never cached
// or exposed with the site. Answers by the same door as the edge.

import type { Request, Responder } from '../http/message.ts';
import { sendJson, sendText } from '../local.ts';
import type { NodesHealth } from '../nodes.ts';
import type { Log } from '../observe/log.ts';
import type { PurgeDoor } from '../purge-door.ts';
import type { Reload } from '../reload.ts';
import type { Inspected } from './inspect.ts';
import { type OriginsAdmin, postOrigins, sendOrigins } from './origins.ts';
import { postPurge } from './post-purge.ts';
import type { Purger } from './purger.ts';
import { type KeyRulesFor, urlSelector } from './selectors.ts';

/** A part of the program and whether it works; `ok: false` with `serving: true` is a slower edge, not a broken one. */
export interface Readiness {
  readonly ready: boolean;
  /** Where there are several nodes. */
  readonly shared?: NodesHealth['shared'];
  readonly nodes?: NodesHealth['nodes'];
  readonly disk: { readonly ok: boolean; readonly detail?: string } | 'none';
}

export interface AdminOptions {
  readonly metrics: () => Promise<string>;
  readonly readiness: () => Readiness;
  readonly reload: (by: string) => Promise<Reload>;
  readonly origins: OriginsAdmin;
  readonly purgeDoor: PurgeDoor;
  readonly purger: Purger;
  readonly keyRulesFor: KeyRulesFor;
  readonly refreshMax: () => number;
  /** What is stored under a scheme-less URL, in every tier and worker. */
  readonly inspect: (url: string) => Promise<readonly Inspected[]>;
  readonly log: Log;
}

type Answer = (request: Request, responder: Responder) => void;

const RECENT = 100;
const PURGES = '/purges/';

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
    '/purges': {
      GET: guarded(options, (_, responder) => sendJson(responder, 200, options.purger.recent(RECENT))),
    },
    [`${PURGES}ID`]: {
      GET: guarded(options, (request, responder) => sendPurge(options, request, responder)),
    },
    '/reload': { POST: guarded(options, (request, responder) => sendReload(options, request, responder)) },
    '/origins': {
      GET: guarded(options, (_, responder) => sendOrigins(options.origins, options.log, responder)),
      POST: guarded(options, (request, responder) =>
        postOrigins(options.origins, options.log, request, responder),
      ),
    },
    '/purge': { POST: (request, responder) => postPurge(options, request, responder) },
    '/inspect': { GET: guarded(options, (request, responder) => sendInspected(options, request, responder)) },
  };
  return (request, responder) => {
    const [path = ''] = request.target.split('?');
    const methods = routes[path.startsWith(PURGES) ? `${PURGES}ID` : path];
    if (methods === undefined) {
      sendText(responder, 404, `Here are ${Object.keys(routes).join(', ')}.`);
      return;
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    // A client's method may have the name of what every object has.
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answer !== undefined) return answer(request, responder);
    const allow = Object.keys(methods).join(', ');
    sendText(responder, 405, `${path} takes ${allow}.`, ['Allow', allow]);
  };
}

/** What is stored, and who purged, is for those who may purge. */
function guarded({ purgeDoor }: AdminOptions, answer: Answer): Answer {
  return (request, responder) => {
    const refusal = purgeDoor.refusal(request);
    if (refusal === undefined) return answer(request, responder);
    // The method is right; nobody may.
    const status = refusal.status === 405 ? 403 : refusal.status;
    sendJson(responder, status, { error: refusal.error }, refusal.lines ?? []);
  };
}

/** 200 with what waits for a restart; 409 with the faults where the old settings stay. */
function sendReload({ reload, log }: AdminOptions, request: Request, responder: Responder): void {
  reload(request.peer.address).then(
    (result) => sendJson(responder, result.ok ? 200 : 409, result),
    (error: unknown) => {
      log.error({ err: error }, 'the reload failed');
      sendJson(responder, 500, { error: 'The reload failed; the log says why.' });
    },
  );
}

function sendPurge({ purger }: AdminOptions, request: Request, responder: Responder): void {
  const [path = ''] = request.target.split('?');
  const receipt = purger.receipt(path.slice(PURGES.length));
  if (receipt === undefined) sendJson(responder, 404, { error: 'No purge of that id is known any more.' });
  else sendJson(responder, 200, receipt);
}

/** GET /inspect?url=http://host/path */
function sendInspected(
  { inspect, keyRulesFor, log }: AdminOptions,
  request: Request,
  responder: Responder,
): void {
  const given = new URLSearchParams(request.target.split('?').slice(1).join('?')).get('url');
  const selector = given === null ? undefined : urlSelector(given, keyRulesFor);
  if (selector?.kind !== 'url') {
    sendJson(responder, 400, { error: 'Give ?url= and an absolute http or https URL, percent-encoded.' });
    return;
  }
  inspect(selector.url).then(
    (responses) => sendJson(responder, 200, { url: selector.url, responses }),
    (error: unknown) => {
      log.error({ err: error }, 'the store could not be inspected');
      sendJson(responder, 500, { error: 'The store could not be read; the log says why.' });
    },
  );
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
