// The settings of connections as they come: how many there may be, and who may say whose they are (PROXY protocol).

import { duration, integerOr, list, oneOf, section } from './setting.ts';
import { parseRange } from './units.ts';

const COUNT = { min: 1, max: 1_000_000 };

export const connectionLimits = {
  maxConnections: integerOr(
    'none',
    'Most connections of all clients, over all workers; more are reset.',
    COUNT,
  ).prefault('none'),
  maxConnectionsPerAddress: integerOr(
    'none',
    'Most connections of one client address (an IPv6 /64), over all workers; more are reset. Not for `trustedProxies`, which stand for many.',
    COUNT,
  ).prefault('none'),
};

export const proxyProtocol = section(
  'The PROXY protocol (version 1 and 2) before every connection of clients, TLS or not.',
  {
    mode: oneOf(
      'Whether connections begin with its header; where "required", one without it, or from elsewhere, is reset.',
      ['off', 'required'],
    ).prefault('off'),
    from: list(
      'Who may speak for clients, by the address of the socket; without it those of `trustedProxies`.',
      'an address or a range such as "10.0.0.0/8" or "2001:db8::/32"',
      parseRange,
    ).optional(),
    timeout: duration('From the connection to the whole header.', { min: 10, max: 60_000 }).prefault('5s'),
  },
).prefault({});

type Count = number | 'none';

/** undefined sets no limit. */
export function connectionsOf(set: { maxConnections: Count; maxConnectionsPerAddress: Count }): {
  total: number | undefined;
  perAddress: number | undefined;
} {
  const { maxConnections: total, maxConnectionsPerAddress: perAddress } = set;
  return {
    total: total === 'none' ? undefined : total,
    perAddress: perAddress === 'none' ? undefined : perAddress,
  };
}
