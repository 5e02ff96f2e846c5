// What stands before the cache: asked for every request, hits included, once its route is known.

import type { Refusal } from '../admit.ts';
import type { Request } from '../http/message.ts';

export interface Gate {
  /** @returns why the request is refused; undefined lets it in. A promise only where the answer takes waiting. */
  admit(request: Request): Refusal | undefined | Promise<Refusal | undefined>;
}
