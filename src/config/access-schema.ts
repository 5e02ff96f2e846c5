// The settings of the gate: `access`, where no route says otherwise, and `routes[].access`. What they become is access.ts's.

import { z } from 'zod';
import { PROBE_RULES } from '../gate/probe-rules.ts';
import { cookieName } from '../http/cookies.ts';
import {
  anyText,
  fieldName,
  fileName,
  httpUrl,
  identityField,
  method,
  parseKey,
  parseRate,
  RANGE,
  realm,
  ruleName,
  tokenLine,
  userLine,
} from './access-words.ts';
import { parsePathPattern } from './patterns.ts';
import { duration, flag, integer, list, oneOf, section, sizeOr, text } from './setting.ts';
import { parseRange } from './units.ts';

const METHOD = 'a method in capitals such as "GET"';
const PATH = 'a path such as "/admin/*", or a pattern such as "*.php"';
const FIELD = 'a field name such as "X-Auth-User"';
const FILE = 'a file name';
const RATE = 'requests in a time, such as "100/s", "600/m" or "5000/h"';
const KEY = '"address", "path", or a field such as "field:X-Api-Key"';
const PROBE_IDS = PROBE_RULES.map(({ id }) => id);
const ALGORITHMS = [
  ...['HS256', 'HS384', 'HS512'],
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
];

const status = (sentence: string, statuses: readonly number[]) => {
  const allowed = statuses.join(', ');
  return z.literal(statuses, { error: allowed }).meta({ description: sentence, allowed });
};

const match = {
  paths: list('Paths that it is about; all without it.', PATH, parsePathPattern).optional(),
  methods: list('Methods that it is about (HEAD goes with GET); all without it.', METHOD, method).optional(),
};

const rate = (sentence: string) => text(sentence, RATE, parseRate);
const burst = integer(
  'Requests that are taken at once after a rest; as many as the rate gives in its time, at least 1, without it.',
  {
    min: 1,
    max: 1_000_000,
  },
).optional();

const addresses = section('Which addresses may ask. The client is found through `trustedProxies`.', {
  allow: list('If there are any, only these may.', RANGE, parseRange).prefault([]),
  allowFile: text('File with more of them, one a line; "#" begins a comment.', FILE, fileName).optional(),
  deny: list('These may not, whatever `allow` says.', RANGE, parseRange).prefault([]),
  denyFile: text('File with more of them.', FILE, fileName).optional(),
  status: status('What others get.', [403, 404]).prefault(403),
});

const denyRule = section('Requests that are refused.', {
  ...match,
  status: status('What they get.', [403, 404, 405, 410]).prefault(403),
}).refine(({ paths, methods }) => paths !== undefined || methods !== undefined, {
  message: 'paths, methods or both',
});

const rateRule = section('One limit.', {
  name: text('Its name in logs and in the RateLimit fields.', 'letters, digits, "-" and "_"', ruleName),
  ...match,
  key: text(
    'Whose requests count together: those of a client address (an IPv6 /64), of a path, or with the same value of a field.',
    KEY,
    parseKey,
  ).prefault('address'),
  rate: rate('Requests that are taken for long.'),
  burst,
  counts: oneOf('Which requests count: all, or only those that go to the origin.', [
    'all',
    'forwarded',
  ]).prefault('all'),
  dryRun: flag('Only log who would be refused.').prefault(false),
});

const probes = section(
  'Requests that look like injection probes, by their target and some of their fields.',
  {
    mode: oneOf('What becomes of them.', ['off', 'log', 'block']).prefault('off'),
    threshold: integer('From which score on a request is one; the rules give 2, 3 or 5.', {
      min: 1,
      max: 100,
    }).prefault(5),
    exclude: list('Rules that do not count.', `one of ${PROBE_IDS.join(', ')}`, (id) =>
      PROBE_IDS.includes(id) ? id : undefined,
    ).prefault([]),
    fields: list('Fields that are looked at beside the target.', FIELD, fieldName).prefault([
      'user-agent',
      'referer',
      'x-api-version',
    ]),
  },
);

const basic = section('Users with passwords (RFC 7617), as `htpasswd -B` writes them.', {
  users: list(
    'Users, each as in the file.',
    'a user as in "alice:$2y$10$…" or "alice:$scrypt$ln=15,r=8,p=1$…"',
    userLine,
  ).prefault([]),
  file: text('File of users, one a line.', FILE, fileName).optional(),
});

const bearer = section('Tokens (RFC 6750) by their SHA-256.', {
  tokens: list(
    'Tokens, each as in the file.',
    'a name and a hash as in "ci:sha256:9f86d0…"',
    tokenLine,
  ).prefault([]),
  file: text('File of tokens, one a line.', FILE, fileName).optional(),
});

