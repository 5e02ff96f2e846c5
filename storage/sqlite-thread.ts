// The worker thread of the database: takes requests from any number of ports and runs them one at a time, lookups
// before background work. Owns ports and turns; what a request means is sqlite-engine.ts's.

import { mkdirSync } from 'node:fs';
import { type MessagePort, workerData } from 'node:worker_threads';
import { Engine } from './sqlite-engine.ts';
import { messageOf } from './sqlite-files.ts';
import type { Event, FoundVariant, Health, Reply, Request, ThreadOptions } from './sqlite-protocol.ts';

const FLUSH_USES_MS = 5_000;
/** Smaller bytes are copied: moving them costs more. */
const MOVE_BYTES = 16 * 1024;

const options: ThreadOptions = workerData;
const queue = new SharedArrayBuffer(4);
const queuedBytes = new Int32Array(queue);
const ports = new Set<MessagePort>();
const inbox: { readonly port: MessagePort; readonly request: Request }[] = [];
/** Answers that wait for the transaction they belong to. */
const uncommitted: { readonly port: MessagePort; readonly reply: Reply; readonly failures: number }[] = [];
let running = false;
let retryTimer: NodeJS.Timeout | undefined;
let retryDue = false;
let usesTimer: NodeJS.Timeout | undefined;
let usesDue = false;

const engine = new Engine({
  dir: options.dir,
  maxBytes: options.maxBytes,
  journalId: options.journalId,
  eviction: options.eviction,
  dequeued: (bytes) => {
    Atomics.sub(queuedBytes, 0, bytes);
  },
  healthChanged: (health) => {
    for (const port of ports) send(port, { kind: 'health', health });
    tryLater(health);
  },
  now: Date.now,
});

function send(port: MessagePort, event: Event, moved: ArrayBuffer[] = []): void {
  port.postMessage(event, moved);
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
  ports.add(port);
  port.on('message', (request: Request) => {
    inbox.push({ port, request });
    wake();
  });
  port.on('close', () => ports.delete(port));
  const { maxQueueBytes } = options;
  send(port, {
    kind: 'hello',
    queue,
    maxQueueBytes,
    maxBodyBytes: engine.maxBodyBytes,
    health: engine.health,
  });
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
    if (!(await engine.step()) && inbox.length === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
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
  if (request.kind === 'put') engine.put(request);
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

async function answer(port: MessagePort, request: Extract<Request, { id: number }>): Promise<void> {
  const { id } = request;
  switch (request.kind) {
    case 'get': {
      const variants = await engine.get(request.key);
      send(port, { kind: 'found', id, variants }, bodiesToMove(variants));
      noteUses();
      return;
    }
    case 'read': {
      const { key, variant, bodyId, chunk, checksum } = request;
      const bytes = await engine.read(key, variant, bodyId, chunk, checksum);
      send(port, { kind: 'bytes', id, bytes }, movable(bytes));
      return;
    }
    case 'updateMeta': {
      const done = await engine.updateMeta(request.key, request.variant, request.meta);
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
    case 'walk': {
      send(port, { kind: 'walked', id, ...(await engine.walk(request.after, request.needles)) });
      return;
    }
    case 'drop': {
      const removed = await engine.drop(request.bodies);
      afterCommit(port, { kind: 'removed', id, removed });
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
      await engine.flush();
      send(port, { kind: 'done', id, done: true });
      return;
    case 'close':
      await engine.close();
      clearTimeout(retryTimer);
      clearTimeout(usesTimer);
      send(port, { kind: 'done', id, done: true });
      for (const one of ports) one.close();
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

function bodiesToMove(variants: readonly FoundVariant[]): ArrayBuffer[] {
  const moved: ArrayBuffer[] = [];
  for (const { chunks } of variants) for (const chunk of chunks ?? []) moved.push(...movable(chunk));
  return moved;
}

function movable(bytes: Uint8Array): ArrayBuffer[] {
  return bytes.length >= MOVE_BYTES && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}

try {
  mkdirSync(options.dir, { recursive: true });
} catch {
  // The engine finds out, and says so.
}
await engine.start();
tryLater(engine.health);
attach(options.port);
wake();
