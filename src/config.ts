// The settings of one run: the file, the flags over it, the defaults under it, checked by one schema (config/schema.ts).
// Owns the shape that the rest of the program sees, and reporting every fault at once. What may be set, and the sentences, are
// the schema's.

import { type CacheRules, DEFAULT_RULES } from './cache/rules.ts';
import { accessRules } from './config/access.ts';
import { budgetRules } from './config/budget-schema.ts';
import { overlay } from './config/cache-schema.ts';
import { connectionsOf } from './config/connections-schema.ts';
import type { FastCgiConfig } from './config/fastcgi-schema.ts';
import { ConfigError, type Fault, faultsOf, formatPath } from './config/faults.ts';
import { readBody, readJson, readToken } from './config/files.ts';
import { type Override, withOverrides } from './config/flags.ts';
import { type ForwardConfig, forwardConfig } from './config/forward.ts';
import { type OriginGroupConfig, originGroups } from './config/origins.ts';
import type { HeaderEdits, RouteConfig } from './config/routes.ts';
import { localConfig } from './config/routes-schema.ts';
import { type Parsed, schema } from './config/schema.ts';
import { type TlsSettings, tlsSettings } from './config/tls-schema.ts';
import type { Address } from './config/units.ts';
import type { AccessRules } from './gate/access-rules.ts';
import type { AddressSource } from './gate/client-address.ts';
import type { Limits } from './http/limits.ts';
import type { BudgetRules } from './origin/budget.ts';
import { loadTls } from './tls/load.ts';

export type { FastCgiConfig } from './config/fastcgi-schema.ts';
export { ConfigError, type Fault } from './config/faults.ts';
export { type Flags, type Override, overridesOf } from './config/flags.ts';
export type { ForwardConfig } from './config/forward.ts';
export type { OriginGroupConfig, OriginServerConfig } from './config/origins.ts';
export { matchRoute, type RouteConfig, rulesFor } from './config/routes.ts';
export type { TlsSettings } from './config/tls-schema.ts';
export { type Address, formatAddress, parseAddress } from './config/units.ts';

/** Frozen, plain data. Ranges are CIDR texts with a prefix length. */
export interface Config {
  readonly listen: Address;
  readonly origin:
    | { readonly kind: 'demo' }
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'group'; readonly name: string };
  /** By name. */
  readonly origins: Readonly<Record<string, OriginGroupConfig>>;
  readonly fastcgi: FastCgiConfig;
  readonly admin: Address | undefined;
  /** undefined listens in the clear only. */
  readonly tls: TlsSettings | undefined;
  readonly workers: number | 'auto';
  readonly memoryBytes: number;
  readonly eviction: Parsed['eviction'];
  /** undefined runs on memory alone. */
  readonly disk: { readonly dir: string; readonly bytes: number } | undefined;
  /** undefined is a node by itself. */
  readonly shared:
    | { readonly url: string; readonly prefix: string; readonly timeoutMs: number; readonly keepMs: number }
    | undefined;
  readonly log: { readonly level: Parsed['log']['level']; readonly access: boolean };
  readonly host: 'preserve' | 'origin';
  readonly trustedProxies: readonly string[];
  readonly clientAddress: AddressSource;
  /** Where no route says otherwise; undefined sets nothing. */
  readonly access: AccessRules | undefined;
  readonly forwarding: { readonly via: string };
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly idleMs: number;
    readonly drainMs: number;
  };
  readonly client: Limits;
  /** Most connections of clients, over all workers; undefined sets no limit. */
  readonly connections: { readonly total: number | undefined; readonly perAddress: number | undefined };
  /** undefined takes connections as they come. */
  readonly proxyProtocol: { readonly from: readonly string[]; readonly timeoutMs: number } | undefined;
  /** For `origin` where it is a URL. */
  readonly originBudget: BudgetRules | undefined;
  readonly originConnections: number;
  readonly compression: { readonly concurrency: number };
  readonly cache: { readonly rules: CacheRules; readonly debug: boolean };
  /** undefined is no forward proxy. */
  readonly forwardProxy: ForwardConfig | undefined;
  readonly upgrades: { readonly protocols: readonly string[]; readonly idleMs: number; readonly max: number };
  readonly purge: {
    readonly allow: readonly string[];
    readonly token: string | undefined;
    readonly perSecond: number;
    readonly burst: number;
    readonly refreshMax: number;
  };
  /** Header edits where no route says more. */
  readonly headers: HeaderEdits;
  readonly tier: {
    /** Ranges as CIDR texts. */
    readonly edges: readonly string[];
    readonly peers: readonly { readonly admin: string; readonly token: string | undefined }[];
    readonly timeoutMs: number;
  };
  /** In the operator's order. */
  readonly routes: readonly RouteConfig[];
}

