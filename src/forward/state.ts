// What the settings make of the forward proxy, replaced as one at a reload: rules, users, clients, servers. Keeps of what
// there was before what the new settings leave as it is, so that connections, passwords and debts stay known.

import { isDeepStrictEqual } from 'node:util';
import type { ForwardConfig } from '../config/forward.ts';
import type { Address, Config } from '../config.ts';
import { Users } from '../gate/auth/basic.ts';
import type { Peer } from '../http/message.ts';
import type { Realm } from '../site/site.ts';
import { Acl } from './acl.ts';
import { Clients } from './clients.ts';
import { destinationOf } from './destination.ts';
import { Destinations } from './destinations.ts';
import { type AddressCheck, addressCheck } from './dial.ts';
import type { Resolve } from './resolver.ts';

/** What a rule that allows makes of requests. */
export interface Passage {
  readonly name: string;
  readonly check: AddressCheck;
  readonly realm: Realm;
}

export interface State {
  readonly config: Config;
  readonly forward: ForwardConfig;
  readonly acl: Acl;
  readonly users: Users | undefined;
  readonly clients: Clients;
  readonly destinations: Destinations;
  /** By the rule's place. */
  readonly passages: readonly Passage[];
}

export interface StateOptions {
  readonly config: Config;
  readonly forward: ForwardConfig;
  /** Where this program listens. */
  readonly own: () => readonly Address[];
  /** Epoch ms. */
  readonly now: () => number;
  readonly resolve: Resolve;
}

export function stateOf({ config, forward, own, now, resolve }: StateOptions, before?: State): State {
  const { rules, connectPorts, httpPorts, users, hosts, connectionsPerHost, cache, telling } = forward;
  const isSame = (one: (state: State) => unknown, other: unknown): boolean =>
    before !== undefined && isDeepStrictEqual(one(before), other);
  const kept = before !== undefined && isSame((state) => state.forward, forward);
  const timeoutsKept = isSame((state) => state.config.timeouts, config.timeouts);
  const destinations =
    kept && timeoutsKept
      ? before.destinations
      : new Destinations({
          resolve,
          timeouts: config.timeouts,
          max: hosts,
          connectionsEach: connectionsPerHost,
          rules: cache,
          telling,
        });
  const passages = rules.map(({ reach, space }, i) => {
    const check = addressCheck({ reach, block: forward.block, own });
    const route: Realm['route'] = (_method, { scheme, authority }) => {
      const destination = destinationOf(scheme, authority);
      // INVARIANT: handle() has found it.
      if (destination === undefined) throw new Error(`no destination: ${authority}`);
      return destinations.route(space, check, destination);
    };
    const realm = {
      ...{ space, trusted: nobody, edges: undefined, entrance: undefined, upgrades: config.upgrades },
      clientOf: ({ peer }: { readonly peer: Peer }) => peer,
      ...{ route, rulesFor: () => cache },
    };
    return { name: `acl[${i}]`, check, realm };
  });
  const clientsKept =
    before !== undefined &&
    before.forward.bytesPerSecond === forward.bytesPerSecond &&
    before.forward.connectionsPerClient === forward.connectionsPerClient;
  const usersKept = isSame((state) => state.forward.users, users);
  return {
    config,
    forward,
    acl: new Acl(rules, { connect: connectPorts, http: httpPorts }),
    users: usersKept ? before?.users : users.length === 0 ? undefined : new Users(users),
    clients: clientsKept ? before.clients : new Clients(forward, now),
    destinations,
    passages,
  };
}

function nobody(): boolean {
  return false;
}
