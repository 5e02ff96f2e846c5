// The thread that writes the database: takes requests from any number of ports and runs them one at a time, before
// background work. Owns ports and turns; what a request means is sqlite-engine.ts's. Lookups are mostly answered elsewhere,
// by a thread that only reads (sqlite-readers.ts).

import { mkdirSync } from 'node:fs';
import { type MessagePort, workerData } from 'node:worker_threads';
import { Engine } from './sqlite-engine.ts';
import { messageOf, reclaimRemoved } from './sqlite-files.ts';
import { Leases, leaseMemory } from './sqlite-leases.ts';
import { moveOf, movesOf } from './sqlite-moves.ts';
import { Post } from './sqlite-post.ts';
import { Presence, presenceMemory } from './sqlite-presence.ts';
import type { Event, Health, PutRequest, Reply, Request, ThreadOptions } from './sqlite-protocol.ts';
import { Readers } from './sqlite-readers.ts';

const FLUSH_USES_MS = 5_000;
/** Puts are committed together with those of so long after the first: a commit costs as much as several puts. */
const COMMIT_MS = 20;
/** What could not be freed because it is being read is looked at again after this. */
const FREE_AGAIN_MS = 5_000;

const options: ThreadOptions = workerData;
const queue = new SharedArrayBuffer(4);
const queuedBytes = new Int32Array(queue);
const leases = leaseMemory();
const presence = presenceMemory(options.maxBytes);
interface Client {
  /** Of its streams' names. */
  readonly prefix: string;
  readonly post: Post<Event>;
}

const ports = new Map<MessagePort, Client>();
const putBy = new WeakMap<PutRequest, MessagePort>();
const inbox: { readonly port: MessagePort; readonly request: Request }[] = [];
/** Answers that wait for the transaction they belong to. */
const uncommitted: { readonly port: MessagePort; readonly reply: Reply; readonly failures: number }[] = [];
let attached = 0;
let running = false;
let retryTimer: NodeJS.Timeout | undefined;
let retryDue = false;
let usesTimer: NodeJS.Timeout | undefined;
let usesDue = false;
let commitTimer: NodeJS.Timeout | undefined;
let commitDue = false;
let freeTimer: NodeJS.Timeout | undefined;

const readers = new Readers({
  dir: options.dir,
  leases,
  retryMs: options.retryMs,
  offer: (client, port) => send(client, { kind: 'reader', port }, [port]),
  used: (uses) => {
    engine.used(uses);
    noteUses();
  },
});

const engine = new Engine({
  dir: options.dir,
  maxBytes: options.maxBytes,
  journalId: options.journalId,
  eviction: options.eviction,
  dequeued: (bytes) => {
    Atomics.sub(queuedBytes, 0, bytes);
  },
  written: (requests) => {
    const ids = Map.groupBy(requests, (request) => putBy.get(request));
    for (const [port, puts] of ids)
      if (port !== undefined) send(port, { kind: 'written', ids: puts.map(({ id }) => id) });
  },
  readers,
  leases: new Leases(leases),
  presence: new Presence(presence),
  healthChanged: (health) => {
    for (const port of ports.keys()) send(port, { kind: 'health', health });
    tryLater(health);
  },
  now: Date.now,
});

function send(port: MessagePort, event: Event, moved: (ArrayBuffer | MessagePort)[] = []): void {
  ports.get(port)?.post.send(event, moved);
}

function tryLater(health: Health): void {
  if (health.ok || retryTimer !== undefined) return;
  retryTimer = setTimeout(() => {
    retryTimer = undefined;
    retryDue = true;
    wake();
  }, options.retryMs);
  retryTimer.unref();
}

function attach(port: MessagePort): void {
  const prefix = `${attached++}.`;
  ports.set(port, { prefix, post: new Post(port) });
  port.on('message', (requests: readonly Request[]) => {
    for (const request of requests) inbox.push({ port, request });
    wake();
  });
  port.on('close', () => {
    ports.delete(port);
    engine.abandonAll(prefix);
  });
  const { maxQueueBytes } = options;
  send(port, {
    kind: 'hello',
    queue,
    leases,
    presence,
    maxQueueBytes,
    maxBodyBytes: engine.maxBodyBytes,
    health: engine.health,
  });
  readers.attach(port);
}

function wake(): void {
  if (running) return;
  running = true;
  void run().finally(() => {
    running = false;
    if (inbox.length > 0) wake();
  });
}