/**
 * Checks settings as they stand in a file. `source` names them in messages. Reads purge.tokenFile where it is set.
 * @throws ConfigError with every fault.
 */
export function parseConfig(json: unknown, source: string): Config {
  return build(json, [], [], source);
}

/**
 * The settings of a file (none: the defaults) with `overrides` over them.
 * @throws ConfigError with every fault of both, also of settings in the file that a flag overrides.
 */
export function loadConfig(file: string | undefined, overrides: readonly Override[]): Config {
  const { json, faults } = file === undefined ? { json: {}, faults: [] } : readJson(file);
  const source = [...(file === undefined ? [] : [file]), ...(overrides.length === 0 ? [] : ['flags'])].join(
    ' and ',
  );
  return build(json, overrides, faults, source === '' ? 'defaults' : source);
}

function build(
  file: unknown,
  overrides: readonly Override[],
  before: readonly Fault[],
  source: string,
): Config {
  const flags = new Map(overrides.map((override) => [formatPath(override.path), override]));
  const merged = withOverrides(file, overrides);
  const result = schema.safeParse(merged);
  const ofMerged = faultsOf(result.error?.issues ?? [], merged, (path) => flags.get(path)?.flag).map(
    (fault) => ({
      ...fault,
      allowed: overrides.find(({ flag }) => flag === fault.path)?.allowed ?? fault.allowed,
    }),
  );
  const hidden = faultsOf(schema.safeParse(file).error?.issues ?? [], file).filter(
    ({ path, value }) => flags.has(path) && value !== 'not given',
  );
  // A file that could not be read gives no origin either; saying so would mislead.
  const meant = before.length === 0 ? ofMerged : ofMerged.filter(({ path }) => path !== 'origin');
  const faults = [...before, ...hidden, ...meant];
  if (result.data === undefined || faults.length > 0) throw new ConfigError(faults, source);
  const { tokenFile } = result.data.purge;
  const read =
    tokenFile === undefined ? { token: result.data.purge.token } : readToken(tokenFile, 'purge.tokenFile');
  const peers = result.data.tier.purge.map(({ token, tokenFile: file }, i) =>
    file === undefined ? { token } : readToken(file, `tier.purge[${i}].tokenFile`),
  );
  const bodies = result.data.routes.map(({ respond }, i) => readBody(respond, i));
  const found: Fault[] = [];
  const access = accessRules(result.data.access, 'access', undefined, found);
  const ofRoutes = result.data.routes.map((route, i) =>
    accessRules(route.access, `routes[${i}].access`, access, found),
  );
  const settings = tlsSettings(result.data.tls);
  const forward = forwardConfig(result.data.forwardProxy, found);
  const ofOrigins: Fault[] = [];
  const origins = originGroups(
    result.data.origins,
    { timeouts: waitsOf(result.data), fastcgi: result.data.fastcgi },
    ofOrigins,
  );
  const unread = [
    ...[read, ...peers, ...bodies].flatMap((one) => ('fault' in one ? [one.fault] : [])),
    ...(settings === undefined ? [] : loadTls(settings).faults),
    ...ofOrigins,
    ...found,
  ];
  if (unread.length > 0 || 'fault' in read) throw new ConfigError(unread, source);
  return deepFreeze(
    shape(
      result.data,
      read.token,
      peers.map((one) => ('token' in one ? one.token : undefined)),
      bodies.map((one) => ('body' in one ? one.body : Buffer.alloc(0))),
      origins,
      { everywhere: access, ofRoutes },
      forward,
    ),
  );
}

