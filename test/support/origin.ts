// A scripted origin over real sockets. A test says what each path answers, first, second, and from then on; every
// request is recorded the moment its head arrives. Time passes only where a script asks for it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Gate } from './gate.ts';
import { address, ConnectionSet, listen } from './listen.ts';
import { addDate, type Play, playReply, type Reply } from './reply.ts';
import { headerMap } from './wire.ts';

export type { Gate } from './gate.ts';
export { type RawOrigin, type RawRequest, rawOrigin } from './raw-origin.ts';
export { garbage, hangUp, never, type Play, type Reply, reset } from './reply.ts';

export interface RecordedRequest {
  readonly method: string;
  /** The request target as received. */
  readonly url: string;
  /** The target without its query. */
  readonly path: string;
  /** name, value, name, value, … as received. */
  readonly rawHeaders: readonly string[];
  /** Lower-case names, lines combined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** What has arrived of the body; complete before a Reply is sent. A Play that reads the request itself leaves it empty. */
  readonly body: Buffer;
  readonly bodyComplete: boolean;
  /** 1 for the first request of this path, whatever its method and query. */
  readonly nth: number;
  /** 1 for the first connection to this origin, 2 for the second, … */
  readonly connection: number;
  /** performance.now() when the head arrived. */
  readonly at: number;
}

export type OriginGate = Gate<RecordedRequest>;

/** One answer: data, by hand, or a gate (which answers one request only). */
export type Step = Reply | Play | OriginGate;

export interface ScriptedOrigin {
  /** http://127.0.0.1:PORT */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far, and those open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** What scripts threw. */
  readonly faults: readonly unknown[];
  /**
   * Scripts `METHOD /path`, or `/path` for any method, or `*` for whatever no other script matches. A pattern with a query
   * matches that query only. The first request gets the first step, the last step repeats; scripting again starts anew.
   * Precedence: method before any method, query before path, `*` last. Unscripted requests get 404, no-store.
   */
  on(pattern: string, ...steps: readonly [Step, ...Step[]]): void;
  /** A response to play by hand: `origin.on('GET /slow', gate)`. */
  gate(): OriginGate;
  /** Requests so far, in order of arrival; patterns as in `on`, none for all. */
  requests(pattern?: string): readonly RecordedRequest[];
  /** Resolves with the requests once `count` (default 1) have arrived; rejects when the origin closes first. */
  waitFor(pattern: string, count?: number): Promise<readonly RecordedRequest[]>;
  /** Ends every connection and the listener: connecting is refused from then on. */
  close(): Promise<void>;
}

interface Waiter {
  readonly pattern: string;
  readonly count: number;
  readonly resolve: (requests: readonly RecordedRequest[]) => void;
  readonly reject: (error: Error) => void;
}

export interface OriginOptions {
  /** The origin's clock for Date, epoch ms; the real one by default. */
  readonly now?: () => number;
  /** A fixed port, to come back where an earlier origin was; free by default. */
  readonly port?: number;
}

export async function scriptedOrigin(options: OriginOptions = {}): Promise<ScriptedOrigin> {
  const now = options.now ?? Date.now;
  const scripts = new Map<string, { steps: readonly Step[]; played: number }>();
  const recorded: RecordedRequest[] = [];
  const faults: unknown[] = [];
  const connections = new ConnectionSet();
  let waiters: Waiter[] = [];

  const select = (pattern?: string): readonly RecordedRequest[] =>
    pattern === undefined ? recorded : recorded.filter((request) => patternsOf(request).includes(pattern));

  const nextStep = (request: RecordedRequest): Step => {
    for (const pattern of patternsOf(request)) {
      const script = scripts.get(pattern);
      if (script === undefined) continue;
      const step = script.steps[Math.min(script.played++, script.steps.length - 1)];
      if (step !== undefined) return step;
    }
    const body = `no script for ${request.method} ${request.url}\n`;
    return { status: 404, headers: { 'Cache-Control': 'no-store', 'Content-Type': 'text/plain' }, body };
  };

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.sendDate = false;
    const request = new Recording(incoming, connections.numberOf(incoming.socket), recorded);
    recorded.push(request);
    const step = nextStep(request);
    if (typeof step !== 'function') request.collect(incoming);
    waiters = waiters.filter(({ pattern, count, resolve }) => {
      const found = select(pattern);
      if (found.length >= count) resolve(found);
      return found.length < count;
    });
    if (typeof step === 'function') await step(incoming, response);
    else if (!(step instanceof Gate)) {
      await request.collected;
      await playReply(step, response, now);
    } else if (!step.take(request, response)) {
      throw new Error(`a second request reached the gate of ${request.method} ${request.url}`);
    }
  };

  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
  server.on('connection', (socket) => connections.add(socket));
  server.on('request', (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => {
      faults.push(error);
      response.destroy();
    });
  });
  const port = await listen(server, options.port);

  return {
    url: address(port),
    port,
    get connections() {
      return connections.accepted;
    },
    get openConnections() {
      return connections.open;
    },
    faults,
    on: (pattern, ...steps) => void scripts.set(pattern, { steps, played: 0 }),
    gate: () => new Gate<RecordedRequest>((lines) => addDate(lines, now())),
    requests: (pattern) => [...select(pattern)],
    waitFor: (pattern, count = 1) => {
      const found = select(pattern);
      if (found.length >= count) return Promise.resolve(found);
      return new Promise((resolve, reject) => void waiters.push({ pattern, count, resolve, reject }));
    },
    close: async () => {
      await connections.close(server);
      for (const { pattern, count, reject } of waiters.splice(0)) {
        reject(new Error(`origin closed: ${select(pattern).length} of ${count} requests for ${pattern}`));
      }
    },
  };
}

/** The patterns that match a request, the most particular first. */
function patternsOf({ method, url, path }: RecordedRequest): readonly string[] {
  return [`${method} ${url}`, `${method} ${path}`, url, path, '*'];
}

class Recording implements RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly nth: number;
  readonly connection: number;
  readonly at = performance.now();
  readonly #parts: Buffer[] = [];
  #collected: Promise<void> = Promise.resolve();
  bodyComplete = false;

  constructor(incoming: IncomingMessage, connection: number, before: readonly RecordedRequest[]) {
    this.method = incoming.method ?? '';
    this.url = incoming.url ?? '';
    this.path = this.url.replace(/\?.*$/s, '');
    this.rawHeaders = incoming.rawHeaders;
    this.headers = headerMap(incoming.rawHeaders);
    this.connection = connection;
    this.nth = 1 + before.filter(({ path }) => path === this.path).length;
  }

  get body(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** Resolves when the body has ended or broken. */
  get collected(): Promise<void> {
    return this.#collected;
  }

  collect(incoming: IncomingMessage): void {
    this.#collected = new Promise((resolve) => {
      incoming.on('data', (part: Buffer) => this.#parts.push(part));
      incoming.once('end', () => {
        this.bodyComplete = true;
        resolve();
      });
      incoming.once('close', () => resolve());
      incoming.on('error', () => resolve());
    });
  }
}
