// Whether an origin's 101 is the switch that was asked for (RFC 9110 §7.8, RFC 6455 §4.2.2). A tunnel opens for no other:
// an origin that goes on with HTTP behind one would let a client speak to it past the edge. Pure.

import { createHash } from 'node:crypto';
import type { FieldLines, Fields } from '../http/fields.ts';

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * @param asked the protocols in the request, lower-case
 * @param request the request's lines
 * @returns what is wrong with the 101, or undefined
 */
export function switchFault(
  asked: readonly string[],
  request: FieldLines,
  response: Fields,
): string | undefined {
  if (!listOf(response, 'connection').includes('upgrade')) return 'its Connection does not name Upgrade';
  const named = listOf(response, 'upgrade');
  const [protocol] = named;
  if (protocol === undefined || named.length > 1) return 'its Upgrade names not one protocol';
  if (!asked.includes(protocol)) return 'its Upgrade names a protocol that was not asked for';
  if (protocol !== 'websocket') return undefined;
  const [accept, ...more] = response.all('sec-websocket-accept');
  if (more.length > 0 || accept !== acceptOf(lineOf(request, 'sec-websocket-key'))) {
    return 'its Sec-WebSocket-Accept does not fit the key';
  }
  return undefined;
}

/** The answer that a key asks for (RFC 6455 §4.2.2). */
export function acceptOf(key: string | undefined): string {
  return createHash('sha1')
    .update(`${key ?? ''}${WEBSOCKET_GUID}`)
    .digest('base64');
}

/** Members of a list field in lower case. */
export function listOf(fields: Fields, name: string): readonly string[] {
  return fields
    .all(name)
    .join(',')
    .split(',')
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '');
}

function lineOf(lines: FieldLines, name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) if (lines[i]?.toLowerCase() === name) return lines[i + 1];
  return undefined;
}
