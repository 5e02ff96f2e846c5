// The Request value of an HTTP/2 stream (RFC 9113 §8.3.1): pseudo-header fields as strict as a request line and Host are in
// HTTP/1.1. Pure but for the map of blocks.

import type { Readable } from 'node:stream';
import { PATH, QUERY, TOKEN } from '../http/chars.ts';
import { type Authority, parseAuthority, reduceAuthority } from '../http/host.ts';
import type { Peer, Request } from '../http/message.ts';
import { badRequest, Refusal } from '../http/refusal.ts';
import type { Block, Blocks, LastBlock } from './header-block.ts';

export interface Head {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly block: Block;
}

const MAX_METHOD_BYTES = 64;
const COLON = 0x3a;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;

const BAD_PSEUDO = badRequest('The pseudo-header fields are not those of a request.');
const BAD_METHOD = badRequest('The method is no token.');
const LONG_METHOD = new Refusal(501, 'The method is too long.');
const BAD_SCHEME = badRequest('The scheme is not https.');
const BAD_TARGET = badRequest('The request target is malformed.');
const LONG_TARGET = new Refusal(414, 'The request target is too long.');
const BAD_AUTHORITY = badRequest('The authority is malformed.');
const NO_AUTHORITY = badRequest('There is neither an authority nor a Host field.');
const OTHER_HOST = badRequest('The authority differs from Host.');
const CONTENT_OF_CONNECT = badRequest('CONNECT takes no content.');

export class Requests {
  readonly #blocks: Blocks;
  readonly #maxTargetBytes: number;
  /** Authorities as they were sent, with what is made of them. */
  readonly #authorities = new Map<string, Authority>();

  constructor(blocks: Blocks, maxTargetBytes: number) {
    this.#blocks = blocks;
    this.#maxTargetBytes = maxTargetBytes;
  }

  /** @param raw name, value, name, value, … as received */
  read(raw: readonly string[], last: LastBlock): Head | Refusal {
    let method: string | undefined;
    let scheme: string | undefined;
    let named: string | undefined;
    let path: string | undefined;
    let i = 0;
    for (; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      if (name.charCodeAt(0) !== COLON) break;
      const value = raw[i + 1] ?? '';
      if (name === ':method' && method === undefined) method = value;
      else if (name === ':path' && path === undefined) path = value;
      else if (name === ':authority' && named === undefined) named = value;
      else if (name === ':scheme' && scheme === undefined) scheme = value;
      else return BAD_PSEUDO;
    }
    if (method === undefined) return BAD_PSEUDO;
    const block = this.#blocks.read(raw, i, last);
    if (block instanceof Refusal) return block;
    if (method !== 'GET' && method !== 'HEAD') {
      if (method.length > MAX_METHOD_BYTES) return LONG_METHOD;
      if (!isToken(method)) return BAD_METHOD;
    }

    const authority = this.#authority(named, block);
    if (authority instanceof Refusal) return authority;
    if (method === 'CONNECT') {
      // RFC 9113 §8.5.
      if (scheme !== undefined || path !== undefined) return BAD_PSEUDO;
      if (named === undefined || authority.port === -1) return BAD_TARGET;
      if (block.contentLength > 0) return CONTENT_OF_CONNECT;
      return { method, target: named, authority: reduceAuthority(authority, 'https'), block };
    }
    if (scheme !== 'https') return scheme === undefined ? BAD_PSEUDO : BAD_SCHEME;
    if (path === undefined) return BAD_PSEUDO;
    if (path.length > this.#maxTargetBytes) return LONG_TARGET;
    if (!isTarget(path) && !(path === '*' && method === 'OPTIONS')) return BAD_TARGET;
    return { method, target: path, authority: reduceAuthority(authority, 'https'), block };
  }

  #authority(named: string | undefined, { host }: Block): Authority | Refusal {
    if (named === undefined) return host ?? NO_AUTHORITY;
    const authority = this.#authorities.get(named) ?? this.#learn(named);
    if (authority === undefined) return BAD_AUTHORITY;
    if (host !== undefined && reduceAuthority(host, 'https') !== reduceAuthority(authority, 'https'))
      return OTHER_HOST;
    return authority;
  }

  #learn(named: string): Authority | undefined {
    const authority = parseAuthority(named);
    if (authority === undefined) return undefined;
    if (this.#authorities.size >= 1000) this.#authorities.clear();
    this.#authorities.set(named, authority);
    return authority;
  }
}

export function toRequest(
  { method, target, authority, block }: Head,
  content: Readable | undefined,
  peer: Peer,
  receivedAt: number,
): Request {
  return {
    method,
    target,
    scheme: 'https',
    authority,
    version: '2',
    fields: block.fields,
    body:
      content === undefined
        ? null
        : { length: block.contentLength === -1 ? undefined : block.contentLength, stream: content },
    peer,
    receivedAt,
  };
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text !== '';
}

/** origin-form, with the characters that HTTP/1.1 lets through (src/http/head.ts). */
function isTarget(text: string): boolean {
  if (text.charCodeAt(0) !== SLASH) return false;
  let i = 1;
  while (PATH[text.charCodeAt(i)] === 1) i++;
  if (text.charCodeAt(i) === QUESTION_MARK)
    do i++;
    while (QUERY[text.charCodeAt(i)] === 1);
  return i === text.length;
}
