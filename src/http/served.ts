// A client's connection as its listener sees it, whatever is spoken over it.

export interface Served {
  /** Applies the deadlines. Called a few times a second at most. */
  sweep(now: number): void;
  /** The listener accepts no more: ends at once where nothing is under way, else when that is done. */
  drain(): void;
  /** Ends now, so that no client takes a response under way for complete. */
  breakOff(): void;
}