async function run(): Promise<void> {
  for (;;) {
    const batch = inbox.splice(0);
    for (const { port, request } of batch) await serve(port, request);
    await settle();
    if (retryDue) {
      retryDue = false;
      if (!(await engine.retry())) tryLater(engine.health);
    }
    if (usesDue) {
      usesDue = false;
      await engine.flushUses().catch(() => {});
    }
    const isMore = await engine.step(commitDue);
    if (engine.isOpen) commitLater();
    else commitDue = false;
    if (!isMore && inbox.length === 0) return freeLater();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function commitLater(): void {
  commitTimer ??= setTimeout(() => {
    commitTimer = undefined;
    commitDue = true;
    wake();
  }, COMMIT_MS);
}

function freeLater(): void {
  if (!engine.isReadFrom || freeTimer !== undefined) return;
  freeTimer = setTimeout(() => {
    freeTimer = undefined;
    wake();
  }, FREE_AGAIN_MS);
  freeTimer.unref();
}

/** Commits what answers wait for, then gives them. */
async function settle(): Promise<void> {
  if (uncommitted.length === 0) return;
  const failure = await engine.commit().then(() => undefined, messageOf);
  for (const { port, reply, failures } of uncommitted.splice(0)) {
    const failed =
      failures === engine.failures ? failure : (failure ?? engine.health.detail ?? 'rolled back');
    send(port, failed === undefined ? reply : { kind: 'failed', id: reply.id, message: failed });
  }
}

function afterCommit(port: MessagePort, reply: Reply): void {
  uncommitted.push({ port, reply, failures: engine.failures });
}

async function serve(port: MessagePort, request: Request): Promise<void> {
  if (request.kind === 'put') {
    putBy.set(request, port);
    engine.put(request);
  } else if (request.kind === 'abandon') engine.abandon(streamOf(port, request.stream));
  else if (request.kind === 'count') engine.count(request.what);
  else if (request.kind === 'attach') attach(request.port);
  else {
    const { id } = request;
    try {
      await answer(port, request);
    } catch (error) {
      if (id !== 0) send(port, { kind: 'failed', id, message: messageOf(error) });
    }
  }
}

/** What is answered by its id. */
type Asked = Exclude<Extract<Request, { id: number }>, PutRequest>;

async function answer(port: MessagePort, request: Asked): Promise<void> {
  const { id } = request;
  switch (request.kind) {
    case 'get': {
      const variants = await engine.get(request.key);
      send(port, { kind: 'found', id, variants }, movesOf(variants));
      noteUses();
      return;
    }
    case 'read': {
      const { key, bodyId, chunk, checksum } = request;
      const bytes = await engine.read(key, bodyId, chunk, checksum);
      send(port, { kind: 'bytes', id, bytes }, moveOf(bytes));
      return;
    }
    case 'updateMeta': {
      const done = await engine.updateMeta(request);
      afterCommit(port, { kind: 'done', id, done });
      return;
    }
    case 'delete': {
      const removed = await engine.remove(request.key, request.variant);
      if (id !== 0) afterCommit(port, { kind: 'removed', id, removed });
      return;
    }
    case 'total':
      send(port, { kind: 'removed', id, removed: await engine.total() });
      return;
    case 'select': {
      const selected = await engine.select(request);
      const reply = { kind: 'selected' as const, id, ...selected };
      if (request.drop) afterCommit(port, reply);
      else send(port, reply);
      return;
    }
    case 'part': {
      const at = await engine.part(streamOf(port, request.stream), request.bytes);
      send(port, { kind: 'taken', id, at });
      return;
    }
    case 'finish': {
      const done = await engine.finish(streamOf(port, request.stream), request);
      afterCommit(port, { kind: 'done', id, done });
      return;
    }
    case 'clear': {
      const removed = await engine.clear();
      send(port, { kind: 'removed', id, removed });
      return;
    }
    case 'stats': {
      const stats = {
        ...(await engine.stats()),
        maxBytes: options.maxBytes,
        queuedBytes: Atomics.load(queuedBytes, 0),
      };
      send(port, { kind: 'stats', id, stats });
      return;
    }
    case 'flush':
      // Not waited for: the steps that it needs come after this.
      engine.flush().then(
        () => send(port, { kind: 'done', id, done: true }),
        (error: unknown) => send(port, { kind: 'failed', id, message: messageOf(error) }),
      );
      return;
    case 'close':
      await engine.close();
      clearTimeout(retryTimer);
      clearTimeout(usesTimer);
      clearTimeout(freeTimer);
      clearTimeout(commitTimer);
      await readers.close();
      send(port, { kind: 'done', id, done: true });
      for (const [one, { post }] of ports) {
        post.flush();
        one.close();
      }
      return;
    default:
      request satisfies never;
  }
}

function noteUses(): void {
  if (usesTimer !== undefined) return;
  usesTimer = setTimeout(() => {
    usesTimer = undefined;
    usesDue = true;
    wake();
  }, FLUSH_USES_MS);
  usesTimer.unref();
}

function streamOf(port: MessagePort, stream: number): string {
  return `${ports.get(port)?.prefix ?? ''}${stream}`;
}

try {
  mkdirSync(options.dir, { recursive: true });
  reclaimRemoved(options.dir);
} catch {
  // The engine finds out, and says so.
}
await engine.start();
tryLater(engine.health);
attach(options.port);
wake();
