// What a request and a response look like on the other side of the edge: hop-by-hop fields removed, Via, Forwarded
// and X-Forwarded-* written from the socket, loops recognised. Pure; knows no socket and no cache.

import ipaddr from 'ipaddr.js';
import { endToEnd } from '../cache/stored-fields.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';

/** Who this edge is on the wire, unique per process so that a tier of edges is no loop. */
export interface Identity {
  /** Name of the cache in Cache-Status and CDN-Loop (RFC 9211 §2, RFC 8586 §2). */
  readonly name: string;
  /** Pseudonym in Via (RFC 9110 §7.6.3). */
  readonly pseudonym: string;
}

/**
 * What a request tells of its way: client: the client's address and this edge · edge: this edge, and what the client's own
 * fields say · nothing: neither, and what clients and proxies tell of a client is taken out.
 */
export type Telling = 'client' | 'edge' | 'nothing';

export type HostPolicy = 'preserve' | 'origin';

/** Tells whether an address is in one of the operator's ranges. */
export type AddressTest = (address: string) => boolean;

/** Compiles CIDR ranges ("10.0.0.0/8", "::1", …). @throws when one is malformed. */
export function addressTest(ranges: readonly string[]): AddressTest {
  const parsed = ranges.map((range) =>
    ipaddr.parseCIDR(range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`),
  );
  return (address) => {
    if (parsed.length === 0 || !ipaddr.isValid(address)) return false;
    const ip = ipaddr.process(address);
    return parsed.some(([network, bits]) => network.kind() === ip.kind() && ip.match([network, bits]));
  };
}

/** Written anew by the edge, or answered by it. */
export const REQUEST_REWRITTEN: ReadonlySet<string> = new Set([
  'host',
  'expect',
  'max-forwards',
  'via',
  'cdn-loop',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
]);

const REWRITTEN: Readonly<Record<Telling, ReadonlySet<string>>> = {
  client: REQUEST_REWRITTEN,
  edge: new Set(['host', 'expect', 'max-forwards', 'via', 'cdn-loop']),
  nothing: new Set([
    ...REQUEST_REWRITTEN,
    'from',
    'x-real-ip',
    'x-client-ip',
    'client-ip',
    'x-cluster-client-ip',
    'x-originating-ip',
    'x-remote-ip',
    'x-remote-addr',
    'x-forwarded',
    'x-forwarded-by',
    'x-forwarded-server',
    'x-original-forwarded-for',
    'true-client-ip',
    'cf-connecting-ip',
    'fastly-client-ip',
    'x-proxyuser-ip',
    'proxy-client-ip',
  ]),
};

/** The scheme the user spoke: the socket's, or what a trusted proxy in front says. */
export function clientScheme(request: Request, trusted: AddressTest): 'http' | 'https' {
  if (!request.fields.has('x-forwarded-proto') || !trusted(request.peer.address)) return request.scheme;
  const said = request.fields.get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase();
  return said === 'https' || said === 'http' ? said : request.scheme;
}

export interface ForwardOptions {
  readonly identity: Identity;
  readonly hostPolicy: HostPolicy;
  readonly originAuthority: string;
  readonly trusted: AddressTest;
  /** What the origin is told of client and edge; `client` unless given. */
  readonly telling?: Telling;
  /** Lower-case names left out besides the hop-by-hop ones, for example conditions the edge answers itself. */
  readonly without?: ReadonlySet<string>;
  /** Lines added at the end, for example our own If-None-Match. */
  readonly add?: FieldLines;
  /** Max-Forwards to pass on, already decremented (RFC 9110 §7.6.2). */
  readonly maxForwards?: number | undefined;
}

type Maker = Omit<ForwardOptions, 'add' | 'maxForwards'>;

/** The lines made of a header section, and for what, so that the next request with the same bytes finds them. */
interface Made extends Pick<Request, 'authority' | 'scheme' | 'version'> {
  readonly address: string;
  readonly maker: Maker;
  readonly lines: FieldLines;
}

const made = new WeakMap<Fields, Made>();

/** The field lines of the request to the origin, Host first. */
export function forwardRequestLines(
  request: Request,
  { add, maxForwards, ...maker }: ForwardOptions,
): FieldLines {
  let known = made.get(request.fields);
  if (known === undefined || !isFor(known, request, maker)) {
    const { authority, scheme, version, peer } = request;
    known = { authority, scheme, version, address: peer.address, maker, lines: makeLines(request, maker) };
    made.set(request.fields, known);
  }
  if (add === undefined && maxForwards === undefined) return known.lines;
  const hops = maxForwards === undefined ? [] : ['max-forwards', String(maxForwards)];
  return [...known.lines, ...hops, ...(add ?? [])];
}

/** INVARIANT: compares all that `makeLines` reads beside the fields. */
function isFor(known: Made, request: Request, maker: Maker): boolean {
  return (
    known.address === request.peer.address &&
    known.authority === request.authority &&
    known.scheme === request.scheme &&
    known.version === request.version &&
    known.maker.identity === maker.identity &&
    known.maker.hostPolicy === maker.hostPolicy &&
    known.maker.originAuthority === maker.originAuthority &&
    known.maker.trusted === maker.trusted &&
    known.maker.telling === maker.telling &&
    known.maker.without === maker.without
  );
}

function makeLines(request: Request, options: Maker): FieldLines {
  const { fields, peer } = request;
  const { identity } = options;
  const authority =
    options.hostPolicy === 'origin' || request.authority === '' ? options.originAuthority : request.authority;
  const rewritten = REWRITTEN[options.telling ?? 'client'];
  const left = options.without === undefined ? rewritten : new Set([...rewritten, ...options.without]);
  const lines = ['host', authority, ...new Fields(endToEnd(fields)).without(left).lines];
  if (options.telling === 'nothing') return lines;
  if (options.telling === 'edge') return [...lines, ...ownLines(request, identity)];

  const trusted = options.trusted(peer.address);
  const before = (name: string): string => {
    const value = trusted ? fields.get(name) : undefined;
    return value === undefined || value === '' ? '' : `${value}, `;
  };
  const kept = (name: string, own: string): string => (trusted ? fields.get(name) : undefined) ?? own;
  if (peer.address !== '') lines.push('x-forwarded-for', before('x-forwarded-for') + peer.address);
  lines.push('x-forwarded-proto', kept('x-forwarded-proto', request.scheme));
  lines.push('x-forwarded-host', kept('x-forwarded-host', request.authority));
  lines.push('forwarded', before('forwarded') + forwardedElement(request));
  return [...lines, ...ownLines(request, identity)];
}

function ownLines({ fields, version }: Request, identity: Identity): FieldLines {
  return ['via', viaLine(fields, version, identity), 'cdn-loop', cdnLoopLine(fields, identity)];
}

/** RFC 7239 §4: one forwarded-element. An IPv6 address is bracketed and quoted; what nobody asked for is for "unknown" (§6.2). */
function forwardedElement(request: Request): string {
  const { address } = request.peer;
  const node = address.includes(':') ? `"[${address}]"` : address || 'unknown';
  const host = request.authority === '' ? '' : `;host="${request.authority}"`;
  return `for=${node}${host};proto=${request.scheme}`;
}

/** The Via value with this edge appended (RFC 9110 §7.6.3). */
export function viaLine(fields: Fields, version: string, identity: Identity): string {
  const before = fields.get('via');
  const own = `${version === '2' ? '2.0' : version} ${identity.pseudonym}`;
  return before === undefined || before === '' ? own : `${before}, ${own}`;
}

/** The CDN-Loop value with this edge appended (RFC 8586 §2). */
export function cdnLoopLine(fields: Fields, identity: Identity): string {
  const before = fields.get('cdn-loop');
  const own = `${identity.name}; id=${identity.pseudonym}`;
  return before === undefined || before === '' ? own : `${before}, ${own}`;
}

/** True when the request has been through this very edge before: by Via or by CDN-Loop (RFC 8586 §2). */
export function isLoop(fields: Fields, identity: Identity): boolean {
  if (fields.has('via')) {
    for (const hop of (fields.get('via') ?? '').split(',')) {
      if (
        hop
          .trim()
          .split(/[ \t]+/)[1]
          ?.toLowerCase() === identity.pseudonym
      )
        return true;
    }
  }
  if (!fields.has('cdn-loop')) return false;
  for (const entry of (fields.get('cdn-loop') ?? '').split(',')) {
    const [id, ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    if (id !== identity.name) continue;
    if (parameters.some((parameter) => parameter.replaceAll('"', '') === `id=${identity.pseudonym}`))
      return true;
  }
  return false;
}
