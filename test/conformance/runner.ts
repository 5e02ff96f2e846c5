// Plays conformance rows against the whole edge over real sockets: one scripted origin and one clock for a test file, one
// edge for each group of settings, each row on its own URL. Time passes only where a row says so.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CacheStatus, cacheStatus, get, type Response } from '../support/client.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { startEdge, type TestEdge } from '../support/edge.ts';
import { garbage, hangUp, type RecordedRequest, type ScriptedOrigin, scriptedOrigin, type Step as Script } from '../support/origin.ts';
import { playReply } from '../support/reply.ts';
import { flatHeaders, type HeaderInput } from '../support/wire.ts';
import type { Answer, Expect, Row, Settings, Step, Table, Wanted } from './row.ts';
import { fill, type Places } from './texts.ts';

interface Stage {
  readonly clock: ManualClock;
  readonly origin: ScriptedOrigin;
  readonly edgeFor: (settings: Settings | undefined) => Promise<TestEdge>;
}

/** One test for each row. */
export function conformance(...tables: readonly Table[]): void {
  const edges = new Map<string, Promise<TestEdge>>();
  const clock = manualClock();
  let origin: ScriptedOrigin;
  beforeAll(async () => {
    origin = await scriptedOrigin({ now: clock.now });
  });
  afterAll(async () => {
    for (const edge of edges.values()) await (await edge).close();
    await origin.close();
  });
  const edgeFor = (settings: Settings = {}): Promise<TestEdge> => {
    const key = JSON.stringify(settings);
    const edge = edges.get(key) ?? startEdge({ origin: origin.url, settings, clock });
    edges.set(key, edge);
    return edge;
  };
  for (const { topic, rows } of tables) {
    describe(topic, () => {
      for (const row of rows) {
        it(`${row.id}: ${row.title} (${row.clause}, ${row.kind})`, async () => {
          expect(await play(row, { clock, origin, edgeFor })).toEqual([]);
        });
      }
    });
  }
}

/** What an origin answer looks like at the client. */
interface Delivery {
  readonly status: number;
  readonly body: string;
}

/** @returns what was otherwise than expected, one sentence each. */
async function play(row: Row, { clock, origin, edgeFor }: Stage): Promise<readonly string[]> {
  const edge = await edgeFor(row.settings);
  const path = `/c/${row.id}`;
  const startedAt = clock.now();
  const delivered: (Delivery | undefined)[] = [];
  const faults: string[] = [];
  let script: Answer | readonly Answer[] = { status: 500 };
  let latest: number | undefined;

  for (const [index, step] of row.steps.entries()) {
    clock.advance((step.advance ?? 0) * 1000);
    script = step.origin ?? script;
    const number = index + 1;
    const places: Places = { startedAt, now: clock.now(), path, url: edge.url + path };
    const answers = (isList(script) ? script : [script]).map((answer) => prepare(answer, places, `${row.id} ${number}`));
    const before = origin.requests().length;
    const held = Promise.withResolvers<void>();
    const scripts = answers.map((answer) => scriptOf(answer, clock, step.together === undefined ? undefined : held.promise));
    const [first = hangUp, ...rest] = scripts;
    origin.on('*', first, ...rest);

    const responses = await send(edge, origin, path, step, places, before, held.resolve);
    if (step.settle === true) await idle(edge);
    const requests = origin.requests().slice(before);
    delivered.push(deliveryOf(answers));
    const wanted: Expect = typeof step.expect === 'string' ? { outcome: step.expect } : step.expect;
    const own = wanted.outcome === 'fetched' || wanted.outcome === 'asked';
    const source = wanted.from ?? (own ? number : latest);
    const delivery = source === undefined ? undefined : delivered[source - 1];
    for (const response of responses) {
      for (const fault of check(wanted, response, requests, delivery, step, places)) {
        faults.push(`step ${number}: ${fault} [${response.status} ${response.headers['cache-status'] ?? 'without Cache-Status'}]`);
      }
    }
    if (own && (step.request?.method ?? 'GET') === 'GET') latest = number;
    if (faults.length > 0) {
      await idle(edge);
      break;
    }
  }
  return faults;
}

