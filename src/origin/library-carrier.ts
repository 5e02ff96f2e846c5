// A carrier over the client library, for origins that may speak HTTP/2: its connection is several exchanges wide.

import type { Client, Dispatcher } from 'undici';
import { Fields } from '../http/fields.ts';
import type { CarriedRequest, Carrier, CarrierEvents, Control } from './carrier.ts';
import { OriginFailure } from './failure.ts';
import { framingFault } from './response-head.ts';

export class LibraryCarrier implements Carrier {
  readonly #client: Client;
  readonly #authority: string;
  readonly #idempotent: ReadonlySet<string>;

  /** @param idempotent methods that may be sent twice (RFC 9110 §9.2.2) */
  constructor(client: Client, authority: string, idempotent: ReadonlySet<string>) {
    this.#client = client;
    this.#authority = authority;
    this.#idempotent = idempotent;
  }

  dispatch({ method, target, lines, body }: CarriedRequest, events: CarrierEvents): Control {
    const handler = new Handler(events);
    const headers = body?.length === undefined ? lines : [...lines, 'content-length', String(body.length)];
    const options = {
      method,
      path: target,
      headers: headers as string[],
      body: body?.stream ?? null,
      idempotent: this.#idempotent.has(method),
      // The library would take the certificate's name from Host, and reconnect where it changes.
      servername: this.#authority,
    };
    try {
      this.#client.dispatch(options, handler);
    } catch (error) {
      queueMicrotask(() => handler.fail(error));
    }
    return handler;
  }

  /** The library has timers of its own. */
  sweep(): void {}

  async close(): Promise<void> {
    await this.#client.close();
  }

  async destroy(): Promise<void> {
    await this.#client.destroy();
  }
}

class Handler implements Control, Dispatcher.DispatchHandler {
  readonly #events: CarrierEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #paused = false;

  constructor(events: CarrierEvents) {
    this.#events = events;
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    this.#over = true;
    this.#controller?.abort(new Error('given up'));
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.onError(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('given up'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const fields = new Fields(rawLines(controller.rawHeaders));
    if (status < 200) return this.#events.onInterim(status, fields);
    const fault = framingFault(fields);
    if (fault !== undefined) {
      const failure = new OriginFailure('malformed', new Error(fault));
      this.fail(failure);
      controller.abort(failure);
      return;
    }
    this.#events.onHead(status, fields);
    if (this.#paused) controller.pause();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#events.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }
}

/** HTTP/1.1's in pairs as received, HTTP/2's by name. */
function rawLines(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const lines: string[] = [];
  if (!Array.isArray(raw)) {
    for (const [name, value] of Object.entries(raw ?? {})) {
      if (name.startsWith(':') || value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) lines.push(name, String(one));
    }
  } else {
    for (const part of raw) lines.push(typeof part === 'string' ? part : part.toString('latin1'));
    for (let i = 1; i < lines.length; i += 2) lines[i] = (lines[i] as string).trim();
  }
  return lines;
}
