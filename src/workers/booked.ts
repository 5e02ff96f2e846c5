// A claim that rides with a look-up to the home of its key, and what was granted (others.ts). Used at most once; a lease that is
// not used is given back.

import type { Booking } from '../fetch.ts';
import type { Claim, Granted } from './flight-messages.ts';

export class Booked implements Booking {
  readonly question: Claim;
  readonly #onUnused: (claim: Claim, leads: boolean) => void;
  #granted: Granted | undefined;
  #isOver = false;

  /** @param onUnused called when it ends without having been used; `leads`: a lease was granted */
  constructor(question: Claim, onUnused: (claim: Claim, leads: boolean) => void) {
    this.question = question;
    this.#onUnused = onUnused;
  }

  /** The answer is what the home is written to give. */
  answered(answer: unknown): void {
    this.#granted = answer as Granted;
  }

  /** @returns what was granted for this flight, if anything was */
  use(flightKey: string): Granted | undefined {
    if (this.#isOver || this.#granted === undefined || this.question.flightKey !== flightKey)
      return undefined;
    this.#isOver = true;
    return this.#granted;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onUnused(this.question, this.#granted?.kind === 'lead');
  }
}
