// From the settings of `forwardProxy` to what src/forward is given: plain data, its file of users read.

import { createHash } from 'node:crypto';
import { type CacheRules, DEFAULT_RULES } from '../cache/rules.ts';
import type { AclRule, PortRange } from '../forward/acl.ts';
import type { User } from '../gate/access-rules.ts';
import type { Telling } from '../origin/forwarded.ts';
import { linesOf } from './access.ts';
import { LINES } from './access-words.ts';
import { overlay } from './cache-schema.ts';
import type { Fault } from './faults.ts';
import type { Parsed } from './schema.ts';
import type { Address } from './units.ts';

export interface ForwardConfig {
  readonly listen: Address;
  /** In the operator's order; each with the space that its responses are stored in. */
  readonly rules: readonly (AclRule & { readonly space: string })[];
  readonly connectPorts: readonly PortRange[];
  readonly httpPorts: readonly PortRange[];
  /** CIDR texts. */
  readonly block: readonly string[];
  readonly realm: string;
  readonly users: readonly User[];
  readonly telling: Telling;
  /** Of one client in each direction; undefined sets no limit. */
  readonly bytesPerSecond: number | undefined;
  readonly connectionsPerClient: number;
  readonly tunnels: { readonly idleMs: number; readonly max: number };
  readonly hosts: number;
  readonly connectionsPerHost: number;
  readonly cache: CacheRules;
}

const TELLING: Readonly<Record<Parsed['forwardProxy']['anonymity'], Telling>> = {
  off: 'client',
  transparent: 'edge',
  anonymous: 'nothing',
};

/** Adds to `faults`. @returns undefined where there is no forward proxy */
export function forwardConfig(set: Parsed['forwardProxy'], faults: Fault[]): ForwardConfig | undefined {
  const { listen, auth, acl } = set;
  if (listen === 'none') return undefined;
  const path = 'forwardProxy.auth';
  const fromFile = auth.file === undefined ? [] : linesOf(auth.file, `${path}.file`, LINES.user, faults);
  const users = [...auth.users, ...fromFile];
  const asks = acl.findIndex((rule) => rule.users !== undefined);
  if (asks !== -1 && users.length === 0 && faults.length === 0)
    faults.push({ path, value: 'no user', allowed: `users or file, as acl[${asks}] asks for users` });
  return {
    listen,
    rules: acl.map(({ action, from, users, methods, hosts, ports, reach }) => ({
      ...{ action, from, users, methods, hosts, ports, reach },
      space: spaceFor(reach),
    })),
    connectPorts: set.connectPorts,
    httpPorts: set.httpPorts,
    block: set.block,
    realm: auth.realm,
    users,
    telling: TELLING[set.anonymity],
    bytesPerSecond: set.bandwidth === 'none' ? undefined : set.bandwidth,
    connectionsPerClient: set.connections,
    tunnels: { idleMs: set.tunnels.idle, max: set.tunnels.max },
    hosts: set.hosts,
    connectionsPerHost: set.connectionsPerHost,
    cache: overlay(DEFAULT_RULES, set.cache),
  };
}

/**
 * What clients of the proxy have fetched is no site's of ours under the same name, nor the other way round. And what a rule
 * lets its clients fetch from special addresses is stored for rules that reach the same alone.
 */
function spaceFor(reach: readonly string[]): string {
  if (reach.length === 0) return 'forward+';
  const of = createHash('sha256').update(JSON.stringify(reach.toSorted())).digest('hex').slice(0, 12);
  return `forward-${of}+`;
}
