// Plays conformance rows against the whole edge over real sockets: one scripted origin and one clock for a test file, one
// edge for each group of settings, each row on its own URL. Time passes only where a row says so.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { get, type Response } from '../support/client.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { startEdge, type TestEdge } from '../support/edge.ts';
import {
  garbage,
  hangUp,
  reset,
  type Step as Script,
  type ScriptedOrigin,
  scriptedOrigin,
} from '../support/origin.ts';
import { playReply } from '../support/reply.ts';
import { flatHeaders, type HeaderInput } from '../support/wire.ts';
import { check, type Delivery, hasContent, hasFault } from './check.ts';
import type { Answer, Expect, Row, Settings, Step, Table } from './row.ts';
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
    const answers = (isList(script) ? script : [script]).map((answer) =>
      prepare(answer, places, `${row.id} ${number}`),
    );
    const before = origin.requests().length;
    const held = Promise.withResolvers<void>();
    const scripts = answers.map((answer) =>
      scriptOf(answer, clock, step.together === undefined ? undefined : held.promise),
    );
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
        faults.push(
          `step ${number}: ${fault} [${response.status} ${response.headers['cache-status'] ?? 'without Cache-Status'}]`,
        );
      }
    }
    const { someCacheStatus } = wanted;
    if (someCacheStatus !== undefined && responses.every((one) => hasFault(someCacheStatus, one)))
      faults.push(`step ${number}: no client has ${JSON.stringify(someCacheStatus)} in Cache-Status`);
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
  if (answer.play === 'close' || answer.play === 'reset') return answer;
  if (answer.play === 'bytes') return { ...answer, bytes: fill(answer.bytes, places) };
  const { headers, informational, ...reply } = answer;
  return {
    body: hasContent(answer.status ?? 200) ? body : '',
    ...reply,
    headers: filled(headers, places),
    ...(informational === undefined
      ? {}
      : {
          informational: informational.map((one) => ({
            status: one.status,
            headers: filled(one.headers, places),
          })),
        }),
  };
}

function filled(headers: HeaderInput | undefined, places: Places): readonly string[] {
  return flatHeaders(headers).map((text) => fill(text, places));
}

function scriptOf(answer: Answer, clock: ManualClock, held: Promise<void> | undefined): Script {
  if (answer.play === 'close') return hangUp;
  if (answer.play === 'reset') return reset;
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

function isList(script: Answer | readonly Answer[]): script is readonly Answer[] {
  return Array.isArray(script);
}
