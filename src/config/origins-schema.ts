// The settings of origin groups: `origins`, by name. origins.ts turns what they yield into what the origin side works with.

import { z } from 'zod';
import { formatFastCgiUrl, parseFastCgiUrl } from '../origin/fastcgi/address.ts';
import { budget } from './budget-schema.ts';
import { groupFastCgi } from './fastcgi-schema.ts';
import { duration, durationOr, flag, integer, list, oneOf, section, text } from './setting.ts';
import { sticky } from './sticky-schema.ts';
import { parseDuration } from './units.ts';

const SERVER_FORM =
  'a URL such as "http://127.0.0.1:3000", without user, path and query, or "unix:" and the path of a socket, or "fastcgi://127.0.0.1:9000" or "fastcgi:///run/php.sock"';
const STATUSES = 'a status or a range of statuses such as "503" or "500-599"';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FAILURES = ['connect', 'reset', 'timeout'] as const;
const WAIT = { min: 1, max: DAY };

const tls = {
  serverName: text(
    "Name that is asked for and that the certificate has to have; the URL's own where none is given.",
    'a host name',
    (value) => (/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i.test(value) ? value.toLowerCase() : undefined),
  ).optional(),
  ca: text(
    'File of the authorities that are trusted, instead of those of the system.',
    'a PEM file',
    fileName,
  ).optional(),
  certificate: text('File of the certificate that the edge shows.', 'a PEM file', fileName).optional(),
  key: text('File of its key.', 'a PEM file', fileName).optional(),
  insecure: flag(
    'Take any certificate. For tests: whoever stands between can then read and change everything.',
  ).prefault(false),
};

const tlsSection = section('TLS to origins with https URLs. Certificates are verified.', tls)
  .refine((set) => (set.certificate === undefined) === (set.key === undefined), {
    path: ['key'],
    message: 'certificate and key together, or neither',
  })
  .optional();

const server = section('One origin.', {
  url: text('Where it is.', SERVER_FORM, serverUrl),
  weight: integer('Its share of the requests, beside those of the others.', { min: 1, max: 1000 }).prefault(
    1,
  ),
  backup: flag('Asked only while none of the others can be.').prefault(false),
  maxConnections: integer('Most requests under way with it; those beyond go to others, or wait.', {
    min: 1,
    max: 65_535,
  }).prefault(256),
  tls: tlsSection,
});

const group = section('A group of origins that serve the same.', {
  servers: z
    .array(server, 'a list of origins')
    .min(1, 'a list of 1 to 128 origins')
    .max(128, 'a list of 1 to 128 origins')
    .refine((servers) => new Set(servers.map(({ url }) => url)).size === servers.length, 'each URL once')
    .refine((servers) => servers.some(({ backup }) => !backup), 'a list in which not all are backups')
    .meta({ description: 'The origins.', allowed: 'a list of 1 to 128 origins' }),
  balance: oneOf(
    'Who gets a request: each in turn; who has least to do; the one that has its cache key; the less busy of two by chance. All by weight.',
    ['roundRobin', 'leastConnections', 'consistentHash', 'random2'],
  ).prefault('roundRobin'),
  hashLoadFactor: z
    .union([z.literal('none'), z.number().min(1.05).max(10)], '"none", or a number from 1.05 to 10')
    .meta({
      description:
        'For "consistentHash": a server with more than this many times its fair share of the requests under way passes keys on.',
      allowed: '"none", or a number from 1.05 to 10',
    })
    .prefault('none'),
  queue: section('Requests that wait while every server has its maxConnections.', {
    length: integer('How many; beyond it 503 with Retry-After.', { min: 0, max: 1_000_000 }).prefault(1024),
    timeout: duration('How long; after it 503 with Retry-After.', WAIT).prefault('10s'),
  }).prefault({}),
  timeouts: section('How long these origins may take; what is left out is as in `timeouts`.', {
    connect: duration('To accept a connection.', WAIT).optional(),
    firstByte: duration('From the request sent to the response head.', WAIT).optional(),
    idle: duration('Between two pieces of a response body.', WAIT).optional(),
    total: durationOr(
      'none',
      'For one try from its beginning to the last byte of the response.',
      WAIT,
    ).prefault('none'),
  }).prefault({}),
  retries: section(
    'Another server is asked before anything has reached the client: for idempotent requests without content, and for any that could not be sent.',
    {
      attempts: integer('Further tries of one request.', { min: 0, max: 10 }).prefault(2),
      on: list(
        'After which failures.',
        '"connect" (no connection), "reset" (no whole head came), or "timeout" (no head in time)',
        (value) => FAILURES.find((one) => one === value),
      ).prefault(['connect', 'reset']),
      statuses: list('And after which statuses.', STATUSES, statusRange).prefault([]),
      budget: integer('Most retries, in percent of the requests of the last ten seconds.', {
        min: 0,
        max: 100,
      }).prefault(20),
      perSecond: integer('Retries a second beside that percentage.', { min: 0, max: 10_000 }).prefault(10),
    },
  ).prefault({}),
  health: section('A server that fails is ejected: it gets no requests for a time, and then one to try.', {
    failures: integer('Failures in a row that eject it; 0 never does.', { min: 0, max: 1000 }).prefault(5),
    failureRate: integer('Percentage of failures in ten seconds that ejects it too; 0 never does.', {
      min: 0,
      max: 100,
    }).prefault(0),
    minRequests: integer('Requests in ten seconds from which on that percentage counts.', {
      min: 1,
      max: 1_000_000,
    }).prefault(20),
    statuses: list('Statuses that are failures too.', STATUSES, statusRange).prefault([]),
    eject: duration('How long for the first time; each further time is twice as long.', {
      min: 100,
      max: DAY,
    }).prefault('5s'),
    ejectMax: duration('How long at most.', { min: 100, max: DAY }).prefault('2m'),
    slowStart: duration('After its return its weight grows from a tenth to the whole within this time.', {
      min: 0,
      max: HOUR,
    }).prefault('0s'),
  }).prefault({}),
  checks: section(
    'Every server is asked at intervals whether it is well; one that is not gets no requests.',
    {
      path: text(
        'Path (and query) that is asked for with GET; "none" asks nothing.',
        '"none", or a path such as "/healthz"',
        checkPath,
      ).prefault('none'),
      interval: duration('Between two checks; a tenth more or less by chance.', {
        min: 100,
        max: HOUR,
      }).prefault('5s'),
      timeout: duration('How long an answer may take.', { min: 10, max: HOUR }).prefault('2s'),
      statuses: list('Statuses of an origin that is well.', STATUSES, statusRange).prefault(['200-399']),
      host: text(
        "Host that is named; the server's own where none is given.",
        'a host, with its port where it has one',
        (value) => (/^[a-z0-9.[\]:_-]{1,255}$/i.test(value) ? value : undefined),
      ).optional(),
      rise: integer('Good checks in a row until a server gets requests again.', {
        min: 1,
        max: 100,
      }).prefault(2),
      fall: integer('Bad checks in a row until it gets none.', { min: 1, max: 100 }).prefault(3),
    },
  ).prefault({}),
  hedge: section(
    'A second server is asked where the first is slow, and the first to answer is taken. For GET and HEAD without content.',
    {
      after: text(
        'After a time, or after the time within which that percentage of the last responses began; "none" never.',
        '"none", a duration such as "50ms", or a percentile from "p50" to "p99.9"',
        hedgeAfter,
      ).prefault('none'),
      budget: integer('Most second requests, in percent of the requests of the last ten seconds.', {
        min: 1,
        max: 100,
      }).prefault(5),
    },
  ).prefault({}),
  tls: tlsSection,
  fastcgi: groupFastCgi,
  budget,
  sticky,
  http2: flag('Speak HTTP/2 with https origins that offer it.').prefault(false),
  connections: section('Connections to these origins.', {
    maxAge: durationOr('none', 'Older ones are closed between two requests.', {
      min: 1000,
      max: DAY,
    }).prefault('10m'),
    resolve: duration('How long the addresses of a name are used before it is resolved again.', {
      min: 1000,
      max: DAY,
    }).prefault('30s'),
  }).prefault({}),
});

