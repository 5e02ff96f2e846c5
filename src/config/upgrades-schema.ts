// The settings of tunnels that clients open by Upgrade: `upgrades`.

import { duration, integer, list, section } from './setting.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const upgrades = section('Connections that go over to another protocol, such as WebSocket.', {
  protocols: list(
    'Protocols that a client may ask for by Upgrade. A request for others only is refused with 501.',
    'a protocol such as "websocket", in small letters',
    protocol,
  ).prefault(['websocket']),
  idle: duration('Without a byte in either direction, before such a connection is ended.', {
    min: 1,
    max: 30 * 24 * HOUR,
  }).prefault('1h'),
  max: integer('Most at a time, of each worker; beyond it 503.', { min: 1, max: 1_000_000 }).prefault(10_000),
}).prefault({});

/** A protocol-name with an optional version (RFC 9110 §7.8); h2c would let requests past the edge (RFC 9113 dropped it). */
function protocol(value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,64}(\/[!#$%&'*+.^_`|~0-9a-z-]{1,64})?$/.test(value)) return undefined;
  return /^(h2c?$|http\/|tls\/)/.test(value) ? undefined : value;
}
