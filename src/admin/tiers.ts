// A purge on its way to the edges behind this one, by their admin listeners. They come first: purged later than this edge,
// they could give it back what it has just forgotten. Owns the order's words on the wire and what the answer is taken for.

import { z } from 'zod';
import type { PurgeMode, Selector } from '../../storage/journal.ts';
import type { TierReceipt } from './receipt.ts';

/** The settings as they are now. */
export interface TierRules {
  readonly peers: readonly { readonly admin: string; readonly token: string | undefined }[];
  readonly timeoutMs: number;
}

const receipt = z.object({ id: z.string(), durable: z.boolean().optional() });
const answer = z.union([
  z.object({ receipts: z.array(receipt) }),
  receipt.transform((one) => ({ receipts: [one] })),
]);
const refusal = z.object({ error: z.string() });

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Carries purges out at every edge behind; resolves when all have answered, or can't be waited for.
 * @param loop CDN-Loop of the order, this edge in it (RFC 8586)
 */
export function passPurge(
  { peers, timeoutMs }: TierRules,
  selectors: readonly Selector[],
  mode: PurgeMode,
  loop: string,
): Promise<readonly TierReceipt[]> {
  return Promise.all(
    peers.map(async ({ admin, token }) => {
      const ids: string[] = [];
      try {
        for (const body of orders(selectors, mode))
          ids.push(...(await order(admin, token, loop, body, timeoutMs)));
        return { admin, purged: true, ids };
      } catch (error) {
        return { admin, purged: false, ids, detail: reason(error, timeoutMs) };
      }
    }),
  );
}

/** The bodies of POST /purge for selectors: one, or two where some URLs go with any query. */
export function orders(selectors: readonly Selector[], mode: PurgeMode): readonly object[] {
  if (selectors.some(({ kind }) => kind === 'all')) return [{ everything: true, mode }];
  const of = <K extends Selector['kind']>(kind: K): Extract<Selector, { kind: K }>[] =>
    selectors.filter((one): one is Extract<Selector, { kind: K }> => one.kind === kind);
  const lists = {
    urls: of('url').map(({ url }) => `http:${url}`),
    prefixes: of('prefix').map(({ prefix }) => `http:${prefix}*`),
    hosts: of('host').map(({ host }) => host),
    tags: of('tag').map(({ tag }) => Buffer.from(tag, 'latin1').toString('utf8')),
  };
  const named = Object.entries(lists).filter(([, list]) => list.length > 0);
  const anyQuery = of('path').map(({ path }) => `http:${path}`);
  return [
    ...(named.length === 0 ? [] : [{ ...Object.fromEntries(named), mode }]),
    ...(anyQuery.length === 0 ? [] : [{ urls: anyQuery, ignoreQuery: true, mode }]),
  ];
}

/** @returns the ids of the receipts @throws Error whose message says why there is none */
async function order(
  admin: string,
  token: string | undefined,
  loop: string,
  body: object,
  timeoutMs: number,
): Promise<readonly string[]> {
  const response = await fetch(`${admin}/purge`, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      'content-type': 'application/json',
      'cdn-loop': loop,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const said = await json(response);
  const receipts = answer.safeParse(said).data?.receipts;
  // 404: nothing stored there. 500: it holds there, but would not survive a restart.
  if (receipts !== undefined && [200, 404].includes(response.status)) return receipts.map(({ id }) => id);
  const detail = refusal.safeParse(said).data?.error;
  const why =
    response.status === 500 && receipts !== undefined
      ? 'it could not write the purge to its disk'
      : response.status === 502 && receipts !== undefined
        ? 'an edge behind it did not purge'
        : (detail ?? 'no receipt');
  throw new Error(`${response.status}: ${why}`);
}

async function json(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('a longer answer than a receipt');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function reason(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
