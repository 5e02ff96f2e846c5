// The cache settings: once with defaults (`cache`), once all optional (`routes[].cache`), and how both become CacheRules.
// The words are the operator's; src/cache/rules.ts says what each rule means to the cache.

import { z } from 'zod';
import { type CacheRules, DEFAULT_RULES } from '../cache/rules.ts';
import { globalCompress, overlayCompress, routeCompress } from './compress-schema.ts';
import { duration, durationOr, durationsBy, flag, integer, list, oneOf, section, size } from './setting.ts';
import { formatDuration, formatSize } from './units.ts';

const DAY = 86_400_000;
const LIFETIME = { min: 0, max: 3650 * DAY };

const fieldName = (value: string): string | undefined =>
  /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(value) ? value.toLowerCase() : undefined;
const parameterPattern = (value: string): string | undefined =>
  /^[^*&=#\s]{0,255}\*?$/.test(value) && value !== '' ? value : undefined;

const FIELD = 'a field name such as "X-Country"';
const PARAMETER = 'a parameter name; a "*" at its end matches any rest, as in "utm_*"';

const key = {
  query: oneOf('What becomes of the query, in the cache key and in the forwarded request alike.', [
    'keep',
    'sort',
    'drop',
  ]),
  allowParams: z
    .union([z.literal('all'), list('', PARAMETER, parameterPattern)], {
      error: `"all", or a list; each ${PARAMETER}`,
    })
    .meta({
      description: 'Query parameters that are kept; all others are removed from key and forwarded request.',
      allowed: `"all", or a list; each ${PARAMETER}`,
    }),
  denyParams: list(
    'Query parameters that are removed from key and forwarded request.',
    PARAMETER,
    parameterPattern,
  ),
  path: oneOf('The path as sent, or normalised by RFC 3986 §6.2.2, in key and forwarded request alike.', [
    'verbatim',
    'normalize',
  ]),
  extraFields: list(
    'Request fields whose values tell stored responses apart, whatever Vary says.',
    FIELD,
    fieldName,
  ),
};
const KEY_SENTENCE = 'How the cache key is made.';

const settings = {
  strict: flag('The strict reading of RFC 9111 everywhere; switches our deviations for safety off.'),
  bypass: flag('Forward everything, store nothing.'),
  ttl: durationOr(
    'origin',
    'Freshness lifetime of storable responses; "origin" leaves it to the origin.',
    LIFETIME,
  ),
  staleWhileRevalidate: durationOr(
    'origin',
    'How long after its freshness a response is served while it is revalidated behind (RFC 5861 §3); a time set here holds for responses with s-maxage too.',
    LIFETIME,
  ),
  staleIfError: durationOr(
    'origin',
    'How long after its freshness a response is served where the origin fails (RFC 5861 §4); a time set here holds for responses with s-maxage too.',
    LIFETIME,
  ),
  negativeTtl: durationsBy(
    'Freshness lifetime by status, for responses that name none: {"404": "10s"}.',
    { pattern: /^[3-5]\d\d$/, allowed: 'status codes from "300" to "599"' },
    LIFETIME,
  ),
  heuristicMax: duration(
    'Longest freshness lifetime that is guessed from Last-Modified (RFC 9111 §4.2.2); "0s" guesses none.',
    {
      min: 0,
      max: 365 * DAY,
    },
  ),
  storeSetCookie: flag('Store responses that carry Set-Cookie.'),
  stripSetCookie: flag('Remove Set-Cookie from responses before they are stored and delivered.'),
  honourClient: flag("Honour a client's no-cache, no-store, max-age and min-fresh (RFC 9111 §5.2.1)."),
  targetedFields: list(
    'Fields that take the place of Cache-Control, in order of preference (RFC 9213).',
    'a field name such as "CDN-Cache-Control"',
    fieldName,
  ),
  passTargetedFields: flag('Keep the targeted fields in responses to clients.'),
  maxObject: size(
    'Largest content that is stored; never more than an eighth of the disk, or half of a memory without one.',
    { min: 0, max: 1024 ** 4 },
  ),
  maxVariants: integer('Variants that are kept of one cache key; the oldest beyond it is evicted.', {
    min: 1,
    max: 10_000,
  }),
};

/** `routes[].cache`: what is left out is as in `cache`. */
export const routeCache = section('Cache settings of this route; what is left out is as in `cache`.', {
  ...optional(settings),
  key: section(KEY_SENTENCE, optional(key)).optional(),
  compress: routeCompress,
}).prefault({});

const rules = DEFAULT_RULES;

/** `cache`: the settings where no route says otherwise. */
export const globalCache = section('What is stored and reused, where no route says otherwise.', {
  strict: settings.strict.prefault(rules.strict),
  bypass: settings.bypass.prefault(rules.bypass),
  ttl: settings.ttl.prefault('origin'),
  staleWhileRevalidate: settings.staleWhileRevalidate.prefault('origin'),
  staleIfError: settings.staleIfError.prefault('origin'),
  negativeTtl: settings.negativeTtl.prefault({}),
  heuristicMax: settings.heuristicMax.prefault(formatDuration(rules.heuristicMaxMs)),
  storeSetCookie: settings.storeSetCookie.prefault(rules.storeSetCookie),
  stripSetCookie: settings.stripSetCookie.prefault(rules.stripSetCookie),
  honourClient: settings.honourClient.prefault(rules.honourClient),
  targetedFields: settings.targetedFields.prefault([...rules.targetedFields]),
  passTargetedFields: settings.passTargetedFields.prefault(rules.passTargetedFields),
  maxObject: settings.maxObject.prefault(formatSize(rules.maxObjectBytes)),
  maxVariants: settings.maxVariants.prefault(rules.maxVariants),
  key: section(KEY_SENTENCE, {
    query: key.query.prefault(rules.key.query),
    allowParams: key.allowParams.prefault('all'),
    denyParams: key.denyParams.prefault([...rules.key.denyParams]),
    path: key.path.prefault(rules.key.path),
    extraFields: key.extraFields.prefault([...rules.key.extraFields]),
  }).prefault({}),
  compress: globalCompress,
  debug: flag('Add the cache key to Cache-Status (RFC 9211 §2.7).').prefault(false),
}).prefault({});

/** The rules of `base` with those that `set` names put over them. */
export function overlay(base: CacheRules, set: z.output<typeof routeCache>): CacheRules {
  return {
    strict: set.strict ?? base.strict,
    bypass: set.bypass ?? base.bypass,
    ttlMs: either(set.ttl, 'origin', base.ttlMs),
    staleWhileRevalidateMs: either(set.staleWhileRevalidate, 'origin', base.staleWhileRevalidateMs),
    staleIfErrorMs: either(set.staleIfError, 'origin', base.staleIfErrorMs),
    negativeTtlMs: set.negativeTtl ?? base.negativeTtlMs,
    heuristicMaxMs: set.heuristicMax ?? base.heuristicMaxMs,
    storeSetCookie: set.storeSetCookie ?? base.storeSetCookie,
    stripSetCookie: set.stripSetCookie ?? base.stripSetCookie,
    honourClient: set.honourClient ?? base.honourClient,
    targetedFields: set.targetedFields ?? base.targetedFields,
    passTargetedFields: set.passTargetedFields ?? base.passTargetedFields,
    maxObjectBytes: set.maxObject ?? base.maxObjectBytes,
    maxVariants: set.maxVariants ?? base.maxVariants,
    key: {
      query: set.key?.query ?? base.key.query,
      allowParams: either(set.key?.allowParams, 'all', base.key.allowParams),
      denyParams: set.key?.denyParams ?? base.key.denyParams,
      path: set.key?.path ?? base.key.path,
      extraFields: set.key?.extraFields ?? base.key.extraFields,
    },
    compress: overlayCompress(base.compress, set.compress),
  };
}

/** `word` says undefined; absence says what `base` says. */
function either<T, W extends string>(set: T | W | undefined, word: W, base: T | undefined): T | undefined {
  if (set === undefined) return base;
  return set === word ? undefined : (set as T);
}

function optional<S extends Readonly<Record<string, z.ZodType>>>(
  shape: S,
): { [K in keyof S]: z.ZodOptional<S[K]> } {
  return Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, schema.optional()])) as {
    [K in keyof S]: z.ZodOptional<S[K]>;
  };
}
