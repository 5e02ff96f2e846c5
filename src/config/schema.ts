// The one schema of config.json: every setting with its default, its bounds and a sentence. config.schema.json and
// docs/settings.md are made from it. config.ts turns what it yields into a Config.

import { z } from 'zod';
import { isFastCgi } from '../origin/fastcgi/address.ts';
import { globalAccess } from './access-schema.ts';
import { budget } from './budget-schema.ts';
import { globalCache } from './cache-schema.ts';
import { compression } from './compress-schema.ts';
import { connectionLimits, proxyProtocol } from './connections-schema.ts';
import { fastcgi } from './fastcgi-schema.ts';
import { forwardProxy } from './forward-schema.ts';
import { groupName, groupOf, origins, originUrl } from './origins-schema.ts';
import { headers, RANGE, route } from './routes-schema.ts';
import {
  decimal,
  duration,
  flag,
  integer,
  integerOr,
  list,
  oneOf,
  section,
  size,
  sizeOr,
  text,
} from './setting.ts';
import { tier } from './tier-schema.ts';
import { tls } from './tls-schema.ts';
import { formatAddress, parseAddress, parseRange } from './units.ts';
import { upgrades } from './upgrades-schema.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MB = 1024 ** 2;
const TB = 1024 ** 4;

const WAIT = { min: 1, max: 24 * HOUR };
const ADDRESS = 'host:port such as "127.0.0.1:8080", "[::1]:8080", or ":8080" for all interfaces';
const ORIGIN =
  '"demo", a URL such as "http://127.0.0.1:3000" or "fastcgi:///run/php.sock", without user and query, or the name of a group in `origins`';
const GROUP = 'the name of a group in `origins`';

const log = section('The log, JSON lines on standard output.', {
  level: oneOf('Least severe level that is written.', [
    'trace',
    'debug',
    'info',
    'warn',
    'error',
    'fatal',
    'silent',
  ]).prefault('info'),
  access: flag('Write one line per request.').prefault(true),
}).prefault({});

const disk = section('The tier on disk, which survives a restart.', {
  dir: text(
    'Directory of the store, seen from the working directory; "none" runs on memory alone.',
    'a directory, or "none"',
    fileName,
  ).prefault('var/cache'),
  size: size('Most bytes of stored responses on disk.', { min: 16 * MB, max: 256 * TB }).prefault('10GB'),
}).prefault({});

const eviction = section('Which stored responses go when a tier is full.', {
  policy: oneOf(
    'What is kept: what is asked for often and is small ("gdsf"), or what was asked for last ("lru").',
    ['gdsf', 'lru'],
  ).prefault('gdsf'),
  alpha: decimal(
    'For "gdsf" in memory: how much size counts against a response. More saves the origin requests, less saves it bytes.',
    { min: 0, max: 1 },
  ).prefault(0.6),
  diskAlpha: decimal('The same for the disk.', { min: 0, max: 1 }).prefault(0.5),
}).prefault({});

const shared = section('Several nodes as one: a tier that they share, and purges that reach them all.', {
  redis: text(
    'Redis or Valkey that the nodes have in common; "none" is a node by itself.',
    '"none", or a URL such as "redis://127.0.0.1:6379/0" or "rediss://user:password@host:6380"',
    redisUrl,
  ).prefault('none'),
  prefix: text(
    'Begins every key there. Nodes with the same prefix share stored responses and purges.',
    '1 to 64 letters, digits, "-", "_", "." or ":"',
    keyPrefix,
  ).prefault('holdfast'),
  timeout: duration('How long a lookup there may take before the tier counts as down.', {
    min: 10,
    max: MINUTE,
  }).prefault('250ms'),
  keep: duration('How long a stored response stays there at most.', {
    min: MINUTE,
    max: 8760 * HOUR,
  }).prefault('7d'),
}).prefault({});

const timeouts = section('How long the origin may take.', {
  connect: duration('To accept a connection.', WAIT).prefault('5s'),
  firstByte: duration('From the request sent to the response head.', WAIT).prefault('60s'),
  idle: duration('Between two pieces of a response body.', WAIT).prefault('30s'),
  drain: duration('For responses in flight at the end of the program, before they are cut.', {
    min: 0,
    max: 24 * HOUR,
  }).prefault('30s'),
}).prefault({});

