// Where a request to the forward proxy wants to go: scheme, host and port, from its authority. One spelling for each host, so
// that no rule is got round by another. Pure.

import { isIP } from 'node:net';
import { isHostName } from '../config/units.ts';
import { parseAuthority } from '../http/host.ts';

export interface Destination {
  readonly scheme: 'http' | 'https';
  /** Lower-case name without a dot at its end, or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** As a Host field has it: brackets for IPv6, without the scheme's own port. */
  readonly authority: string;
}

/** @returns undefined for what is no host that could be asked for. */
export function destinationOf(scheme: 'http' | 'https', authority: string): Destination | undefined {
  const parsed = parseAuthority(authority);
  if (parsed === undefined) return undefined;
  const own = scheme === 'http' ? 80 : 443;
  const port = parsed.port === -1 ? own : parsed.port;
  const bare = parsed.host.startsWith('[') ? parsed.host.slice(1, -1) : parsed.host.replace(/\.$/, '');
  if (port === 0 || (isIP(bare) === 0 && !isHostName(bare))) return undefined;
  const name = isIP(bare) === 6 ? `[${bare}]` : bare;
  return { scheme, host: bare, port, authority: port === own ? name : `${name}:${port}` };
}
