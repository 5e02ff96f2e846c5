// Who the client is where proxies stand before the edge: the rightmost address that no trusted proxy has vouched for away.
// Walks from the right, where the nearest proxy wrote, and stops at the first address that is not trusted or not to be
// understood; what stands further left anybody may have written. Pure.

import { isIP } from 'node:net';
import type { Fields } from '../http/fields.ts';
import type { Peer, Request } from '../http/message.ts';
import type { AddressTest } from '../origin/forwarded.ts';
import { networkOf } from './address-set.ts';

/** A client, one object for as long as nothing of it changes: what is found out about it can be remembered with it. */
export interface Client {
  readonly address: string;
  /** What it is counted under (address-set.ts). */
  readonly network: string;
}

/** Finds the client of a request; remembers those of connections, and of header sections that proxies have written in. */
export function clients(trusted: AddressTest, source: AddressSource): (request: Request) => Client {
  const ofPeers = new WeakMap<Peer, Client>();
  const ofFields = new WeakMap<Fields, { readonly peer: string; readonly client: Client }>();
  const ofPeer = (peer: Peer): Client => {
    let client = ofPeers.get(peer);
    if (client === undefined) {
      client = clientAt(peer.address);
      ofPeers.set(peer, client);
    }
    return client;
  };
  return ({ peer, fields }) => {
    if (source === 'socket' || !fields.has(source)) return ofPeer(peer);
    const before = ofFields.get(fields);
    if (before?.peer === peer.address) return before.client;
    const client = clientAt(clientAddress(peer.address, fields, trusted, source));
    ofFields.set(fields, { peer: peer.address, client });
    return client;
  };
}

function clientAt(address: string): Client {
  return { address, network: networkOf(address) };
}

/** Where trusted proxies say whom they speak for. */
export type AddressSource = 'socket' | 'x-forwarded-for' | 'forwarded';

/**
 * @param peer the socket's address
 * @returns an address in a plain spelling; `peer` unless it is trusted and says more
 */
export function clientAddress(
  peer: string,
  fields: Fields,
  trusted: AddressTest,
  source: AddressSource,
): string {
  if (source === 'socket' || !fields.has(source) || !trusted(peer)) return peer;
  const nodeOf = source === 'forwarded' ? forwardedNode : plainNode;
  let rest = fields.get(source) ?? '';
  let known = peer;
  for (;;) {
    const comma = source === 'forwarded' ? lastComma(rest) : rest.lastIndexOf(',');
    if (comma === undefined) return known;
    const address = addressOf(nodeOf(rest.slice(comma + 1).trim()));
    if (address === undefined) return known;
    known = address;
    if (comma === -1 || !trusted(known)) return known;
    rest = rest.slice(0, comma);
  }
}

function plainNode(element: string): string {
  return element;
}

/** "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711" → the address; undefined for "unknown", "_hidden", junk. */
function addressOf(node: string | undefined): string | undefined {
  if (node === undefined || node.length > 64) return undefined;
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/.exec(node)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? unmapped(bracketed) : undefined;
  const bare = /^([\d.]+)(?::\d{1,5})?$/.exec(node)?.[1] ?? node;
  return isIP(bare) === 0 || bare.includes('%') ? undefined : unmapped(bare);
}

function unmapped(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.toLowerCase();
}

/** The last comma outside quotes, -1 without one, undefined when a quote is left open. From the right: what a client wrote cannot shift it. */
function lastComma(text: string): number | undefined {
  let quoted = false;
  for (let i = text.length - 1; i >= 0; i--) {
    const character = text[i];
    if (character === '"' && !isEscaped(text, i)) quoted = !quoted;
    else if (character === ',' && !quoted) return i;
  }
  return quoted ? undefined : -1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** RFC 7239 §4: the value of `for` in one forwarded-element; undefined unless it is there once and well-formed. */
function forwardedNode(element: string): string | undefined {
  const pair =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z:-]+)|"((?:[^"\\]|\\.)*)")(?:[ \t]*;[ \t]*|$)/;
  let found: string | undefined;
  for (let rest = element; rest !== ''; ) {
    const match = pair.exec(rest);
    if (match === null) return undefined;
    const [whole, name = '', token, quoted = ''] = match;
    if (name.toLowerCase() === 'for') {
      if (found !== undefined) return undefined;
      found = token ?? quoted.replace(/\\(.)/g, '$1');
    }
    rest = rest.slice(whole.length);
  }
  return found;
}
