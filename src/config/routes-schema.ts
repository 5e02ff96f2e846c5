// The settings of routes, and of the header edits that hold everywhere. config.ts turns them into RouteConfigs.

import { z } from 'zod';
import type { LocalConfig } from '../site/local-answer.ts';
import { PLACES, parseTemplate, starsOf, type Template } from '../site/template.ts';
import { routeAccess } from './access-schema.ts';
import { routeCache } from './cache-schema.ts';
import { parseHostPattern, parseMediaPattern, parsePathPattern, parseTextPattern } from './patterns.ts';
import { duration, integer, list, oneOf, section, text } from './setting.ts';
import { parseRange } from './units.ts';

export const RANGE = 'an address or a range such as "10.0.0.0/8" or "2001:db8::/32"';
const METHOD = 'a method in capitals such as "GET"';
const TEXT_PATTERN = 'a text, in which "*" stands for any run of characters';
const HOST = 'a host such as "www.example.org", "*.example.org" or "example.org:8443"';
const PATH = 'a path such as "/static/*", or a pattern such as "*.css"';

/** The writer's own, and those that are no header but framing and connection. */
const NOT_EDITED: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'content-length',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const EDITED_NAME = 'a field name, but none of the connection or the framing, nor Host (see `host`) or Age';

function editedName(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(value) && !NOT_EDITED.has(value.toLowerCase())
    ? value
    : undefined;
}

function fieldValue(value: string): Template | undefined {
  return /^[\t\x20-\x7e\x80-\xff]{0,4096}$/.test(value) && value.trim() === value
    ? parseTemplate(value)
    : undefined;
}

/** Texts by name, as in {"X-Frame-Options": "DENY"}. */
function byName<T>(
  sentence: string,
  names: { readonly allowed: string; readonly parse: (name: string) => string | undefined },
  values: { readonly allowed: string; readonly parse: (value: string) => T | undefined },
) {
  const allowed = `an object; each name ${names.allowed}; each value ${values.allowed}`;
  return z
    .record(z.string(), z.string(values.allowed), { error: allowed })
    .transform((object, context) => {
      const out: [string, T][] = [];
      for (const [key, value] of Object.entries(object)) {
        const name = names.parse(key);
        const parsed = values.parse(value);
        if (name === undefined) context.addIssue({ code: 'custom', path: [key], message: names.allowed });
        else if (parsed === undefined)
          context.addIssue({ code: 'custom', path: [key], message: values.allowed });
        else out.push([name, parsed]);
      }
      return out;
    })
    .meta({ description: sentence, allowed });
}

const edited = { allowed: EDITED_NAME, parse: editedName };

function edits(sentence: string, places: string) {
  const value = { allowed: `a field value${places}`, parse: fieldValue };
  return section(sentence, {
    remove: list('Fields that are removed.', EDITED_NAME, (name) => editedName(name)?.toLowerCase()).prefault(
      [],
    ),
    set: byName('Fields that are given this value, in place of any they have.', edited, value).prefault({}),
    add: byName('Fields that are added to those that are there.', edited, value).prefault({}),
  }).prefault({});
}

/** `headers`, at the top and in routes. */
export const headers = section('Changes to header fields.', {
  request: edits(
    'Of requests, before the cache sees them: what is removed here takes no part in Vary either.',
    `; filled in: ${PLACES}`,
  ),
  response: edits(
    'Of responses on their way to clients; the stored ones stay as they are.',
    ', the same for every request',
  ),
})
  .superRefine(({ response }, context) => {
    for (const how of ['set', 'add'] as const) {
      for (const [name, value] of response[how]) {
        if (value.every((part) => typeof part === 'string')) continue;
        context.addIssue({
          code: 'custom',
          path: ['response', how, name],
          message: 'a value without places',
        });
      }
    }
  })
  .prefault({});

/** One text or several. */
function oneOrMore<T>(sentence: string, item: string, parse: (value: string) => T | undefined) {
  const allowed = `${item}, or a list of such`;
  return z
    .union([z.string(), z.array(z.string()).min(1)], { error: allowed })
    .transform((value, context): T[] => {
      const out: T[] = [];
      for (const one of typeof value === 'string' ? [value] : value) {
        const parsed = parse(one);
        if (parsed !== undefined) out.push(parsed);
        else context.addIssue({ code: 'custom', message: allowed });
      }
      return out;
    })
    .meta({ description: sentence, allowed });
}

const fieldName = {
  allowed: 'a field name',
  parse: (name: string) => (/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(name) ? name.toLowerCase() : undefined),
};
const textPattern = { allowed: TEXT_PATTERN, parse: parseTextPattern };

