// What holds for the requests of a route, ready for use. One object per route: what is remembered for a route hangs on it.

import type { CacheRules } from '../cache/rules.ts';
import { labelRoute, ROUTE } from '../cache/vary.ts';
import { canonicalPath, type Pattern } from '../config/patterns.ts';
import type { HeaderEdits } from '../config/routes.ts';
import type { Gate } from '../gate/gate.ts';
import { Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import type { HostPolicy, Telling } from '../origin/forwarded.ts';
import type { Upstream } from '../origin/upstream.ts';
import {
  type Edits,
  type EditTemplates,
  edited,
  editTemplates,
  fillEdits,
  isStatic,
  staticEdits,
} from './edits.ts';
import { type LocalAnswer, type LocalConfig, localAnswer, rewritten } from './local-answer.ts';
import type { Template } from './template.ts';

export interface RouteOptions {
  readonly rules: CacheRules;
  readonly upstream: Upstream;
  readonly hostPolicy: HostPolicy;
  /** What origins are told of client and edge. */
  readonly telling?: Telling;
  readonly headers: HeaderEdits;
  /** Tells its stored responses apart from other routes', where the URL does not; equal for routes that fetch alike. */
  readonly label?: string | undefined;
  /** undefined lets everybody in. */
  readonly gate?: Gate | undefined;
  /** Who asks; the connection's address unless given. */
  readonly clientOf?: (request: Request) => { readonly address: string };
  readonly rewrite?: Template | undefined;
  readonly local?: LocalConfig | undefined;
  /** Patterns of its path, for places in templates. */
  readonly paths?: readonly Pattern[];
}

const NO_EDITS: EditTemplates = { removed: new Set(), lines: [] };

export class Route {
  readonly rules: CacheRules;
  readonly upstream: Upstream;
  readonly hostPolicy: HostPolicy;
  readonly telling: Telling;
  readonly gate: Gate | undefined;
  /** Changes to what clients get. */
  readonly responseEdits: Edits | undefined;
  /** Answers in place of cache and origin. */
  readonly answer: ((request: Request) => LocalAnswer) | undefined;
  readonly #label: string | undefined;
  readonly #requestEdits: EditTemplates | undefined;
  readonly #same: Edits | undefined;
  /** Edited and labelled fields by the fields as they came, where all requests are edited alike. */
  readonly #known = new WeakMap<Fields, Fields>();
  readonly #rewrite: Template | undefined;
  readonly #paths: readonly Pattern[];
  readonly #clientOf: (request: Request) => { readonly address: string };

  constructor({
    rules,
    upstream,
    hostPolicy,
    telling = 'client',
    headers,
    label,
    gate,
    rewrite,
    local,
    paths = [],
    clientOf = ({ peer }) => peer,
  }: RouteOptions) {
    this.#clientOf = clientOf;
    this.rules = label === undefined ? rules : told(rules);
    this.#label = label;
    this.upstream = upstream;
    this.hostPolicy = hostPolicy;
    this.telling = telling;
    this.gate = gate;
    this.#rewrite = rewrite;
    this.#paths = paths;
    const response = editTemplates(headers.response);
    this.responseEdits = response && staticEdits(response);
    this.#requestEdits = editTemplates(headers.request);
    const edits = this.#requestEdits ?? NO_EDITS;
    this.#same = isStatic(edits) ? staticEdits(edits) : undefined;
    this.answer = local && localAnswer(local, paths, clientOf);
  }

  /** The request as the cache and the origin see it: with its fields edited; itself where nothing is. */
  entered(request: Request): Request {
    if (this.#requestEdits === undefined && this.#label === undefined) return request;
    if (this.#requestEdits !== undefined && this.#same === undefined) {
      const path = canonicalPath(request.target);
      const filled = fillEdits(this.#requestEdits, {
        ...{ request, patterns: this.#paths, path },
        client: this.#clientOf(request).address,
      });
      return { ...request, fields: this.#fields(request.fields, filled) };
    }
    let fields = this.#known.get(request.fields);
    if (fields === undefined) {
      fields = this.#fields(request.fields, this.#same);
      this.#known.set(request.fields, fields);
    }
    return { ...request, fields };
  }

  #fields({ lines }: Fields, edits: Edits | undefined): Fields {
    const fields = new Fields(edits === undefined ? lines : edited(lines, edits));
    if (this.#label !== undefined) labelRoute(fields, this.#label);
    return fields;
  }

  /** What the origin is asked for in place of `target`. */
  rewritten(request: Request, target: string): string {
    return this.#rewrite === undefined
      ? target
      : rewritten(this.#rewrite, this.#paths, this.#clientOf, request, target);
  }
}

/** The rules with the route among what tells stored responses apart. */
function told(rules: CacheRules): CacheRules {
  return { ...rules, key: { ...rules.key, extraFields: [...rules.key.extraFields, ROUTE] } };
}
