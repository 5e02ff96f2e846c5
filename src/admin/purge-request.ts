// The body of POST /purge: read strictly, every fault named at once. Cloudflare's words for the same things are taken too.

import { z } from 'zod';
import { type PurgeMode, type Selector, selected } from '../../storage/journal.ts';
import { hostSelector, type KeyRulesFor, prefixSelector, tagSelector, urlSelector } from './selectors.ts';

/** What one request asks for. */
export interface PurgeRequest {
  readonly selectors: readonly Selector[];
  readonly mode: PurgeMode;
  /** Only count what would match. */
  readonly dryRun: boolean;
  /** Fetch again what is made stale, behind. */
  readonly refresh: boolean;
}

export type ReadPurge =
  | { readonly kind: 'purge'; readonly request: PurgeRequest }
  | { readonly kind: 'refused'; readonly status: 400 | 413; readonly error: string };

/** More purges than this are to be sent in several requests. */
const MAX_SELECTORS = 1000;
const MAX_WORD_CHARS = 16 * 1024;
const MAX_FAULTS = 10;

const word = z.string('a string').min(1, 'a string').max(MAX_WORD_CHARS, 'a shorter string');
const words = z.array(word, 'a list of strings').optional();
/** Cloudflare's `files` may be objects; their headers name a variant, and here every variant goes. */
const urls = z
  .array(z.union([word, z.looseObject({ url: word }).transform(({ url }) => url)], 'a URL'), 'a list of URLs')
  .optional();
const flag = z.boolean('true or false').optional();

const KNOWN =
  'urls, prefixes, hosts, tags, everything, mode, ignoreQuery, dryRun, refresh (or files, purge_everything)';

const body = z.strictObject(
  {
    urls,
    files: urls,
    prefixes: words,
    hosts: words,
    tags: words,
    everything: flag,
    purge_everything: flag,
    mode: z.enum(['invalidate', 'delete'], '"invalidate" or "delete"').optional(),
    ignoreQuery: flag,
    dryRun: flag,
    refresh: flag,
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `nothing of that name; known: ${KNOWN}` : 'a JSON object',
  },
);

type Body = z.output<typeof body>;

/** Reads the text of a body. */
export function readPurge(text: string, rulesFor: KeyRulesFor): ReadPurge {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refused(400, 'the body is not JSON');
  }
  const parsed = body.safeParse(json);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message, code, ...issue }) => {
      if (code === 'unrecognized_keys' && 'keys' in issue) return `${String(issue.keys)}: ${message}`;
      return `${pathText(path)}: expected ${message}`;
    });
    return refused(400, faults.slice(0, MAX_FAULTS).join('; '));
  }
  return selectorsOf(parsed.data, rulesFor);
}

function selectorsOf(set: Body, rulesFor: KeyRulesFor): ReadPurge {
  const faults: string[] = [];
  const found = new Map<string, Selector>();
  const take = (
    name: string,
    given: readonly string[] | undefined,
    allowed: string,
    read: (text: string) => Selector | undefined,
  ): void => {
    for (const [i, text] of (given ?? []).entries()) {
      const selector = read(text);
      if (selector === undefined)
        faults.push(`${name}[${i}]: expected ${allowed}, not ${JSON.stringify(text.slice(0, 100))}`);
      else found.set(`${selector.kind} ${selected(selector)}`, selector);
    }
  };
  const url = (text: string): Selector | undefined => urlSelector(text, rulesFor, set.ignoreQuery);
  take('urls', set.urls, 'an absolute http or https URL', url);
  take('files', set.files, 'an absolute http or https URL', url);
  take(
    'prefixes',
    set.prefixes,
    'the beginning of a URL such as "http://www.example.org/img/*", with "*" at the end only',
    (text) => prefixSelector(text, rulesFor),
  );
  take('hosts', set.hosts, 'a host such as "www.example.org" or "www.example.org:8080"', hostSelector);
  take('tags', set.tags, 'a tag without control characters and blanks around it', tagSelector);
  if (faults.length > 0) return refused(400, faults.slice(0, MAX_FAULTS).join('; '));
  const everything = set.everything === true || set.purge_everything === true;
  const selectors: readonly Selector[] = everything ? [{ kind: 'all' }] : [...found.values()];
  if (selectors.length === 0)
    return refused(400, 'nothing is selected: give urls, prefixes, hosts, tags, or "everything": true');
  if (selectors.length > MAX_SELECTORS)
    return refused(413, `${selectors.length} purges in one request; at most ${MAX_SELECTORS}`);
  const { dryRun = false, refresh = false, mode = refresh ? 'invalidate' : 'delete' } = set;
  if (refresh && mode === 'delete')
    return refused(400, 'refresh: expected mode "invalidate": what is deleted is not known any more');
  if (refresh && dryRun) return refused(400, 'refresh: expected no dryRun');
  return { kind: 'purge', request: { selectors, mode, dryRun, refresh } };
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0
    ? 'body'
    : path
        .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
        .join('')
        .slice(1);
}

function refused(status: 400 | 413, error: string): ReadPurge {
  return { kind: 'refused', status, error };
}