const client = section('What a client may take and send.', {
  headTimeout: duration('To send a whole request head.', WAIT).prefault('10s'),
  keepAlive: duration('Idle time of a connection between requests.', WAIT).prefault('65s'),
  bodyIdle: duration('Between two pieces of a request body.', WAIT).prefault('30s'),
  writeIdle: duration('Without taking a byte of the response.', WAIT).prefault('60s'),
  maxHead: size('Largest request head.', { min: 1024, max: MB }).prefault('32KB'),
  maxTarget: size('Longest request target.', { min: 256, max: MB }).prefault('8KB'),
  maxFields: integer('Most field lines in a request head.', { min: 8, max: 10_000 }).prefault(128),
  ...connectionLimits,
  maxBody: sizeOr('none', 'Largest request body; "none" sets no limit.', { min: 0, max: 256 * TB }).prefault(
    'none',
  ),
}).prefault({});

const purge = section('Who may purge, and how much. An address or the token suffices.', {
  allow: list('Addresses that may purge, as the socket sees them.', RANGE, parseRange).prefault([
    '127.0.0.0/8',
    '::1/128',
  ]),
  token: text(
    'Bearer token that allows a purge from anywhere.',
    '16 to 512 visible characters without spaces',
    token,
  ).optional(),
  tokenFile: text('File whose first line is that token.', 'a file name', fileName).optional(),
  rate: integer('Purges per second that are taken for long; beyond it 429.', {
    min: 1,
    max: 1_000_000,
  }).prefault(100),
  refresh: integer('Most stored responses that a purge with `refresh` fetches again.', {
    min: 1,
    max: 1_000_000,
  }).prefault(1000),
  burst: integer('Purges that are taken at once, after a time without any.', {
    min: 1,
    max: 1_000_000,
  }).prefault(1000),
})
  .refine((set) => set.token === undefined || set.tokenFile === undefined, {
    path: ['tokenFile'],
    message: 'either token or tokenFile, not both',
  })
  .prefault({});

