// Whether a server may be asked: circuit breaker, active checks and the operator's word in one small state machine.
// Pure: instants are arguments, and whoever feeds it results decides what a failure is. (A breaker library would bring
// timers and a promise around each call; here a request is events, and the state is shared with checks and draining.)
//
//   up ──failures──▶ ejected ──time──▶ trial ──success──▶ up (slowly)        `down`: the checks say so
//                       ▲───────failure──┘                                   `drain`, `off`: the operator says so

/** What the operator has said of a server: nothing; no new requests; no new requests, for it is broken. */
export type Mode = 'up' | 'drain' | 'down';

export type HealthState = 'up' | 'ejected' | 'trial' | 'down' | 'drain' | 'off';

export interface HealthRules {
  /** Failures in a row that eject; 0 never ejects. */
  readonly failures: number;
  /** Share of failures, 0 to 1, that ejects too, once `minRequests` have ended within `WINDOW_MS`; 0 never does. */
  readonly failureRate: number;
  readonly minRequests: number;
  /** How long the first ejection takes; each further one takes twice as long, up to the most. */
  readonly ejectMs: number;
  readonly ejectMaxMs: number;
  /** After its return a server's weight grows from a tenth to the whole within this time; 0 gives it all at once. */
  readonly slowStartMs: number;
}

export const WINDOW_MS = 10_000;
/** A server that was up for as long as this many of its last ejection is forgiven the earlier ones. */
const FORGIVEN_AFTER = 3;
const LEAST_SHARE = 0.1;

export class Health {
  readonly #rules: HealthRules;
  #mode: Mode = 'up';
  #checkedUp = true;
  /** In a row. */
  #failures = 0;
  #windowAt = Number.NEGATIVE_INFINITY;
  #windowRequests = 0;
  #windowFailures = 0;
  #ejectedUntil: number | undefined;
  /** Ejections without a long time up between them. */
  #ejections = 0;
  #trialUnderWay = false;
  #upSince = Number.NEGATIVE_INFINITY;
  #slowSince = Number.NEGATIVE_INFINITY;
  /** Ejections so far, for the metrics. */
  ejected = 0;

  constructor(rules: HealthRules) {
    this.#rules = rules;
  }

  state(now: number): HealthState {
    if (this.#mode === 'down') return 'off';
    if (this.#mode === 'drain') return 'drain';
    if (!this.#checkedUp) return 'down';
    if (this.#ejectedUntil === undefined) return 'up';
    return now < this.#ejectedUntil ? 'ejected' : 'trial';
  }

  /** When an ejection ends; undefined when there is none. */
  get ejectedUntil(): number | undefined {
    return this.#ejectedUntil;
  }

  /** Whether it may be given a request: as one of many, as a trial (one at a time), or not at all. */
  admits(now: number): 'yes' | 'trial' | 'no' {
    const state = this.state(now);
    if (state === 'up') return 'yes';
    return state === 'trial' && !this.#trialUnderWay ? 'trial' : 'no';
  }

  /** Where nothing else is left: an ejected server may be tried before its time, one request at a time. */
  get lastResort(): boolean {
    return this.#mode === 'up' && this.#checkedUp && this.#ejectedUntil !== undefined && !this.#trialUnderWay;
  }

  /** 0.1 to 1: the part of its weight that counts. */
  share(now: number): number {
    const { slowStartMs } = this.#rules;
    const since = now - this.#slowSince;
    return since >= slowStartMs ? 1 : Math.max(LEAST_SHARE, since / slowStartMs);
  }

  /** A request goes to it. @returns whether it is its trial: then `succeeded`, `failed` or `gaveUp` is to be called. */
  begin(): boolean {
    if (this.#ejectedUntil === undefined) return false;
    this.#trialUnderWay = true;
    return true;
  }

  /** The trial was ended before its result. */
  gaveUp(): void {
    this.#trialUnderWay = false;
  }

  succeeded(now: number): void {
    this.#failures = 0;
    this.#count(now, false);
    if (this.#ejectedUntil === undefined || !this.#trialUnderWay) return;
    this.#ejectedUntil = undefined;
    this.#trialUnderWay = false;
    this.#return(now);
  }

  failed(now: number): void {
    this.#failures += 1;
    this.#count(now, true);
    const { failures, failureRate, minRequests } = this.#rules;
    if (this.#ejectedUntil !== undefined) {
      // What was under way when it was ejected says nothing new.
      if (this.#trialUnderWay) this.#eject(now);
      return;
    }
    const inARow = failures > 0 && this.#failures >= failures;
    const tooMany =
      failureRate > 0 &&
      this.#windowRequests >= minRequests &&
      this.#windowFailures >= failureRate * this.#windowRequests;
    if (inARow || tooMany) this.#eject(now);
  }

  /** What the active checks have found. What they call up again starts slowly, and an ejection from before counts no more. */
  checked(up: boolean, now: number): void {
    if (up === this.#checkedUp) return;
    this.#checkedUp = up;
    if (!up) return;
    this.#ejectedUntil = undefined;
    this.#trialUnderWay = false;
    this.#return(now);
  }

  /** The operator's word. `up` ends an ejection as well. */
  set(mode: Mode, now: number): void {
    const wasOut = this.#mode !== 'up' || this.#ejectedUntil !== undefined;
    this.#mode = mode;
    if (mode !== 'up' || !wasOut) return;
    this.#ejectedUntil = undefined;
    this.#trialUnderWay = false;
    this.#return(now);
  }

  #return(now: number): void {
    this.#failures = 0;
    this.#windowRequests = 0;
    this.#windowFailures = 0;
    this.#upSince = now;
    this.#slowSince = now;
  }

  #eject(now: number): void {
    const { ejectMs, ejectMaxMs } = this.#rules;
    const lengthMs = (n: number): number => Math.min(ejectMaxMs, ejectMs * 2 ** Math.min(n, 30));
    if (this.#ejectedUntil === undefined && this.#ejections > 0) {
      const upMs = now - this.#upSince;
      if (upMs > FORGIVEN_AFTER * lengthMs(this.#ejections - 1)) this.#ejections = 0;
    }
    this.#ejectedUntil = now + lengthMs(this.#ejections);
    this.#trialUnderWay = false;
    this.#ejections += 1;
    this.ejected += 1;
  }

  #count(now: number, failed: boolean): void {
    if (now - this.#windowAt > WINDOW_MS) {
      this.#windowAt = now;
      this.#windowRequests = 0;
      this.#windowFailures = 0;
    }
    this.#windowRequests += 1;
    if (failed) this.#windowFailures += 1;
  }
}