export type ParsedGroup = z.output<typeof group>;
export type ParsedTls = NonNullable<ParsedGroup['tls']>;

const NAME = /^[a-z][a-z0-9_-]{0,63}$/i;

export const origins = z
  .record(z.string().regex(NAME), group, { error: 'an object of groups by name' })
  .meta({
    description:
      'Groups of origins by name (letters, digits, "-" and "_"), for `origin` and `routes[].origin`.',
    allowed: 'an object of groups by name',
  })
  .prefault({});

/** The name of a group; "demo" is none. */
export function groupName(value: string): string | undefined {
  return NAME.test(value) && value !== 'demo' ? value : undefined;
}

/** The group that `origin` names, if any. */
export function groupOf(
  origin: { readonly kind: 'demo' | 'url' } | { readonly kind: 'group'; readonly name: string },
): string | undefined {
  return origin.kind === 'group' ? origin.name : undefined;
}

/** scheme://host:port, or a FastCGI server's. */
export function originUrl(value: string): string | undefined {
  const fastcgi = parseFastCgiUrl(value);
  if (fastcgi !== undefined) return formatFastCgiUrl(fastcgi);
  if (!/^https?:\/\/[^/?#\\@\s]+\/?$/i.test(value) || !URL.canParse(value)) return undefined;
  return new URL(value).origin;
}

function serverUrl(value: string): string | undefined {
  if (!value.startsWith('unix:')) return originUrl(value);
  return value.length > 'unix:'.length && value.length < 100 && !value.includes('\0') ? value : undefined;
}

/** From and to, inclusive. */
export type StatusRange = readonly [number, number];

function statusRange(value: string): StatusRange | undefined {
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(value) ?? [];
  if (from === undefined || to === undefined || to < from) return undefined;
  return [Number(from), Number(to)];
}

function checkPath(value: string): string | undefined {
  return value === 'none' || /^\/[\x21-\x7e]{0,2047}$/.test(value) ? value : undefined;
}

export type HedgeAfter = 'none' | { readonly ms: number } | { readonly percentile: number };

function hedgeAfter(value: string): HedgeAfter | undefined {
  if (value === 'none') return value;
  const [, percent] = /^p(\d{2}(?:\.\d)?)$/.exec(value) ?? [];
  if (percent !== undefined) return Number(percent) >= 50 ? { percentile: Number(percent) } : undefined;
  const ms = parseDuration(value);
  return ms !== undefined && ms >= 1 && ms <= HOUR ? { ms } : undefined;
}

function fileName(value: string): string | undefined {
  return value === '' || value.includes('\0') ? undefined : value;
}
