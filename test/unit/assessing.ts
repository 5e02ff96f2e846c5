// Builds the input of assess() for tables: a GET for http://example.test/ answered at NOW, where nothing is said otherwise.

import { type Assessment, assess, type NoStoreReason } from '../../src/cache/policy.ts';
import { type CacheRules, DEFAULT_RULES } from '../../src/cache/rules.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Fields } from '../../src/http/fields.ts';
import type { Request } from '../../src/http/message.ts';

export type FieldTable = Readonly<Record<string, string | readonly string[]>>;

/** Sun, 06 Nov 2033 08:49:37 GMT. */
export const NOW = Date.parse('2033-11-06T08:49:37Z');

export interface Case {
  readonly method?: string;
  readonly target?: string;
  readonly request?: FieldTable;
  readonly body?: Request['body'];
  readonly status?: number;
  readonly rules?: Partial<CacheRules>;
  readonly requestedAt?: number;
  readonly respondedAt?: number;
  readonly content?: string | undefined;
}

export function assessed(response: FieldTable, given: Case = {}): Assessment {
  return assess({
    request: {
      method: given.method ?? 'GET',
      scheme: 'http',
      authority: 'example.test',
      target: given.target ?? '/',
      fields: Fields.from(given.request ?? {}),
      body: given.body ?? null,
    },
    response: { status: given.status ?? 200, fields: Fields.from(response) },
    requestedAt: given.requestedAt ?? NOW,
    respondedAt: given.respondedAt ?? NOW,
    rules: { ...DEFAULT_RULES, ...given.rules },
    seq: 7,
    content: given.content,
  });
}

export function metaOf(response: FieldTable, given?: Case): StoredMeta {
  const assessment = assessed(response, given);
  if (!assessment.storable) throw new Error(`not storable: ${assessment.reason}`);
  return assessment.meta;
}

/** The reason, or 'stored'. */
export function outcome(response: FieldTable, given?: Case): NoStoreReason | 'stored' {
  const assessment = assessed(response, given);
  return assessment.storable ? 'stored' : assessment.reason;
}

export function linesNamed(meta: StoredMeta): readonly string[] {
  return [...new Fields(meta.lines).names()];
}
