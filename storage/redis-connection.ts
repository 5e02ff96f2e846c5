// A connection to Redis that fails fast: nobody waits for a server that is known not to answer. Owns connecting, time
// limits, and finding out that the server is back. The only file that imports the client; knows no key and no record.

import { createHash } from 'node:crypto';
import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import { StoreError } from './store.ts';

export type Reply = Buffer | string | number | null | readonly Reply[];
export type Argument = string | Buffer;

export interface RedisHealth {
  readonly ok: boolean;
  readonly detail?: string;
}

export interface ConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where they are needed. */
  readonly url: string;
  /** How long an answer may take, ms. Default 250. */
  readonly timeoutMs?: number;
  /** How long after a failure the server is tried again, ms. Default 500. */
  readonly retryMs?: number;
  /** Told when the health changes. */
  readonly onHealth?: (health: RedisHealth) => void;
}

/** A Lua script, sent whole once and by its digest from then on. */
export interface Script {
  readonly text: string;
  readonly digest: string;
}

export function script(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

/** A server that took commands and answers none of this many pings is given up: a new connection may reach another. */
const SILENT_PINGS = 4;

type Client = ReturnType<typeof open>;

export class RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  #client: Client | undefined;
  #fault: string | undefined = 'not connected yet';
  #closed = false;
  #silentPings = 0;
  #probe: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 250;
    this.#retryMs = options.retryMs ?? 500;
    this.#connect();
  }

  health(): RedisHealth {
    return this.#fault === undefined ? { ok: true } : { ok: false, detail: this.#fault };
  }

  /** Resolves when the server answers, or after `withinMs`. */
  async ready(withinMs: number): Promise<void> {
    if (this.#fault === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    const timer = setTimeout(resolve, withinMs);
    await promise;
    clearTimeout(timer);
  }

  /**
   * Sends a command; commands are carried out in the order they were sent.
   * @throws StoreError at once when the server is known not to answer, else after the time limit; and for an error reply.
   */
  async call(args: readonly Argument[], timeoutMs = this.#timeoutMs): Promise<Reply> {
    const operation = String(args[0]);
    const client = this.#client;
    if (client === undefined || this.#fault !== undefined) {
      throw new StoreError(operation, new Error(this.#closed ? 'the connection is closed' : this.#fault));
    }
    try {
      return await this.#inTime(client, args, timeoutMs);
    } catch (error) {
      if (!(error instanceof ErrorReply)) this.#failed(error);
      throw new StoreError(operation, error);
    }
  }

  /** Runs a script. @throws StoreError like `call`. */
  async run({ text, digest }: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [`${keys.length}`, ...keys, ...args];
    try {
      return await this.call(['EVALSHA', digest, ...rest]);
    } catch (error) {
      const unknown = error instanceof StoreError && /NOSCRIPT/.test(error.message);
      if (!unknown) throw error;
      return this.call(['EVAL', text, ...rest]);
    }
  }

  /** Ends the connection at once; what waits is rejected. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#fault ??= 'the connection is closed';
    clearTimeout(this.#probe);
    this.#drop();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #inTime(client: Client, args: readonly Argument[], timeoutMs: number): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    client.sendCommand<Reply>(args, AS_BYTES).then(resolve, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(): void {
    if (this.#closed) return;
    const client = open(this.#options.url, this.#retryMs);
    this.#client = client;
    client.on('ready', () => {
      if (this.#client === client) this.#works();
    });
    client.on('error', (error: unknown) => {
      if (this.#client === client) this.#failed(error);
    });
    client.connect().catch((error: unknown) => {
      if (this.#client === client) this.#failed(error);
    });
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    // Its last words are of no interest.
    client?.on('error', () => undefined);
    client?.destroy();
  }

  #works(): void {
    if (this.#closed) return;
    clearTimeout(this.#probe);
    this.#silentPings = 0;
    const was = this.#fault;
    this.#fault = undefined;
    if (was !== undefined) this.#options.onHealth?.({ ok: true });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const was = this.#fault;
    this.#fault = describe(error);
    if (was === undefined) this.#options.onHealth?.({ ok: false, detail: this.#fault });
    clearTimeout(this.#probe);
    this.#probe = setTimeout(() => void this.#ping(), this.#retryMs);
  }

  async #ping(): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#closed) return;
    try {
      if (!client.isReady) throw new Error(this.#fault);
      await this.#inTime(client, ['PING'], this.#timeoutMs);
      this.#works();
    } catch (error) {
      if (this.#client !== client) return;
      this.#silentPings += 1;
      if (this.#silentPings % SILENT_PINGS === 0) {
        this.#drop();
        this.#connect();
      }
      this.#failed(error);
    }
  }
}

/** Bytes come back as bytes. */
const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } as const;

function open(url: string, retryMs: number) {
  return createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    socket: { connectTimeout: Math.max(1000, retryMs), reconnectStrategy: retryMs },
  });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error instanceof Error ? error.message : String(error);
}
