// The settings of the forward proxy: `forwardProxy`. forward.ts turns them into what src/forward is given.

import { isIP } from 'node:net';
import { z } from 'zod';
import type { HostRule, PortRange } from '../forward/acl.ts';
import { LINES } from './access-words.ts';
import { routeCache } from './cache-schema.ts';
import { duration, integer, list, oneOf, section, sizeOr, text } from './setting.ts';
import { isHostName, parseAddress, parseRange } from './units.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KB = 1024;
const GB = 1024 ** 3;

const RANGE = 'an address or a range such as "10.0.0.0/8" or "2001:db8::/32"';
const HOST =
  'a host such as "www.example.org", "*.example.org" for all below, ".example.org" for it and all below, or an address';
const PORTS = 'a port such as "443", or ports such as "1024-65535"';
const METHOD = 'a method in capitals such as "GET"';
const FILE = 'a file name';

const rule = section('A rule. All conditions must hold; one that is left out holds always.', {
  action: oneOf('What becomes of the request.', ['allow', 'deny']),
  from: list('Addresses of clients, as the socket sees them.', RANGE, parseRange).optional(),
  users: list(
    'Users (see `auth`); "*" is anybody who has given a right password. Without credentials the request gets 407.',
    'the name of a user, or "*"',
    userName,
  ).optional(),
  methods: list('Methods; CONNECT is one.', METHOD, method).optional(),
  hosts: list(
    'Hosts that are asked for, as they are written in the request.',
    HOST,
    parseHostRule,
  ).optional(),
  ports: list('Ports that are asked for.', PORTS, parsePorts).optional(),
  reach: list(
    'For "allow": private and other special addresses that may be dialled. Public ones always may.',
    RANGE,
    parseRange,
  ).prefault([]),
}).refine((set) => set.action === 'allow' || set.reach.length === 0, {
  path: ['reach'],
  message: 'nothing in a rule that denies',
});

const auth = section('Users with passwords: Basic proxy authentication (RFC 7617).', {
  realm: text('Name of what is guarded.', 'visible characters without quotes', realm).prefault('holdfast'),
  users: list('Users, each as in the file.', LINES.user.allowed, LINES.user.parse).prefault([]),
  file: text('File of users, one a line, as `htpasswd -B` writes it.', FILE, fileName).optional(),
}).prefault({});

export const forwardProxy = section(
  'A proxy that clients are told to use, for any host. Off unless `listen` is set.',
  {
    listen: text(
      'Where its clients connect; "none" is no forward proxy.',
      '"none", or host:port such as "127.0.0.1:3128", or ":3128" for all interfaces',
      (value) => (value === 'none' ? value : parseAddress(value)),
    ).prefault('none'),
    acl: z
      .array(rule, 'a list of rules')
      .meta({
        description:
          'Who may ask for what, in order: the first rule that holds decides, and where none does, 403.',
        allowed: 'a list of rules',
      })
      .prefault([]),
    connectPorts: list('Ports that CONNECT may ask for, whatever the rules say.', PORTS, parsePorts).prefault(
      ['443'],
    ),
    httpPorts: list('Ports that other requests may ask for.', PORTS, parsePorts).prefault([
      '80',
      '443',
      '1024-65535',
    ]),
    block: list('Addresses that are never dialled, whatever a rule says.', RANGE, parseRange).prefault([]),
    auth,
    anonymity: oneOf(
      'What servers are told: the client\'s address and this proxy ("off"), this proxy only ("transparent"), or neither, with what the client\'s own fields tell of it taken out ("anonymous").',
      ['off', 'transparent', 'anonymous'],
    ).prefault('transparent'),
    bandwidth: sizeOr(
      'none',
      'Bytes a second for one client in each direction, of each worker; an IPv6 /64 is one client.',
      {
        min: KB,
        max: 128 * GB,
      },
    ).prefault('none'),
    connections: integer('Most connections of one client, of each worker; further ones are reset.', {
      min: 1,
      max: 1_000_000,
    }).prefault(256),
    tunnels: section('Tunnels by CONNECT.', {
      idle: duration('Without a byte in either direction, before a tunnel is ended.', {
        min: 1,
        max: 720 * HOUR,
      }).prefault('10m'),
      max: integer('Most at a time, of each worker; beyond it 503.', { min: 1, max: 1_000_000 }).prefault(
        10_000,
      ),
    }).prefault({}),
    hosts: integer('Servers to which connections are kept, of each worker.', {
      min: 1,
      max: 100_000,
    }).prefault(1024),
    connectionsPerHost: integer('Most connections to one server, of each worker; further requests wait.', {
      min: 1,
      max: 65_535,
    }).prefault(32),
    cache: routeCache,
  },
).prefault({});

function parseHostRule(value: string): HostRule | undefined {
  const lower = value.toLowerCase();
  if (lower === '*') return undefined;
  const below = /^\*?\.(?=[^.])/.exec(lower);
  const name = (below === null ? lower : lower.slice(below[0].length))
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  if (isIP(name) !== 0) return below === null ? { name, at: true, below: false } : undefined;
  if (!isHostName(name)) return undefined;
  return { name, at: below?.[0] !== '*.', below: below !== null };
}

function parsePorts(value: string): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  return match !== null && first >= 1 && last >= first && last <= 65_535 ? { first, last } : undefined;
}

function method(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Z-]{1,32}$/.test(value) ? value : undefined;
}

function userName(value: string): string | undefined {
  return /^[^:]{1,255}$/.test(value) && !/\p{Cc}/u.test(value) ? value : undefined;
}

function realm(value: string): string | undefined {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(value) ? value : undefined;
}

function fileName(value: string): string | undefined {
  return value === '' || value.includes('\0') ? undefined : value;
}