/** config.json. Durations come out in ms, sizes in bytes. */
export const schema = section('Settings of holdfast.', {
  $schema: text(
    'Where an editor finds the JSON Schema of this file.',
    'a string',
    (value) => value,
  ).optional(),
  listen: text('Where clients connect.', ADDRESS, parseAddress).prefault('127.0.0.1:8080'),
  origin: text(
    'The server that the edge stands before: its URL, the name of a group in `origins`, or "demo" for the bundled demonstration site.',
    ORIGIN,
    origin,
  ),
  origins,
  fastcgi,
  admin: text(
    'Where health and metrics are served; "none" serves them nowhere.',
    `"none", or ${ADDRESS}`,
    (value) => (value === 'none' ? value : parseAddress(value)),
  ).prefault('127.0.0.1:8081'),
  tls,
  workers: integerOr(
    'auto',
    'Threads that serve clients; "auto" is one for each core that the program may use, while each has 16 MB of the memory.',
    { min: 1, max: 64 },
  ).prefault('auto'),
  memory: size('Most bytes of stored responses in memory.', { min: 8 * MB, max: TB }).prefault('256MB'),
  eviction,
  disk,
  shared,
  log,
  host: oneOf("Which Host the origin sees: the client's, or its own.", ['preserve', 'origin']).prefault(
    'preserve',
  ),
  trustedProxies: list(
    'Peers whose Forwarded and X-Forwarded-* fields are believed.',
    RANGE,
    parseRange,
  ).prefault([]),
  clientAddress: oneOf(
    'Where trusted proxies say whom they speak for; the last address that none of them vouches away is the client.',
    ['x-forwarded-for', 'forwarded', 'socket'],
  ).prefault('x-forwarded-for'),
  proxyProtocol,
  access: globalAccess,
  forwarding: section('How the edge names itself to others.', {
    via: text(
      'Name of this cache in Via, CDN-Loop and Cache-Status.',
      '1 to 64 letters, digits, "-", "." or "_", beginning with a letter',
      pseudonym,
    ).prefault('holdfast'),
  }).prefault({}),
  timeouts,
  client,
  originBudget: budget,
  originConnections: integer('Most connections to the origin; further requests wait.', {
    min: 1,
    max: 65_535,
  }).prefault(256),
  cache: globalCache,
  headers,
  upgrades,
  compression,
  forwardProxy,
  purge,
  tier,
  routes: z
    .array(route, 'a list of routes')
    .meta({
      description: 'Exceptions, in order: the first route that matches holds.',
      allowed: 'a list of routes',
    })
    .prefault([]),
})
  .refine((set) => set.admin === 'none' || set.admin.port === 0 || !sameAddress(set.listen, set.admin), {
    path: ['admin'],
    message: 'another address than listen',
  })
  .refine(
    ({ tls: { listen }, ...set }) =>
      listen === 'none' || listen.port === 0 || !sameAddress(set.listen, listen),
    {
      path: ['tls', 'listen'],
      message: 'another address than listen',
    },
  )
  .refine(
    ({ forwardProxy: { listen }, ...set }) =>
      listen === 'none' ||
      listen.port === 0 ||
      [set.listen, set.tls.listen, set.admin].every(
        (one) => typeof one === 'string' || !sameAddress(one, listen),
      ),
    {
      path: ['forwardProxy', 'listen'],
      message: 'another address than listen, tls.listen and admin',
    },
  )
  .superRefine(({ origin, origins, fastcgi }, context) => {
    const without = (path: string[]): void =>
      context.addIssue({
        code: 'custom',
        path: [...path, 'fastcgi', 'root'],
        message: 'the directory of the scripts, an absolute path such as "/var/www/html"',
      });
    if (fastcgi.root !== undefined) return;
    if (origin.kind === 'url' && isFastCgi(origin.url)) without([]);
    for (const [name, group] of Object.entries(origins))
      if (group.fastcgi.root === undefined && group.servers.some(({ url }) => isFastCgi(url)))
        without(['origins', name]);
  })
  .refine(
    ({ proxyProtocol: { mode, from }, trustedProxies }) =>
      mode === 'off' || (from ?? trustedProxies).length > 0,
    {
      path: ['proxyProtocol', 'from'],
      message: 'addresses, here or in trustedProxies: else nobody could connect',
    },
  )
  .superRefine(({ origin, origins, routes }, context) => {
    const known = Object.keys(origins);
    const there = known.length === 0 ? ' (there is none)' : ` (${known.join(', ')})`;
    const check = (name: string | undefined, path: (string | number)[], allowed: string): void => {
      if (name === undefined || known.includes(name)) return;
      context.addIssue({ code: 'custom', path, message: `${allowed}${there}` });
    };
    check(groupOf(origin), ['origin'], ORIGIN);
    routes.forEach((one, i) => {
      check(one.origin, ['routes', i, 'origin'], GROUP);
    });
  });

export type Parsed = z.output<typeof schema>;

type Listen = NonNullable<ReturnType<typeof parseAddress>>;

function sameAddress(a: Listen, b: Listen): boolean {
  return (
    a.port === b.port &&
    (a.host === undefined || b.host === undefined || formatAddress(a) === formatAddress(b))
  );
}

function origin(
  value: string,
): { kind: 'demo' } | { kind: 'url'; url: string } | { kind: 'group'; name: string } | undefined {
  if (value === 'demo') return { kind: 'demo' };
  const name = groupName(value);
  if (name !== undefined) return { kind: 'group', name };
  const url = originUrl(value);
  return url === undefined ? undefined : { kind: 'url', url };
}

function redisUrl(value: string): string | undefined {
  if (value === 'none') return value;
  if (!/^rediss?:\/\/[^\s/?#]+(\/\d{1,5})?$/.test(value)) return undefined;
  return URL.canParse(value) && new URL(value).hostname !== '' ? value : undefined;
}

function keyPrefix(value: string): string | undefined {
  return /^[\w.:-]{1,64}$/.test(value) ? value : undefined;
}

function fileName(value: string): string | undefined {
  return value === '' || value.includes('\0') ? undefined : value;
}

/** The characters that pass in an Authorization field untouched. */
export function token(value: string): string | undefined {
  return /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined;
}

function pseudonym(value: string): string | undefined {
  return /^[a-z][a-z0-9._-]{0,63}$/i.test(value) ? value.toLowerCase() : undefined;
}