const match = section('Conditions that must all hold.', {
  host: oneOrMore(
    'Host of the request; "*.example.org" is any host below example.org.',
    HOST,
    parseHostPattern,
  ).optional(),
  path: oneOrMore(
    'Path of the request without its query; "*" stands for any run of characters.',
    PATH,
    parsePathPattern,
  ).optional(),
  methods: list('Methods of the request; HEAD and PURGE go where GET goes.', METHOD, method).optional(),
  headers: byName(
    'Fields of the request, by name, and what they are like.',
    fieldName,
    textPattern,
  ).optional(),
  query: byName(
    'Parameters of the query, by name as it is sent, and what they are like.',
    { allowed: 'a parameter name', parse: (name) => (/^[^&=#\s]{1,255}$/.test(name) ? name : undefined) },
    textPattern,
  ).optional(),
  clients: list(
    'Addresses of clients; through trusted proxies as `clientAddress` says.',
    RANGE,
    parseRange,
  ).optional(),
  contentType: text(
    'Media type of the response; "image/*" is any image. Such a route says what is stored, not what is forwarded.',
    'a media type such as "text/html" or "image/*"',
    parseMediaPattern,
  ).optional(),
});

const TARGET = `a path that begins with "/"; filled in: ${PLACES}`;
const LOCATION = `a URL, or a path that begins with "/"; filled in: ${PLACES}`;

const redirect = section('Answers with a redirect.', {
  to: text('Where to.', LOCATION, (value) =>
    /^(https?:\/\/|\/)[\x21-\x7e]*$/i.test(value) ? parseTemplate(value) : undefined,
  ),
  status: redirectStatus(),
});

function redirectStatus() {
  const allowed = '301, 302, 303, 307 or 308';
  return z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: allowed,
    })
    .meta({ description: 'Which redirect; 308 and 307 keep the method.', allowed })
    .prefault(308);
}

const respond = section('Answers itself.', {
  status: integer('Status of the answer.', { min: 200, max: 599 }).prefault(200),
  contentType: text('Its media type.', 'a media type', (value) =>
    /^[!#$%&'*+.^_`|~0-9a-z-]+\/[\x21-\x7e ]{1,200}$/i.test(value) ? value : undefined,
  ).prefault('text/plain; charset=utf-8'),
  body: text('Its content.', 'a text', (value) => value).optional(),
  file: text(
    'File that holds its content, of 1 MB at most; read when the settings are.',
    'a file name',
    (value) => (value === '' || value.includes('\0') ? undefined : value),
  ).optional(),
  retryAfter: duration('Sent as Retry-After, for a maintenance page.', {
    min: 1000,
    max: 30 * 86_400_000,
  }).optional(),
}).refine((set) => set.body === undefined || set.file === undefined, {
  path: ['file'],
  message: 'either body or file, not both',
});

export const route = section('Requests and the settings that hold for them.', {
  match,
  origin: text(
    'Group of `origins` that these requests go to.',
    'the name of a group in `origins`',
    (value) => (value === '' ? undefined : value),
  ).optional(),
  host: oneOf('Which Host the origin sees; as `host`.', ['preserve', 'origin']).optional(),
  rewrite: text(
    "Path that the origin is asked for in place of the client's; the query stays unless one is written here. Stored responses keep the URL of the client.",
    TARGET,
    (value) => (/^\/[\x21-\x7e]*$/.test(value) ? parseTemplate(value) : undefined),
  ).optional(),
  redirect: redirect.optional(),
  respond: respond.optional(),
  headers,
  access: routeAccess,
  cache: routeCache,
}).superRefine((set, context) => {
  const { redirect: to, respond: own, rewrite, origin, match: on } = set;
  if (to !== undefined && own !== undefined)
    context.addIssue({ code: 'custom', path: ['respond'], message: 'either redirect or respond, not both' });
  if ((to ?? own) !== undefined && (rewrite ?? origin) !== undefined)
    context.addIssue({
      code: 'custom',
      path: [rewrite === undefined ? 'origin' : 'rewrite'],
      message: 'nothing: this route answers itself and asks no origin',
    });
  if (
    on.contentType !== undefined &&
    (to ?? own ?? rewrite ?? origin ?? set.host ?? set.access) !== undefined
  )
    context.addIssue({
      code: 'custom',
      path: ['match', 'contentType'],
      message:
        'left out: the response is not known when a request is forwarded; such a route has `cache` alone',
    });
  const stars = Math.min(...(on.path ?? [['']]).map((pattern) => pattern.length - 1));
  for (const [path, template] of [
    [['rewrite'], rewrite],
    [['redirect', 'to'], to?.to],
  ] as const) {
    if (template !== undefined && starsOf(template) > stars)
      context.addIssue({
        code: 'custom',
        path: [...path],
        message: `no {${stars + 1}} or above: match.path has ${stars} "*"`,
      });
  }
});

type Parsed = z.output<typeof route>;

/** @param body of the answer, read from its file where it has one */
export function localConfig({ redirect: to, respond: own }: Parsed, body: Buffer): LocalConfig | undefined {
  if (to !== undefined) return { kind: 'redirect', status: to.status, to: to.to };
  if (own === undefined) return undefined;
  return {
    kind: 'respond',
    status: own.status,
    contentType: own.contentType,
    body: body.toString('base64'),
    retryAfterSeconds: own.retryAfter === undefined ? undefined : Math.ceil(own.retryAfter / 1000),
  };
}

function method(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Z-]{1,32}$/.test(value) ? value : undefined;
}