/** Every condition, left out or not. */
function matchOf(match: Parsed['routes'][number]['match']): RouteConfig['match'] {
  const { host, path, methods, headers, query, clients, contentType } = match;
  return { host, path, methods, headers, query, clients, contentType };
}

function waitsOf({ timeouts }: Parsed): Config['timeouts'] {
  return {
    connectMs: timeouts.connect,
    firstByteMs: timeouts.firstByte,
    idleMs: timeouts.idle,
    drainMs: timeouts.drain,
  };
}

interface Access {
  readonly everywhere: AccessRules | undefined;
  /** By their place. */
  readonly ofRoutes: readonly (AccessRules | undefined)[];
}

/** @param bodies of the routes that answer themselves, by their place */
function shape(
  set: Parsed,
  purgeToken: string | undefined,
  peerTokens: readonly (string | undefined)[],
  bodies: readonly Buffer[],
  origins: Config['origins'],
  access: Access,
  forwardProxy: Config['forwardProxy'],
): Config {
  const { client } = set;
  const rules = overlay(DEFAULT_RULES, set.cache);
  return {
    listen: set.listen,
    origin: set.origin,
    origins,
    fastcgi: set.fastcgi,
    admin: set.admin === 'none' ? undefined : set.admin,
    tls: tlsSettings(set.tls),
    workers: set.workers,
    memoryBytes: set.memory,
    eviction: set.eviction,
    disk: set.disk.dir === 'none' ? undefined : { dir: set.disk.dir, bytes: set.disk.size },
    shared:
      set.shared.redis === 'none'
        ? undefined
        : {
            url: set.shared.redis,
            prefix: set.shared.prefix,
            timeoutMs: set.shared.timeout,
            keepMs: set.shared.keep,
          },
    log: set.log,
    host: set.host,
    trustedProxies: set.trustedProxies,
    clientAddress: set.clientAddress,
    access: access.everywhere,
    forwarding: set.forwarding,
    timeouts: waitsOf(set),
    client: {
      maxHeadBytes: client.maxHead,
      maxFields: client.maxFields,
      maxTargetBytes: client.maxTarget,
      headTimeoutMs: client.headTimeout,
      keepAliveTimeoutMs: client.keepAlive,
      bodyIdleTimeoutMs: client.bodyIdle,
      writeIdleTimeoutMs: client.writeIdle,
      maxRequestBodyBytes: client.maxBody === 'none' ? Number.MAX_SAFE_INTEGER : client.maxBody,
    },
    connections: connectionsOf(client),
    proxyProtocol:
      set.proxyProtocol.mode === 'off'
        ? undefined
        : { from: set.proxyProtocol.from ?? set.trustedProxies, timeoutMs: set.proxyProtocol.timeout },
    originBudget: budgetRules(set.originBudget),
    originConnections: set.originConnections,
    compression: set.compression,
    cache: { rules, debug: set.cache.debug },
    forwardProxy,
    upgrades: { protocols: set.upgrades.protocols, idleMs: set.upgrades.idle, max: set.upgrades.max },
    purge: {
      allow: set.purge.allow,
      token: purgeToken,
      perSecond: set.purge.rate,
      burst: set.purge.burst,
      refreshMax: set.purge.refresh,
    },
    headers: { request: [set.headers.request], response: [set.headers.response] },
    tier: {
      edges: set.tier.edges,
      peers: set.tier.purge.map(({ admin }, i) => ({ admin, token: peerTokens[i] })),
      timeoutMs: set.tier.purgeTimeout,
    },
    routes: set.routes.map((route, i) => ({
      match: matchOf(route.match),
      rules: overlay(rules, route.cache),
      origin: route.origin,
      host: route.host,
      rewrite: route.rewrite,
      local: localConfig(route, bodies[i] ?? Buffer.alloc(0)),
      access: access.ofRoutes[i],
      headers: {
        request: [set.headers.request, route.headers.request],
        response: [set.headers.response, route.headers.response],
      },
    })),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const one of Object.values(value)) deepFreeze(one);
  }
  return value;
}
