// POST /purge: authorise, read, limit, carry out, answer, in this order.

import type { Request, Responder } from '../http/message.ts';
import { sendJson } from '../local.ts';
import type { Log } from '../observe/log.ts';
import { type PurgeAnswer, type PurgeDoor, receiptsAnswer, refusalAnswer } from '../purge-door.ts';
import { MAX_BODY_BYTES, readBody } from './body.ts';
import { readPurge } from './purge-request.ts';
import type { Purger } from './purger.ts';
import type { KeyRulesFor } from './selectors.ts';

export interface PostPurgeOptions {
  readonly purgeDoor: PurgeDoor;
  readonly purger: Purger;
  readonly keyRulesFor: KeyRulesFor;
  /** Stored responses that one request has fetched again at most. */
  readonly refreshMax: () => number;
  readonly log: Log;
}

export function postPurge(options: PostPurgeOptions, request: Request, responder: Responder): void {
  carryOut(options, request).then(
    ({ status, body, lines }) => sendJson(responder, status, body, lines),
    (error: unknown) => {
      options.log.error({ err: error }, 'a purge failed');
      sendJson(responder, 500, { error: 'The purge could not be carried out.' });
    },
  );
}

async function carryOut(options: PostPurgeOptions, request: Request): Promise<PurgeAnswer> {
  const { purgeDoor, purger, keyRulesFor } = options;
  const refusal = purgeDoor.refusal(request);
  if (refusal !== undefined) return refusalAnswer(refusal);
  const text = await readBody(request);
  if (text === undefined)
    return refusalAnswer({ status: 413, error: `The body is over ${MAX_BODY_BYTES} bytes.` });
  const read = readPurge(text, keyRulesFor);
  if (read.kind === 'refused') return refusalAnswer(read);
  const { selectors, mode, dryRun, refresh } = read.request;
  const limit = await purgeDoor.limited(selectors.length);
  if (limit !== undefined) return refusalAnswer(limit);
  const by = request.peer.address;
  const receipts = dryRun
    ? await Promise.all(selectors.map((selector) => purger.dryRun(selector, mode, by)))
    : await purgeDoor.purge(selectors, mode, request);
  if (!refresh) return receiptsAnswer(receipts);
  const max = Math.ceil(options.refreshMax() / receipts.length);
  return receiptsAnswer(receipts.map((receipt) => purger.refresh(receipt, max)));
}
