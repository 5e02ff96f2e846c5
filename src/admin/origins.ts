// GET /origins: the groups and what is known of their servers. POST /origins: the operator's word on one of them.

import { z } from 'zod';
import type { Request, Responder } from '../http/message.ts';
import { sendJson } from '../local.ts';
import type { Log } from '../observe/log.ts';
import type { Mode } from '../origin/health.ts';
import type { MergedGroup } from '../site/origin-report.ts';
import { readBody } from './body.ts';

export interface OriginsAdmin {
  /** What all workers know. */
  readonly report: () => Promise<readonly MergedGroup[]>;
  /** Resolves when all workers have heard of it; false when there is no such server. */
  readonly set: (group: string, server: string, mode: Mode) => Promise<boolean>;
}

const body = z.strictObject({
  group: z.string().max(1000),
  server: z.string().max(1000),
  state: z.enum(['up', 'drain', 'down']),
});

const FORM =
  'Give {"group": "NAME", "server": "URL", "state": "up", "drain" or "down"}, as GET /origins names them.';

export function sendOrigins({ report }: OriginsAdmin, log: Log, responder: Responder): void {
  report().then(
    (groups) => sendJson(responder, 200, groups),
    (error: unknown) => failed(error, log, responder),
  );
}

export function postOrigins(origins: OriginsAdmin, log: Log, request: Request, responder: Responder): void {
  carryOut(origins, log, request).then(
    ([status, value]) => sendJson(responder, status, value),
    (error: unknown) => failed(error, log, responder),
  );
}

async function carryOut(
  { report, set }: OriginsAdmin,
  log: Log,
  request: Request,
): Promise<[number, unknown]> {
  const text = await readBody(request);
  if (text === undefined) return [413, { error: 'The body is too large.' }];
  const parsed = body.safeParse(parseJson(text));
  if (!parsed.success) return [400, { error: FORM }];
  const { group, server, state } = parsed.data;
  if (!(await set(group, server, state)))
    return [404, { error: 'There is no such server; GET /origins names all.' }];
  log.info({ group, server, state, by: request.peer.address }, 'origin set by the operator');
  const now = (await report()).find((one) => one.group === group);
  return [200, now?.servers.find(({ url }) => url === server)];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(error: unknown, log: Log, responder: Responder): void {
  log.error({ err: error }, 'the origins could not be asked about');
  sendJson(responder, 500, { error: 'The workers did not answer; the log says why.' });
}
