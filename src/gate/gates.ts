// The gates of a site: one for each set of access rules, made when the settings are.

import type { RouteConfig } from '../config/routes.ts';
import type { Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import type { AddressTest } from '../origin/forwarded.ts';
import type { AccessRules } from './access-rules.ts';
import { identityFields } from './auth/authenticator.ts';
import { type AddressSource, clientAddress } from './client-address.ts';
import { Gate, type GateSite, type GateTools } from './gate.ts';

export interface GateSettings {
  /** Where no route says otherwise; undefined says nothing. */
  readonly access: AccessRules | undefined;
  readonly routes: readonly RouteConfig[];
  readonly clientAddress: AddressSource;
}

const NO_RULES: AccessRules = {
  addresses: undefined,
  methods: undefined,
  deny: [],
  hideDotfiles: false,
  maxBodyBytes: undefined,
  rateLimits: [],
  probes: undefined,
  auth: undefined,
};

/**
 * The gate for each set of rules of these settings; undefined everywhere where no rule is set anywhere. Where one is set
 * somewhere, every route has a gate: what one guards, another spelling of its path must not open.
 */
export function gatesOf(
  { access, routes, clientAddress: source }: GateSettings,
  trusted: AddressTest,
  tools: GateTools,
): (rules: AccessRules | undefined) => Gate | undefined {
  const all = [access, ...routes.map((route) => route.access)].filter((one) => one !== undefined);
  if (all.length === 0) return () => undefined;
  const site: GateSite = {
    routes: routes.filter(({ match }) => match.contentType === undefined),
    elsewhere: access,
    clientOf: clients(trusted, source),
    identityFields: new Set(all.flatMap(({ auth }) => (auth === undefined ? [] : identityFields(auth)))),
  };
  const gates = new Map([...new Set(all), NO_RULES].map((rules) => [rules, new Gate(rules, site, tools)]));
  return (rules = NO_RULES) => gates.get(rules);
}

/** The client's address of a request, remembered with its header section. */
function clients(trusted: AddressTest, source: AddressSource): (request: Request) => string {
  const known = new WeakMap<Fields, { readonly peer: string; readonly address: string }>();
  return ({ peer, fields }) => {
    if (source === 'socket' || !fields.has(source)) return peer.address;
    const before = known.get(fields);
    if (before?.peer === peer.address) return before.address;
    const address = clientAddress(peer.address, fields, trusted, source);
    known.set(fields, { peer: peer.address, address });
    return address;
  };
}
