// The thread that only reads: takes lookups from any number of ports, one at a time, so that none waits for what is being
// written. Owns ports and turns; reading is sqlite-reader.ts's, and when the database is open the writing thread's.

import { type MessagePort, workerData } from 'node:worker_threads';
import { messageOf } from './sqlite-files.ts';
import { headName } from './sqlite-head.ts';
import { Leases } from './sqlite-leases.ts';
import { moveOf, movesOf } from './sqlite-moves.ts';
import { Post } from './sqlite-post.ts';
import type { Event, ReaderOptions, ReaderOrder, ReaderReport, ReadRequest } from './sqlite-protocol.ts';
import { Reader } from './sqlite-reader.ts';

const options: ReaderOptions = workerData;
const reader = new Reader(options.dir, new Leases(options.leases));
/** What is to be done, in turn. */
const inbox: (() => Promise<void>)[] = [];
let uses: (readonly [bodyId: number, head: string])[] = [];
let running = false;

function report(what: ReaderReport): void {
  options.port.postMessage(what);
}

function take(work: () => Promise<void>): void {
  inbox.push(work);
  if (!running) void run();
}

async function run(): Promise<void> {
  running = true;
  for (let work = inbox.shift(); work !== undefined; work = inbox.shift()) await work();
  running = false;
  if (uses.length === 0) return;
  report({ kind: 'uses', uses });
  uses = [];
}

async function obey(order: ReaderOrder): Promise<void> {
  if (order.kind === 'attach') return attach(order.port);
  if (order.kind === 'open') return reader.open().catch(() => undefined);
  reader.close();
  report({ kind: 'closed' });
}

function attach(port: MessagePort): void {
  const post = new Post<Event>(port);
  port.on('message', (requests: readonly ReadRequest[]) => {
    for (const request of requests) take(() => serve(post, request));
  });
}

async function serve(post: Post<Event>, request: ReadRequest): Promise<void> {
  const { id } = request;
  const send = (event: Event, moved: ArrayBuffer[] = []): void => post.send(event, moved);
  try {
    if (request.kind === 'read') {
      const bytes = await reader.read(request.bodyId, request.chunk, request.checksum);
      send({ kind: 'bytes', id, bytes }, moveOf(bytes));
      return;
    }
    const variants = await reader.get(request.key);
    send({ kind: 'found', id, variants }, movesOf(variants));
    const head = variants.length === 0 ? '' : headName(request.key);
    for (const { bodyId } of variants) uses.push([bodyId, head]);
  } catch (error) {
    send({ kind: 'failed', id, message: messageOf(error) });
  }
}

options.port.on('message', (order: ReaderOrder) => take(() => obey(order)));
report({ kind: 'ready' });