/** Texts filled in, and a body that tells the step. */
function prepare(answer: Answer, places: Places, body: string): Answer {
  if (answer.play === 'close') return answer;
  if (answer.play === 'bytes') return { ...answer, bytes: fill(answer.bytes, places) };
  const { headers, informational, ...reply } = answer;
  return {
    body: hasContent(answer.status ?? 200) ? body : '',
    ...reply,
    headers: filled(headers, places),
    ...(informational === undefined
      ? {}
      : { informational: informational.map((one) => ({ status: one.status, headers: filled(one.headers, places) })) }),
  };
}

function filled(headers: HeaderInput | undefined, places: Places): readonly string[] {
  return flatHeaders(headers).map((text) => fill(text, places));
}

function scriptOf(answer: Answer, clock: ManualClock, held: Promise<void> | undefined): Script {
  if (answer.play === 'close') return hangUp;
  if (answer.play === 'bytes') return garbage(Buffer.from(answer.bytes, 'latin1'));
  const { takes, ...reply } = answer;
  if (held !== undefined) return { ...reply, after: held };
  if (takes === undefined) return reply;
  return (_request, response) => {
    clock.advance(takes * 1000);
    return playReply(reply, response, clock.now);
  };
}

async function send(
  edge: TestEdge,
  origin: ScriptedOrigin,
  path: string,
  step: Step,
  places: Places,
  before: number,
  release: () => void,
): Promise<readonly Response[]> {
  const { request = {}, together = 1 } = step;
  const options = {
    method: request.method ?? 'GET',
    headers: filled(request.headers, places),
    ...(request.body === undefined ? {} : { body: request.body }),
  };
  const responses = Array.from({ length: together }, () => get(edge.url, path + (request.to ?? ''), options));
  if (step.together !== undefined) {
    await until(() => origin.requests().length > before);
    // Two turns of another listener of the same process: by then it has read what all clients sent.
    await get(edge.admin, '/healthz');
    await get(edge.admin, '/healthz');
    release();
  }
  return Promise.all(responses);
}

