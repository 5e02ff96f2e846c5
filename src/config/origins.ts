// Origin groups as plain data: the settings of `origins` with what they leave out filled in and the files that they name read.

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { AllowanceRules } from '../origin/allowance.ts';
import type { BalanceName } from '../origin/balance.ts';
import type { BudgetRules } from '../origin/budget.ts';
import type { OriginTls } from '../origin/connect.ts';
import type { HealthRules } from '../origin/health.ts';
import type { StickyRules } from '../origin/sticky.ts';
import type { WaitingRules } from '../origin/waiting.ts';
import { budgetRules } from './budget-schema.ts';
import { type FastCgiConfig, overlayFastCgi } from './fastcgi-schema.ts';
import type { Fault } from './faults.ts';
import type { HedgeAfter, ParsedGroup, ParsedTls, StatusRange } from './origins-schema.ts';
import { stickyRules } from './sticky-schema.ts';
import { why } from './why.ts';

export interface OriginServerConfig {
  /** scheme://host:port, or `unix:` and a path. */
  readonly url: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number;
  readonly tls: OriginTls | undefined;
}

export interface OriginGroupConfig {
  readonly servers: readonly OriginServerConfig[];
  readonly balance: BalanceName;
  /** undefined sets no bound. */
  readonly hashLoadFactor: number | undefined;
  readonly queue: WaitingRules;
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly idleMs: number;
    readonly totalMs: number | undefined;
  };
  readonly retries: {
    readonly attempts: number;
    readonly on: readonly ('connect' | 'reset' | 'timeout')[];
    readonly statuses: readonly StatusRange[];
    readonly allowance: AllowanceRules;
  };
  readonly health: HealthRules & { readonly statuses: readonly StatusRange[] };
  /** undefined checks nothing. */
  readonly checks: OriginChecksConfig | undefined;
  readonly hedge: { readonly after: HedgeAfter; readonly allowance: AllowanceRules };
  /** undefined sets none. */
  readonly budget: BudgetRules | undefined;
  /** undefined keeps no client with a server. */
  readonly sticky: StickyRules | undefined;
  readonly http2: boolean;
  readonly fastcgi: FastCgiConfig;
  readonly maxAgeMs: number | undefined;
  readonly resolveMs: number;
}

export interface OriginChecksConfig {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly statuses: readonly StatusRange[];
  readonly host: string | undefined;
  readonly rise: number;
  readonly fall: number;
}

interface Common {
  readonly timeouts: Timeouts;
  readonly fastcgi: FastCgiConfig;
}

interface Timeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
}

/**
 * @param common what holds where a group says nothing
 * @param faults takes what is wrong with the files
 */
export function originGroups(
  set: Readonly<Record<string, ParsedGroup>>,
  common: Common,
  faults: Fault[],
): Readonly<Record<string, OriginGroupConfig>> {
  return Object.fromEntries(
    Object.entries(set).map(([name, group]) => [name, originGroup(group, common, `origins.${name}`, faults)]),
  );
}

function originGroup(
  set: ParsedGroup,
  { timeouts: common, fastcgi }: Common,
  path: string,
  faults: Fault[],
): OriginGroupConfig {
  const { timeouts, retries, health, checks, hedge, connections } = set;
  const tls = set.tls && readTls(set.tls, `${path}.tls`, faults);
  return {
    servers: set.servers.map((server, i) => ({
      url: server.url,
      weight: server.weight,
      backup: server.backup,
      maxConnections: server.maxConnections,
      tls: server.tls === undefined ? tls : readTls(server.tls, `${path}.servers[${i}].tls`, faults),
    })),
    balance: set.balance,
    hashLoadFactor: set.hashLoadFactor === 'none' ? undefined : set.hashLoadFactor,
    queue: { length: set.queue.length, timeoutMs: set.queue.timeout },
    timeouts: {
      connectMs: timeouts.connect ?? common.connectMs,
      firstByteMs: timeouts.firstByte ?? common.firstByteMs,
      idleMs: timeouts.idle ?? common.idleMs,
      totalMs: timeouts.total === 'none' ? undefined : timeouts.total,
    },
    retries: {
      attempts: retries.attempts,
      on: retries.on,
      statuses: retries.statuses,
      allowance: { share: retries.budget / 100, perSecond: retries.perSecond },
    },
    health: {
      failures: health.failures,
      failureRate: health.failureRate / 100,
      minRequests: health.minRequests,
      ejectMs: health.eject,
      ejectMaxMs: Math.max(health.eject, health.ejectMax),
      slowStartMs: health.slowStart,
      statuses: health.statuses,
    },
    checks:
      checks.path === 'none'
        ? undefined
        : {
            path: checks.path,
            intervalMs: checks.interval,
            timeoutMs: checks.timeout,
            statuses: checks.statuses,
            host: checks.host,
            rise: checks.rise,
            fall: checks.fall,
          },
    hedge: { after: hedge.after, allowance: { share: hedge.budget / 100, perSecond: 0 } },
    budget: budgetRules(set.budget),
    sticky: stickyRules(set.sticky),
    http2: set.http2,
    fastcgi: overlayFastCgi(fastcgi, set.fastcgi),
    maxAgeMs: connections.maxAge === 'none' ? undefined : connections.maxAge,
    resolveMs: connections.resolve,
  };
}

function readTls(set: ParsedTls, path: string, faults: Fault[]): OriginTls {
  const read = (name: 'ca' | 'certificate' | 'key'): string | undefined => {
    const file = set[name];
    if (file === undefined) return undefined;
    try {
      const pem = readFileSync(file, 'utf8');
      // A certificate without its key says nothing of either; a key alone is looked at as far as that goes.
      createSecureContext({ [name === 'certificate' ? 'cert' : name]: pem });
      if (name === 'ca' && !pem.includes('-----BEGIN')) throw new Error('no certificate in it');
      return pem;
    } catch (error) {
      faults.push({
        path: `${path}.${name}`,
        value: `${JSON.stringify(file)}: ${why(error).split('\n')[0]}`,
        allowed: 'a readable PEM file',
      });
      return undefined;
    }
  };
  const { serverName, insecure } = set;
  const [ca, certificate, key] = [read('ca'), read('certificate'), read('key')];
  try {
    if (certificate !== undefined && key !== undefined) createSecureContext({ cert: certificate, key });
  } catch {
    faults.push({
      path: `${path}.key`,
      value: JSON.stringify(set.key),
      allowed: 'the key of the certificate',
    });
  }
  return { serverName, insecure, ca, certificate, key };
}
