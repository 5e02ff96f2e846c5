// One end of a line to a thread of the database: requests and the answers that belong to them. Keeps the process alive only
// while something is awaited. Knows no database.

import type { MessagePort } from 'node:worker_threads';
import { Post } from './sqlite-post.ts';
import type { Event, Reply, Request } from './sqlite-protocol.ts';
import { StoreError } from './store.ts';

interface Pending {
  readonly operation: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: StoreError) => void;
}

type News = Exclude<Event, Reply | { readonly kind: 'failed' }>;

export class Dialogue {
  readonly #port: MessagePort;
  readonly #post: Post<Request>;
  readonly #onNews: (news: News) => void;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #end: Error | undefined;

  /**
   * @param onNews told of what is no answer
   * @param onEnd told once when the other end is gone
   */
  constructor(port: MessagePort, onNews: (news: News) => void, onEnd: () => void) {
    this.#port = port;
    this.#post = new Post(port);
    this.#onNews = onNews;
    port.on('message', (events: readonly Event[]) => {
      for (const event of events) this.#receive(event);
    });
    port.on('close', () => {
      this.end(new Error('the database thread has ended'));
      onEnd();
    });
    port.unref();
  }

  /** A number for a request that `ask` does not send. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  /** Rejects with StoreError for a failure there, and when the line ends first. */
  ask(
    operation: string,
    request: (id: number) => Request,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Reply> {
    if (this.#end !== undefined) return Promise.reject(new StoreError(operation, this.#end));
    const id = this.takeId();
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#port.ref();
      this.#pending.set(id, { operation, resolve, reject });
      this.#post.send(request(id), moved, (error) =>
        this.#settle(id)?.reject(new StoreError(operation, error)),
      );
    });
  }

  send(request: Request, moved: readonly (ArrayBuffer | MessagePort)[] = []): void {
    if (this.#end === undefined) this.#post.send(request, moved);
  }

  /** Nothing is answered any more. Idempotent. */
  end(cause: Error): void {
    this.#end ??= cause;
    this.#port.close();
    for (const { operation, reject } of this.#pending.values()) reject(new StoreError(operation, cause));
    this.#pending.clear();
  }

  #receive(event: Event): void {
    if (!('id' in event)) {
      this.#onNews(event);
      return;
    }
    const pending = this.#settle(event.id);
    if (pending === undefined) return;
    if (event.kind === 'failed') pending.reject(new StoreError(pending.operation, new Error(event.message)));
    else pending.resolve(event);
  }

  /** It is awaited no more. */
  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#port.unref();
    return pending;
  }
}
