// The active check of one server: asks it at intervals, counts good and bad answers in a row, and says when it is to be
// called up or down. Where what it says goes is the caller's.

import type { Exchange, Upstream } from './upstream.ts';

export interface CheckRules {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** From and to, inclusive. */
  readonly statuses: readonly (readonly [number, number])[];
  /** undefined is the server's own. */
  readonly host: string | undefined;
  readonly rise: number;
  readonly fall: number;
}

/** Up until it has failed `fall` times in a row, down until it has been good `rise` times in a row. Pure. */
export class RiseAndFall {
  readonly #rules: Pick<CheckRules, 'rise' | 'fall'>;
  #up = true;
  /** Results in a row that speak for the other state. */
  #against = 0;

  constructor(rules: Pick<CheckRules, 'rise' | 'fall'>) {
    this.#rules = rules;
  }

  get up(): boolean {
    return this.#up;
  }

  /** @returns whether the state has changed */
  result(good: boolean): boolean {
    this.#against = good === this.#up ? 0 : this.#against + 1;
    const { rise, fall } = this.#rules;
    if (this.#against < (this.#up ? fall : rise)) return false;
    this.#up = !this.#up;
    this.#against = 0;
    return true;
  }
}

export interface ProbeOptions extends CheckRules {
  /** Its own, so that no check waits behind a request. Closed with the probe. */
  readonly upstream: Upstream;
  /** Called with each change. `why` is the last result. */
  readonly onChange: (up: boolean, why: string) => void;
}

/** Part of the interval by which it varies, so that checks of many edges do not come at once. */
const JITTER = 0.1;
/** More of an answer is not read. */
const MAX_BODY_BYTES = 64 * 1024;

export class Probe {
  readonly #options: ProbeOptions;
  readonly #state: RiseAndFall;
  #timer: NodeJS.Timeout | undefined;
  #exchange: Exchange | undefined;
  #stopped = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#state = new RiseAndFall(options);
  }

  /** The first check is made at once. */
  start(): void {
    this.#ask();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#exchange?.abort();
    await this.#options.upstream.destroy();
  }

  #ask(): void {
    const { upstream, path, host = upstream.authority, statuses, timeoutMs } = this.#options;
    let answered = false;
    let bytes = 0;
    const result = (good: boolean, why: string): void => {
      if (answered || this.#stopped) return;
      answered = true;
      this.#result(good, why);
    };
    this.#timer = setTimeout(() => {
      exchange.abort();
      result(false, `no answer within ${timeoutMs} ms`);
    }, timeoutMs);
    const exchange = upstream.send(
      {
        method: 'GET',
        target: path,
        lines: ['host', host, 'user-agent', 'holdfast', 'accept', '*/*'],
        body: null,
        key: '',
        client: '127.0.0.1',
        urgency: 'user',
      },
      {
        onInterim: () => undefined,
        onHead: ({ status }) => {
          const good = statuses.some(([from, to]) => status >= from && status <= to);
          result(good, `status ${status}`);
        },
        onData: (chunk) => {
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) exchange.abort();
        },
        onEnd: () => undefined,
        onSwitch: (_, end) => end.destroy(),
        onFailure: ({ kind }) => result(false, kind),
      },
    );
    this.#exchange = exchange;
  }

  #result(good: boolean, why: string): void {
    clearTimeout(this.#timer);
    if (this.#state.result(good)) this.#options.onChange(this.#state.up, why);
    const { intervalMs } = this.#options;
    const waitMs = intervalMs * (1 + JITTER * (2 * Math.random() - 1));
    this.#timer = setTimeout(() => this.#ask(), waitMs).unref();
  }
}
