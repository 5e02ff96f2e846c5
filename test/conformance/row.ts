// What a conformance row is: a script of requests, origin answers and expectations as plain data, and the short words
// that the tables are written in. Played by runner.ts, listed by document.ts. Knows no socket.
//
// Texts may hold: {t+60} an HTTP-date so many seconds from the row's start; {now-5} the same from the step;
// {t+60|850} and {t+60|asctime} in the obsolete forms (RFC 9110 §5.6.7); {path} and {url} of the row.

import type { CacheStatus } from '../support/cache-status.ts';
import type { Reply } from '../support/reply.ts';
import type { HeaderInput } from '../support/wire.ts';

/** `required`: a MUST, or a reuse that no clause allows. `optimal`: what a clause allows and a good cache does. */
export type Kind = 'required' | 'optimal';

/** What the origin does when it is asked. `takes`: seconds by the manual clock before its head is sent. */
export type Answer =
  | (Omit<Reply, 'after' | 'delayMs' | 'spreadMs'> & { readonly takes?: number; readonly play?: never })
  /** Closes or resets the connection without an answer; bytes in place of a response. */
  | { readonly play: 'close' }
  | { readonly play: 'reset' }
  | { readonly play: 'bytes'; readonly bytes: string };

export interface Ask {
  /** GET by default. */
  readonly method?: string;
  /** Appended to the row's own path: `?a=1`, `/other`. */
  readonly to?: string;
  readonly headers?: HeaderInput;
  readonly body?: string;
}

export type Outcome =
  /** The origin was asked once; its answer is delivered. */
  | 'fetched'
  /** From the store, the origin not asked, fresh. */
  | 'hit'
  /** From the store although stale. */
  | 'stale'
  /** The origin was asked with a condition; what is stored is delivered. */
  | 'validated'
  /** The origin was asked, with a condition or not. */
  | 'asked'
  /** The edge's own 502 or 504. */
  | 'failed';

/** A text, a pattern, or null: the field is absent. */
export type Wanted = string | RegExp | null;

export interface Expect {
  readonly outcome?: Outcome;
  /** Number of the step (from 1) whose origin answer is delivered, where it is not the latest. */
  readonly from?: number;
  readonly status?: number;
  readonly body?: string | RegExp;
  readonly headers?: Readonly<Record<string, Wanted>>;
  readonly trailers?: Readonly<Record<string, string>>;
  /** Requests that reached the origin in this step. */
  readonly asked?: number;
  /** Fields of the last of them. */
  readonly forwarded?: Readonly<Record<string, Wanted>>;
  readonly forwardedTarget?: string;
  readonly cacheStatus?: Partial<CacheStatus>;
  /** At least one of the clients asking together has it. */
  readonly someCacheStatus?: Partial<CacheStatus>;
  /** Parameters that Cache-Status must not have. */
  readonly cacheStatusLacks?: readonly (keyof CacheStatus)[];
  /** Status codes of the interim responses. */
  readonly interim?: readonly number[];
  /** False: the transfer breaks. */
  readonly complete?: boolean;
}

export interface Step {
  /** Seconds that pass before the request. */
  readonly advance?: number;
  readonly request?: Ask;
  /** In order, the last one repeating; a step without it has that of the step before it, with a body of its own. */
  readonly origin?: Answer | readonly Answer[];
  /** So many clients at once; the origin answers when all have asked. */
  readonly together?: number;
  /** Waits for background work. */
  readonly settle?: true;
  readonly expect: Outcome | Expect;
}

/** Settings as in config.json. */
export type Settings = Readonly<Record<string, unknown>>;

export interface Row {
  /** Unique among all tables; part of the row's URL. */
  readonly id: string;
  readonly clause: string;
  readonly kind: Kind;
  readonly title: string;
  readonly steps: readonly Step[];
  readonly settings?: Settings;
  /** Why the edge does otherwise than the clause has it; the row asserts what it does. */
  readonly deviation?: string;
}

export interface Table {
  readonly topic: string;
  readonly rows: readonly Row[];
}

export const STRICT: Settings = { cache: { strict: true } };

type Maker = (id: string, clause: string, title: string, ...steps: readonly Step[]) => Row;
const maker =
  (kind: Kind): Maker =>
  (id, clause, title, ...steps) => ({ id, clause, kind, title, steps });

export const required: Maker = maker('required');
export const optimal: Maker = maker('optimal');

export function withSettings(settings: Settings, ...rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => ({ ...row, settings }));
}

export function deviating(deviation: string, row: Row): Row {
  return { ...row, deviation };
}

/** The origin answers 200 with these fields, or as `more` says. */
export function fetched(
  headers: HeaderInput,
  more: Omit<Reply, 'headers'> & { takes?: number } = {},
  request?: Ask,
): Step {
  return { origin: { ...more, headers }, expect: 'fetched', ...(request === undefined ? {} : { request }) };
}

/** Some seconds later: the same request again, or another. */
export function later(
  advance: number,
  expect: Step['expect'],
  more: Omit<Step, 'advance' | 'expect'> = {},
): Step {
  return { advance, expect, ...more };
}

/** A request now. */
export function now(expect: Step['expect'], more: Omit<Step, 'expect'> = {}): Step {
  return { expect, ...more };
}

export const CLOSES: Answer = { play: 'close' };

/** A request with these fields. */
export function ask(headers: HeaderInput): { readonly request: Ask } {
  return { request: { headers } };
}

/** Id, what is sent, and how the title goes on: many rows of one shape. */
export type Variation = readonly [id: string, headers: HeaderInput, title: string];

/** Stored, and a hit `seconds` later. */
export function reused(
  prefix: string,
  clause: string,
  seconds: number,
  variations: readonly Variation[],
  kind = optimal,
): Row[] {
  return variations.map(([id, headers, title]) =>
    kind(`${prefix}-${id}`, clause, title, fetched(headers), later(seconds, 'hit')),
  );
}

/** `seconds` later the origin is asked again. */
export function notReused(
  prefix: string,
  clause: string,
  seconds: number,
  variations: readonly Variation[],
  kind = required,
): Row[] {
  return variations.map(([id, headers, title]) =>
    kind(`${prefix}-${id}`, clause, title, fetched(headers), later(seconds, 'asked')),
  );
}

/** Cache-Control with this value. */
export function cc(...values: readonly string[]): HeaderInput {
  return { 'Cache-Control': values };
}
