// One flight per key: the first asks, the others wait for the same outcome. Knows keys and outcomes, not HTTP.

/** Something being fetched, and those who wait for its outcome. The first to wait is the leader. */
export class Flight<T> {
  readonly key: string;
  /** Sequence of the purge journal under which it began: the fence. */
  readonly seq: number;
  /** A purge has overtaken it: those who wait may have the outcome, nobody else. */
  fenced = false;
  /** Another worker leads it: all who wait here follow. */
  followed = false;
  /** It is over. */
  ended = false;
  /** Where it stands among those under way. */
  place = -1;
  outcome: T | undefined;
  /** Called when the last who waited has left before there was an outcome. */
  onAbandoned: (() => void) | undefined;
  /** Called when nobody may join it any more. */
  onClosed: (() => void) | undefined;
  /** Called when it is over: the outcome is known, and what it brings has come or broken. */
  onEnd: (() => void) | undefined;
  #leader: ((outcome: T) => void) | undefined;
  /** Most flights have none. */
  #followers: Set<(outcome: T) => void> | undefined;

  constructor(key: string, seq: number) {
    this.key = key;
    this.seq = seq;
  }

  get waiting(): number {
    return (this.#leader === undefined ? 0 : 1) + (this.#followers?.size ?? 0);
  }

  /** Calls back with the outcome, at once when it is there. @returns a function that leaves. */
  wait(callback: (outcome: T) => void): () => void {
    if (this.outcome !== undefined) {
      callback(this.outcome);
      return () => undefined;
    }
    if (this.waiting === 0) this.#leader = callback;
    else {
      this.#followers ??= new Set();
      this.#followers.add(callback);
    }
    return () => {
      if (this.#leave(callback) && this.waiting === 0 && this.outcome === undefined) this.onAbandoned?.();
    };
  }

  #leave(callback: (outcome: T) => void): boolean {
    if (this.#leader !== callback) return this.#followers?.delete(callback) ?? false;
    this.#leader = undefined;
    return true;
  }

  /** Tells everybody, in the order of their coming. Only the first call counts. */
  settle(outcome: T): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    const leader = this.#leader;
    const followers = this.#followers;
    this.#leader = undefined;
    this.#followers = undefined;
    leader?.(outcome);
    if (followers !== undefined) for (const follower of followers) follower(outcome);
  }
}

/**
 * The flights under way, at most one joinable per key.
 *
 * A Map or Set in which much comes and goes is laid out anew every few requests. V8 has each layout name the next, and keeps
 * what they name once one of them has grown old, dead or not. So what is large is in none of them for longer than it lasts.
 */
export class Flights<T> {
  readonly #joinable = new Map<string, { flight: Flight<T> | undefined }>();
  readonly #all: Flight<T>[] = [];

  get size(): number {
    return this.#all.length;
  }

  /** The flight to join for a key, if there is one. */
  find(key: string): Flight<T> | undefined {
    return this.#joinable.get(key)?.flight;
  }

  /** Begins a flight; `joinable` offers it to those who come after. */
  begin(key: string, seq: number, joinable: boolean): Flight<T> {
    const flight = new Flight<T>(key, seq);
    flight.place = this.#all.push(flight) - 1;
    if (joinable) this.#joinable.set(key, { flight });
    return flight;
  }

  /** Nobody may join it any more; it goes on for those who wait. */
  close(flight: Flight<T>): void {
    const entry = this.#joinable.get(flight.key);
    if (entry?.flight !== flight) return;
    entry.flight = undefined;
    this.#joinable.delete(flight.key);
    flight.onClosed?.();
  }

  closeAll(test: (flight: Flight<T>) => boolean): void {
    for (const { flight } of this.#joinable.values())
      if (flight !== undefined && test(flight)) this.close(flight);
  }

  end(flight: Flight<T>): void {
    this.close(flight);
    flight.ended = true;
    if (this.#all[flight.place] !== flight) return;
    this.#remove(flight);
    flight.onEnd?.();
  }

  /** Fences every flight the test names. @returns how many were not fenced before. */
  fence(test: (flight: Flight<T>) => boolean): number {
    let count = 0;
    for (const flight of [...this.#all]) {
      if (flight.fenced || !test(flight)) continue;
      flight.fenced = true;
      this.close(flight);
      count++;
    }
    return count;
  }

  /** The last takes its place. */
  #remove(flight: Flight<T>): void {
    const last = this.#all.pop();
    if (last === undefined || last === flight) return;
    last.place = flight.place;
    this.#all[flight.place] = last;
  }
}

/** Keys whose last response could not be shared: their requests do not wait for one another. Bounded, forgetful. */
export class HitForMiss {
  readonly #until = new Map<string, number>();
  readonly #lastsMs: number;
  readonly #max: number;

  constructor(lastsMs = 30_000, max = 50_000) {
    this.#lastsMs = lastsMs;
    this.#max = max;
  }

  remember(key: string, now: number): void {
    // While there is room the order does not matter.
    if (2 * this.#until.size > this.#max) this.#until.delete(key);
    this.#until.set(key, now + this.#lastsMs);
    if (this.#until.size > this.#max) {
      for (const oldest of this.#until.keys()) {
        this.#until.delete(oldest);
        break;
      }
    }
  }

  forget(key: string): void {
    this.#until.delete(key);
  }

  knows(key: string, now: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#until.delete(key);
    return false;
  }
}
