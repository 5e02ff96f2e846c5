// Collapsing in real time: `node bench/collapse.ts [--clients N] [--main FILE] [--json]`. Many clients ask at once for one
// cold response whose origin waits 1 s and then sends 1 MB over 2 s; others come late, leave, read slowly; and fifty ask
// for what may not be shared. Prints when they got their first and last byte. Exits 1 when a body was wrong or broken, or
// the origin was asked too often.

import { connect, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { Child, freePort } from './children.ts';
import { positiveNumber } from './options.ts';
import { PACED } from './paced-bodies.ts';

const options = new Command('bench-collapse')
  .option('--clients <n>', 'clients of the cold response', positiveNumber, 500)
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .option('--json', 'print the figures as JSON')
  .parse()
  .opts<{ clients: number; main: string; json?: boolean }>();

/** One request on a connection of its own, timed in ms since `zero`. Checks every byte; parses no more than it must. */
class Client {
  readonly #socket: Socket;
  readonly #expected: Buffer | undefined;
  readonly #zero: number;
  readonly done: Promise<void>;
  #head = '';
  #body = 0;
  #length = Number.NaN;
  askedMs = Number.NaN;
  firstMs = Number.NaN;
  lastMs = Number.NaN;
  right = true;
  complete = false;

  private constructor(socket: Socket, zero: number, expected: Buffer | undefined) {
    this.#socket = socket;
    this.#zero = zero;
    this.#expected = expected;
    this.done = new Promise((end) => {
      socket.on('data', (chunk: Buffer) => {
        if (this.#take(chunk)) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.once('close', () => end());
    });
  }

  static open(port: number, zero: number, expected?: Buffer): Promise<Client> {
    return new Promise((opened, failed) => {
      const socket = connect(port, '127.0.0.1', () => opened(new Client(socket, zero, expected)));
      socket.once('error', failed);
    });
  }

  get isLeader(): boolean {
    return /cache-status: [^\r]*; stored/i.test(this.#head);
  }

  ask(target: string): void {
    this.askedMs = performance.now() - this.#zero;
    this.#socket.write(`GET ${target} HTTP/1.1\r\nHost: bench.example\r\n\r\n`);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.resetAndDestroy();
  }

  /** @returns true when the response is complete. */
  #take(chunk: Buffer): boolean {
    const now = performance.now() - this.#zero;
    if (Number.isNaN(this.firstMs)) this.firstMs = now;
    let content = chunk;
    if (Number.isNaN(this.#length)) {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return false;
      content = Buffer.from(this.#head.slice(end + 4), 'latin1');
      this.#head = this.#head.slice(0, end + 2);
      this.#length = Number(/content-length: (\d+)/i.exec(this.#head)?.[1]);
      if (!this.#head.startsWith('HTTP/1.1 200 ')) this.right = false;
    }
    const expected = this.#expected?.subarray(this.#body, this.#body + content.length);
    if (expected !== undefined && !content.equals(expected)) this.right = false;
    this.#body += content.length;
    this.lastMs = now;
    this.complete = this.#body === this.#length;
    return this.complete;
  }
}

interface Row {
  readonly what: string;
  readonly clients: number;
  readonly originRequests: number;
  /** ms, median and largest. */
  readonly firstByte: readonly [number, number];
  readonly lastByte: readonly [number, number];
  readonly faults: number;
  readonly note: string;
}

const rows: Row[] = [];
const origin = new Child('the origin', [resolve(import.meta.dirname, 'paced-origin.ts')]);
const children = [origin];
try {
  const [, originUrl = ''] = await origin.output(/^listening on (http:\S+)$/, 10_000);
  const port = await freePort();
  const flags = ['--listen', `127.0.0.1:${port}`, '--origin', originUrl, '--disk', 'none', '--admin', 'none'];
  const edge = new Child('the edge', [options.main, 'run', ...flags, '--access-log', 'off']);
  children.push(edge);
  await edge.ready(`http://127.0.0.1:${port}/item/1`, 20_000);
  const stats = async (path: string): Promise<number> => {
    const counts: unknown = await (await fetch(`${originUrl}/-/stats`)).json();
    return typeof counts === 'object' && counts !== null
      ? Number(new Map(Object.entries(counts)).get(path) ?? 0)
      : 0;
  };
  await together(port, stats);
  await late(port, stats);
  await unruly(port, stats);
  await apart(port, stats);
  if (options.json === true) console.log(JSON.stringify(rows, null, 2));
  else print();
  process.exitCode = rows.some(({ faults }) => faults > 0) ? 1 : 0;
} finally {
  await Promise.all(children.map((child) => child.stop()));
}

type Stats = (path: string) => Promise<number>;

function openAll(port: number, count: number, zero: number, expected?: Buffer): Promise<Client[]> {
  return Promise.all(Array.from({ length: count }, () => Client.open(port, zero, expected)));
}

/** @returns when the first asked: times count from the requests, not from the connections. */
function askAll(clients: readonly Client[], target: string): number {
  for (const client of clients) client.ask(target);
  return Math.min(...clients.map(({ askedMs }) => askedMs));
}

async function together(port: number, stats: Stats): Promise<void> {
  const clients = await openAll(port, options.clients, performance.now(), PACED);
  const begun = askAll(clients, '/cold/together');
  await Promise.all(clients.map(({ done }) => done));
  const leader = clients.find(({ isLeader }) => isLeader);
  const behind = clients.map(({ firstMs }) => Math.abs(firstMs - (leader?.firstMs ?? Number.NaN)));
  const requests = await stats('/cold/together');
  row(
    'all at once',
    clients,
    begun,
    requests,
    requests === 1,
    `first byte ${middle(behind)} ms from the leader's (median)`,
  );
}

async function late(port: number, stats: Stats): Promise<void> {
  const zero = performance.now();
  const path = '/cold/late';
  const [leader] = await openAll(port, 1, zero, PACED);
  leader?.ask(path);
  const groups: { at: number; clients: Client[] }[] = [];
  for (const at of [500, 1500, 2000, 2500]) {
    const clients = await openAll(port, 20, zero, PACED);
    await wait(Math.max(0, at - (performance.now() - zero)));
    for (const client of clients) client.ask(path);
    groups.push({ at, clients });
  }
  await Promise.all([leader, ...groups.flatMap(({ clients }) => clients)].map((client) => client?.done));
  const requests = await stats(path);
  for (const { at, clients } of groups) {
    const waited = clients.map(({ askedMs, firstMs }) => firstMs - askedMs);
    row(
      `come after ${at} ms`,
      clients,
      0,
      requests,
      requests === 1,
      `first byte ${middle(waited)} ms after asking (median)`,
    );
  }
}

/** The leader leaves; another reads nothing for four seconds. The rest must not notice. */
async function unruly(port: number, stats: Stats): Promise<void> {
  const zero = performance.now();
  const path = '/cold/unruly';
  const [leaving, slow, ...rest] = await openAll(port, 22, zero, PACED);
  leaving?.ask(path);
  await wait(100);
  slow?.ask(path);
  for (const client of rest) client.ask(path);
  await wait(1400);
  leaving?.leave();
  slow?.pause();
  await Promise.all(rest.map(({ done }) => done));
  await wait(1000);
  slow?.resume();
  await slow?.done;
  const requests = await stats(path);
  row('while the leader leaves', rest, 0, requests, requests === 1, 'it left after 1.5 s');
  row(
    'and this one stops reading',
    slow === undefined ? [] : [slow],
    0,
    requests,
    requests === 1,
    'between 1.5 s and 4 s',
  );
}

async function apart(port: number, stats: Stats): Promise<void> {
  const path = '/private/a';
  for (const [what, expected] of [
    ['not to be shared', 50],
    ['known not to be', 100],
  ] as const) {
    const clients = await openAll(port, 50, performance.now());
    const begun = askAll(clients, path);
    await Promise.all(clients.map(({ done }) => done));
    const requests = await stats(path);
    row(
      what,
      clients,
      begun,
      requests - expected + 50,
      requests === expected,
      'no-store; the origin waits 1 s each time',
    );
  }
}

function row(
  what: string,
  clients: readonly Client[],
  begun: number,
  requests: number,
  asked: boolean,
  note: string,
): void {
  const wrong = clients.filter(({ right, complete }) => !right || !complete).length;
  const first = clients.map(({ firstMs }) => firstMs - begun);
  const last = clients.map(({ lastMs }) => lastMs - begun);
  rows.push({
    what,
    clients: clients.length,
    originRequests: requests,
    firstByte: [middle(first), Math.round(Math.max(...first))],
    lastByte: [middle(last), Math.round(Math.max(...last))],
    faults: wrong + (asked ? 0 : 1),
    note,
  });
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}

function print(): void {
  console.log(`${''.padEnd(28)}clients  origin requests  first byte ms   last byte ms    faults`);
  for (const { what, clients, originRequests, firstByte, lastByte, faults, note } of rows) {
    const numbers = [String(clients).padStart(7), String(originRequests).padStart(17)];
    const times = [firstByte, lastByte].map((pair) => pair.join(' / ').padStart(15));
    console.log(`${what.padEnd(28)}${[...numbers, ...times, String(faults).padStart(8)].join('')}  ${note}`);
  }
  console.log('\nTimes: median / largest, since the first request.');
}