/** No fetch is under way in the edge. */
async function idle(edge: TestEdge): Promise<void> {
  let flights = '';
  while (flights !== '0') {
    const page = await get(edge.admin, '/metrics');
    flights = /^holdfast_flights(?:\{.*\})? (\d+)$/m.exec(page.body.toString())?.[1] ?? 'unknown';
    if (flights === 'unknown') throw new Error('the metrics do not tell the fetches under way');
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** What the last answer of a step delivers; undefined when it delivers nothing of its own. */
function deliveryOf(answers: readonly Answer[]): Delivery | undefined {
  for (const answer of answers.toReversed()) {
    if (answer.play !== undefined || answer.status === 304) continue;
    return { status: answer.status ?? 200, body: Buffer.from(answer.body ?? '').toString('latin1') };
  }
  return undefined;
}

function* check(
  wanted: Expect,
  response: Response,
  requests: readonly RecordedRequest[],
  delivery: Delivery | undefined,
  step: Step,
  places: Places,
): Iterable<string> {
  if (response.complete !== (wanted.complete ?? true)) yield `the transfer is ${response.complete ? 'complete' : `broken: ${response.error?.message}`}`;
  yield* checkOutcome(wanted, response, requests, step);
  const isHead = step.request?.method === 'HEAD';
  const status = wanted.status ?? (wanted.outcome === undefined || wanted.outcome === 'failed' ? undefined : delivery?.status);
  if (status !== undefined && response.status !== status) yield `status ${response.status}, not ${status}`;
  const ownBody = wanted.outcome === undefined || wanted.outcome === 'failed' || wanted.complete === false || wanted.status !== undefined;
  const body = wanted.body ?? (ownBody ? undefined : isHead || !hasContent(response.status) ? '' : delivery?.body);
  yield* checkText('body', response.body.toString('latin1'), typeof body === 'string' ? fill(body, places) : body);
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    yield* checkText(name, response.headers[name.toLowerCase()], typeof value === 'string' ? fill(value, places) : value);
  }
  for (const [name, value] of Object.entries(wanted.trailers ?? {})) yield* checkText(`trailer ${name}`, response.trailers[name.toLowerCase()], value);
  if (wanted.asked !== undefined && requests.length !== wanted.asked) yield `the origin was asked ${requests.length} times, not ${wanted.asked}`;
  const last = requests.at(-1);
  for (const [name, value] of Object.entries(wanted.forwarded ?? {})) {
    if (last === undefined) yield 'the origin was not asked';
    else yield* checkText(`forwarded ${name}`, last.headers[name.toLowerCase()], typeof value === 'string' ? fill(value, places) : value);
  }
  if (wanted.forwardedTarget !== undefined) yield* checkText('forwarded target', last?.url, fill(wanted.forwardedTarget, places));
  const interim = response.informational.map((one) => one.status);
  if (wanted.interim !== undefined && interim.join() !== wanted.interim.join()) yield `interim responses [${interim}], not [${wanted.interim}]`;
  if (wanted.cacheStatus !== undefined || wanted.cacheStatusLacks !== undefined) yield* checkCacheStatus(wanted, cacheStatus(response));
}

function* checkOutcome({ outcome }: Expect, response: Response, requests: readonly RecordedRequest[], step: Step): Iterable<string> {
  const asked = requests.length;
  const conditional = requests.some(({ headers }) => headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined);
  const one = step.together ?? 1;
  switch (outcome) {
    case undefined:
      return;
    case 'fetched':
      if (asked < 1 || asked > one) yield `the origin was asked ${asked} times for the first fetch`;
      return;
    case 'asked':
      if (asked === 0) yield 'answered without asking the origin';
      return;
    case 'hit':
      if (asked > 0) yield `the origin was asked (${conditional ? 'with a condition' : 'without a condition'})`;
      if (!cacheStatus(response).hit) yield 'not a hit by Cache-Status';
      return;
    case 'validated':
      if (!conditional) yield asked === 0 ? 'the origin was not asked' : 'the origin was asked without a condition';
      return;
    case 'stale':
      if (cacheStatus(response).detail === undefined) yield 'no ground for serving stale by Cache-Status';
      return;
    case 'failed':
      if (response.status !== 502 && response.status !== 504) yield `status ${response.status}, not 502 or 504`;
      return;
    default:
      return outcome satisfies never;
  }
}

function* checkCacheStatus({ cacheStatus: wanted = {}, cacheStatusLacks = [] }: Expect, status: CacheStatus): Iterable<string> {
  const found = new Map<string, unknown>(Object.entries(status));
  for (const [name, value] of Object.entries(wanted)) {
    if (found.get(name) !== value) yield `Cache-Status ${name} is ${found.get(name)}, not ${value}`;
  }
  for (const name of cacheStatusLacks) if (found.get(name) !== undefined && found.get(name) !== false) yield `Cache-Status has ${name}`;
}

function* checkText(name: string, found: string | undefined, wanted: Wanted | undefined): Iterable<string> {
  if (wanted === undefined) return;
  const fits = wanted === null ? found === undefined : wanted instanceof RegExp ? found !== undefined && wanted.test(found) : found === wanted;
  if (!fits) yield `${name} is ${JSON.stringify(found)}, not ${wanted instanceof RegExp ? wanted : JSON.stringify(wanted)}`;
}

function hasContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 304;
}

function isList(script: Answer | readonly Answer[]): script is readonly Answer[] {
  return Array.isArray(script);
}
