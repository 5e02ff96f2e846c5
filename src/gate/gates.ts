// The gates of a site: one for each set of access rules, made when the settings are.

import type { RouteConfig } from '../config/routes.ts';
import type { Request } from '../http/message.ts';
import { type AccessRules, NO_RULES } from './access-rules.ts';
import { identityFields } from './auth/authenticator.ts';
import { IdentityFields } from './auth/identity-fields.ts';
import type { Client } from './client-address.ts';
import { Gate, type GateSite, type GateTools } from './gate.ts';

export interface GateSettings {
  /** Where no route says otherwise; undefined says nothing. */
  readonly access: AccessRules | undefined;
  readonly routes: readonly RouteConfig[];
}

/**
 * The gate for each set of rules of these settings; undefined everywhere where no rule is set anywhere. Where one is set
 * somewhere, every route has a gate: what one guards, another spelling of its path must not open.
 */
export function gatesOf(
  { access, routes }: GateSettings,
  clientOf: (request: Request) => Client,
  tools: GateTools,
): (rules: AccessRules | undefined) => Gate | undefined {
  const all = [access, ...routes.map((route) => route.access)].filter((one) => one !== undefined);
  if (all.length === 0) return () => undefined;
  const site: GateSite = {
    routes: routes.filter(({ match }) => match.contentType === undefined),
    elsewhere: access,
    clientOf,
    identityFields: new IdentityFields(
      all.flatMap(({ auth }) => (auth === undefined ? [] : identityFields(auth))),
    ),
  };
  const gates = new Map([...new Set(all), NO_RULES].map((rules) => [rules, new Gate(rules, site, tools)]));
  return (rules = NO_RULES) => gates.get(rules);
}