const jwt = section('Signed tokens (RFC 7519). One source of keys is needed.', {
  secretFile: text(
    'File with the secret that HS tokens are signed with, 32 bytes or more.',
    FILE,
    fileName,
  ).optional(),
  publicKeyFile: text('File with the public key or certificate (PEM).', FILE, fileName).optional(),
  jwksFile: text('File with a set of keys (RFC 7517).', FILE, fileName).optional(),
  jwksUrl: text(
    'Where a set of keys is fetched; kept for 10 minutes, and while it cannot be had.',
    'an http or https URL',
    httpUrl,
  ).optional(),
  algorithms: list(
    'Algorithms that are taken; without it those that fit the key.',
    `one of ${ALGORITHMS.join(', ')}`,
    (value) => (ALGORITHMS.includes(value) ? value : undefined),
  ).optional(),
  issuers: list('Issuers that are taken; any without it.', 'a text', anyText).prefault([]),
  audiences: list('Audiences, of which a token names one; any without it.', 'a text', anyText).prefault([]),
  required: z
    .record(z.string().min(1).max(200), z.array(z.string()), { error: 'an object of lists of values' })
    .meta({
      description:
        'Claims that a token needs, each with one of these values ([]: any); else 403. {"scope": ["read"]}',
      allowed: 'an object of lists of values',
    })
    .prefault({}),
  tolerance: duration('By how much clocks may differ.', { min: 0, max: 600_000 }).prefault('30s'),
  userClaim: text('The claim that names the user.', 'the name of a claim', anyText).prefault('sub'),
  cookie: text(
    'Cookie that holds the token where a request has no Authorization, as those of browsers; it ends at the edge like Authorization.',
    'the name of a cookie',
    cookieName,
  ).optional(),
}).refine(
  (set) =>
    [set.secretFile, set.publicKeyFile, set.jwksFile, set.jwksUrl].filter((one) => one !== undefined)
      .length === 1,
  { message: 'exactly one of secretFile, publicKeyFile, jwksFile, jwksUrl' },
);

const ask = section('Another service that decides, as with auth_request of nginx: 2xx is a yes.', {
  url: text('Where it is asked, by GET.', 'an http or https URL', httpUrl),
  timeout: duration('How long it may take; then 503.', { min: 10, max: 60_000 }).prefault('5s'),
  fields: list(
    "Fields of its answer that go on with the request; a client's own are dropped.",
    FIELD,
    identityField,
  ).prefault([]),
  remember: duration(
    'How long a yes counts for the same request with the same credentials; "0s" asks each time.',
    {
      min: 0,
      max: 3_600_000,
    },
  ).prefault('0s'),
});

const auth = section('Who may pass. With several ways one suffices.', {
  required: flag(
    'Credentials are needed; false lets everybody in, as where a route is open to all.',
  ).prefault(true),
  realm: text('Name of what is guarded.', 'visible characters without quotes', realm).prefault('holdfast'),
  basic: basic.optional(),
  bearer: bearer.optional(),
  jwt: jwt.optional(),
  ask: ask.optional(),
  forwardAuthorization: flag(
    'Pass Authorization on to the origin. What it answers then is stored only where it says so (RFC 9111 §3.5).',
  ).prefault(false),
  userField: text(
    "Field that tells the origin the user's name; a client's own is dropped. Responses are then stored as with Authorization.",
    FIELD,
    identityField,
  ).optional(),
  claimFields: z
    .record(z.string(), z.string().min(1).max(200), { error: 'an object of claims by field' })
    .transform((set, context) => {
      const result: Record<string, string> = {};
      for (const [name, claim] of Object.entries(set)) {
        const field = identityField(name);
        if (field === undefined) context.addIssue({ code: 'custom', message: FIELD, path: [name] });
        else result[field] = claim;
      }
      return result;
    })
    .meta({
      description: 'Fields that tell the origin claims of a signed token: {"X-Auth-Email": "email"}.',
      allowed: 'an object of claims by field',
    })
    .prefault({}),
  allowPreflight: flag('Let CORS preflights pass, which browsers send without credentials.').prefault(false),
  failures: rate('Wrong credentials that are taken of one client address; beyond it 429.').optional(),
})
  .refine((set) => !set.required || (set.basic ?? set.bearer ?? set.jwt ?? set.ask) !== undefined, {
    message: 'basic, bearer, jwt or several of them, or ask, or required: false',
  })
  .refine((set) => set.ask === undefined || (set.basic ?? set.bearer ?? set.jwt) === undefined, {
    path: ['ask'],
    message: 'alone: without basic, bearer and jwt',
  });

const settings = {
  addresses: addresses.optional(),
  methods: list('Methods that are allowed; others get 405.', METHOD, method).optional(),
  deny: z
    .array(denyRule, 'a list of rules')
    .meta({ description: 'Requests that are refused, by path and method.', allowed: 'a list of rules' })
    .optional(),
  dotfiles: oneOf('Paths with a segment that begins with a dot, but for /.well-known/: "deny" answers 404.', [
    'allow',
    'deny',
  ]).optional(),
  maxBody: sizeOr('none', 'Largest request body, below client.maxBody.', {
    min: 0,
    max: 256 * 1024 ** 4,
  }).optional(),
  rateLimits: z
    .array(rateRule, 'a list of limits')
    .refine((set) => new Set(set.map(({ name }) => name)).size === set.length, {
      message: 'limits with different names',
    })
    .meta({ description: 'How much one client may ask for.', allowed: 'a list of limits' })
    .optional(),
  probes: probes.optional(),
  auth: auth.optional(),
};

/** `access`. */
export const globalAccess = section('What is let in, where no route says otherwise.', settings).optional();
/** `routes[].access`. */
export const routeAccess = section(
  'What is let in on this route. Each part takes the place of that of `access`; what is left out is as there.',
  settings,
).optional();

export type AccessSet = NonNullable<z.output<typeof globalAccess>>;
