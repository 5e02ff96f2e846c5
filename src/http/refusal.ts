// A refusal: the listener's own final answer to a message that breaks the rules, as data. The connection writes it.

export class Refusal {
  readonly status: number;
  /** One plain sentence; sent as the body. Never holds bytes of the request. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

export function badRequest(reason: string): Refusal {
  return new Refusal(400, reason);
}
