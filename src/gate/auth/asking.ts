// Asks another service whether a request may pass, as nginx's auth_request does: any 2xx lets it in, and fields of that answer
// may go on with the request; 401, 403 and redirects (to a page for logging in) are passed back; anything else is no answer.

import { createHmac, randomBytes } from 'node:crypto';
import type { Refusal } from '../../admit.ts';
import { Generations } from '../../generations.ts';
import type { FieldLines, Fields } from '../../http/fields.ts';
import type { Request } from '../../http/message.ts';
import type { AskRules } from '../access-rules.ts';

/** Asked at a time; beyond it nobody waits. */
const MOST_ASKING = 512;
/** Answers remembered, in each of two generations. */
const REMEMBERED = 4096;
/** What the service is told of the request as it is. */
const PASSED_ON = ['authorization', 'cookie', 'user-agent', 'accept', 'accept-language'];
/** What of a no goes back to the client. */
const PASSED_BACK = ['www-authenticate', 'location', 'set-cookie'];
const LONGEST_VALUE = 4096;

/** Fields that go on with the request, or why it does not go on. */
export type Answer = { readonly lines: FieldLines } | Refusal;

const UNAVAILABLE: Refusal = {
  status: 503,
  sentence: 'It cannot be found out now who may pass.',
  detail: 'auth-unavailable',
  lines: ['Retry-After', '1'],
};

export class Asking {
  readonly #rules: AskRules;
  readonly #key = randomBytes(32);
  readonly #remembered = new Generations<string, { readonly answer: Answer; readonly untilAt: number }>(
    REMEMBERED,
    Number.POSITIVE_INFINITY,
  );
  #asking = 0;

  constructor(rules: AskRules) {
    this.#rules = rules;
  }

  /** @param address of the client. @param now epoch ms */
  check(request: Request, address: string, now: number): Answer | Promise<Answer> {
    const { rememberMs } = this.#rules;
    const name = rememberMs === 0 ? '' : this.#nameOf(request, address);
    const remembered = name === '' ? undefined : this.#remembered.get(name, 0);
    if (remembered !== undefined && now < remembered.untilAt) return remembered.answer;
    if (this.#asking >= MOST_ASKING) return UNAVAILABLE;
    return this.#ask(request, address).then((answer) => {
      // A no, and no answer at all, may be another thing the next moment.
      if (name !== '' && !('status' in answer))
        this.#remembered.set(name, { answer, untilAt: now + rememberMs }, 0);
      return answer;
    });
  }

  async #ask(request: Request, address: string): Promise<Answer> {
    const { url, timeoutMs, fields } = this.#rules;
    this.#asking++;
    try {
      const response = await fetch(url, {
        headers: questionFields(request, address),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      response.body?.cancel().catch(() => undefined);
      if (response.ok) return { lines: linesOf(response.headers, fields) };
      const isNo = response.status === 401 || response.status === 403;
      const isElsewhere =
        response.status >= 301 && response.status <= 308 && response.headers.has('location');
      if (!isNo && !isElsewhere) return UNAVAILABLE;
      const lines = linesOf(response.headers, PASSED_BACK);
      return { status: response.status, sentence: 'This needs leave.', detail: 'ask-refused', lines };
    } catch {
      return UNAVAILABLE;
    } finally {
      this.#asking--;
    }
  }

  /** Whatever the service's answer may depend on. */
  #nameOf({ method, scheme, authority, target, fields }: Request, address: string): string {
    const told = PASSED_ON.map((name) => fields.get(name) ?? '');
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([address, method, scheme, authority, target, ...told]))
      .digest('base64');
  }
}

/** The request in the words of nginx's and Traefik's users. */
function questionFields(request: Request, address: string): Headers {
  const { method, scheme, authority, target, fields } = request;
  const headers = new Headers({
    'X-Original-Method': method,
    'X-Original-URI': target,
    'X-Forwarded-Method': method,
    'X-Forwarded-Proto': scheme,
    'X-Forwarded-Host': authority,
    'X-Forwarded-Uri': target,
    'X-Forwarded-For': address,
  });
  for (const name of PASSED_ON) {
    const value = valueIn(fields, name);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

/** Cookies in several lines are one list of their own kind (RFC 9113 §8.2.3). */
function valueIn(fields: Fields, name: string): string | undefined {
  return name === 'cookie' && fields.has('cookie') ? fields.all('cookie').join('; ') : fields.get(name);
}

function linesOf(headers: Headers, names: readonly string[]): FieldLines {
  return names.flatMap((name) => {
    const values = name === 'set-cookie' ? headers.getSetCookie() : [headers.get(name)];
    return values.flatMap((value) =>
      value === null || value.length > LONGEST_VALUE || /[^\t\x20-\x7e\x80-\xff]/.test(value)
        ? []
        : [name, value],
    );
  });
}
