// Which protocols a request may be passed on with as a request to upgrade: what it asks for, what the operator allows, and
// what makes such a request whole. Pure.

import type { Refusal } from '../admit.ts';
import type { Fields } from '../http/fields.ts';
import type { Request, Responder } from '../http/message.ts';

const REFUSALS = {
  protocol: {
    status: 501,
    sentence: 'Upgrading the connection to this protocol is not served here.',
    detail: 'upgrade-refused',
  },
  key: {
    status: 400,
    sentence: 'A WebSocket handshake is a GET with one Sec-WebSocket-Key of 16 bytes in base64.',
    detail: 'upgrade-malformed',
  },
} as const satisfies Record<string, Refusal>;

/** RFC 9113 §3.1, RFC 2817 §3: sent on the chance, and a server may ignore them. h2c would let requests past the edge. */
const IGNORED = /^(h2c?$|http\/|tls\/)/;
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** The protocols that fields ask for, lower-case; undefined when they ask for none (RFC 9110 §7.8). */
export function askedProtocols(fields: Fields): readonly string[] | undefined {
  if (!fields.has('upgrade') || !members(fields.get('connection')).includes('upgrade')) return undefined;
  const asked = members(fields.get('upgrade')).filter((protocol) => !IGNORED.test(protocol));
  return asked.length === 0 ? undefined : asked;
}

/**
 * What the origin is asked for; undefined for a request that stays one in HTTP. One with content does: a client's bytes are
 * content or the other protocol's, never what somebody takes them for.
 */
export function upgradeOf(
  { method, version, body, fields }: Request,
  responder: Responder,
  asked: readonly string[],
  allowed: readonly string[],
): readonly string[] | Refusal | undefined {
  if (version !== '1.1' || body !== null || responder.takeOver === undefined) return undefined;
  if (method === 'HEAD' || method === 'TRACE') return undefined;
  const protocols = asked.filter((protocol) => allowed.includes(protocol));
  if (protocols.length === 0) return REFUSALS.protocol;
  if (!protocols.includes('websocket')) return protocols;
  const keys = fields.all('sec-websocket-key');
  return method === 'GET' && keys.length === 1 && KEY.test(keys[0] ?? '') ? protocols : REFUSALS.key;
}

function members(list: string | undefined): readonly string[] {
  return (list ?? '')
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
