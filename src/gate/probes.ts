// Looks for injection probes in a request's target and in some of its fields: decodes as applications do, then asks the
// rules. A plain net against what scanners send by the million; what is written for one application it does not know, and
// it sees no request content. Pure.

import type { Refusal } from '../admit.ts';
import type { Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import type { ProbeRules } from './access-rules.ts';
import { PROBE_RULES, type ProbeRule } from './probe-rules.ts';
import { unescaped } from './reading.ts';

/** What was found: the ids of the rules that match. */
export interface Probe {
  readonly ids: readonly string[];
  readonly score: number;
}

/** Scores by the ids of the rules that match. */
type Found = ReadonlyMap<string, number>;

const NOTHING: Found = new Map();

/** As deep as escapes are looked into: applications decode once, careless ones twice. */
const LAYERS = 2;
/** Longer texts are looked at so far from their beginning, and so far from their end. */
const LOOKED_AT = 16 * 1024;

/** Without one of these no rule can match. */
const SUSPICIOUS =
  /[%<>'"`;|&(){}$\\\0\r\n*#]|\.\.|\/\.|:\/\/|--|[\s+]|\/etc\/|\/proc\/|wp-config|web\.config|win\.ini|boot\.ini|cmd\.exe|script:|system32|\/bin\/|\/dev\//i;

export class Probes {
  readonly #rules: readonly ProbeRule[];
  readonly #settings: ProbeRules;
  readonly #known = new WeakMap<Fields, Found>();

  constructor(settings: ProbeRules) {
    this.#settings = settings;
    this.#rules = PROBE_RULES.filter(({ id }) => !settings.exclude.includes(id));
  }

  /** @returns undefined while the scores stay below the threshold. */
  find({ target, fields }: Pick<Request, 'target' | 'fields'>): Probe | undefined {
    const ofFields = this.#inFields(fields);
    const found = SUSPICIOUS.test(target) ? this.#look(target, new Map(ofFields)) : ofFields;
    if (found.size === 0) return undefined;
    let score = 0;
    for (const one of found.values()) score += one;
    return score >= this.#settings.threshold ? { ids: [...found.keys()], score } : undefined;
  }

  /** Worked out once for each header section. */
  #inFields(fields: Fields): Found {
    let found = this.#known.get(fields);
    if (found === undefined) {
      found = NOTHING;
      for (const name of this.#settings.fields) {
        const value = fields.get(name);
        if (value !== undefined && SUSPICIOUS.test(value)) found = this.#look(value, new Map(found));
      }
      this.#known.set(fields, found);
    }
    return found;
  }

  /** Adds to `found` what matches. */
  #look(text: string, found: Map<string, number>): Found {
    let layer = cut(text);
    for (let depth = 0; depth <= LAYERS; depth++) {
      const plain = spaced(layer).toLowerCase();
      for (const { id, score, pattern } of this.#rules)
        if (!found.has(id) && pattern.test(plain)) found.set(id, score);
      const next = unescaped(layer);
      if (next === layer) break;
      layer = next;
    }
    return found;
  }
}

/** A form's blanks; `%2B` stays what it is. */
function spaced(text: string): string {
  return text.replaceAll('+', ' ');
}

function cut(text: string): string {
  return text.length <= 2 * LOOKED_AT ? text : `${text.slice(0, LOOKED_AT)}\n${text.slice(-LOOKED_AT)}`;
}

/** What a probe is answered with. The ids are for the log, not for whoever tries. */
export function probeRefusal(): Refusal {
  return { status: 403, sentence: 'The request looks like an attack.', detail: 'probe' };
}
