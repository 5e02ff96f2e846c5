// The content codings that the edge makes, and which of them a request takes (RFC 9110 §12.5.3). Pure. A field that is absent
// or outside the grammar takes none: a client that cannot decode never gets what it would have to.

import { parseCacheControl } from '../cache/cache-control.ts';
import { canonicalEncodings, parseWeighted } from '../cache/negotiation.ts';
import type { Fields } from '../http/fields.ts';

export const CODINGS = ['zstd', 'br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

export function isCoding(text: string): text is Coding {
  return (CODINGS as readonly string[]).includes(text);
}

/** Qualities in thousandths; 0 is not acceptable. */
export interface Acceptance extends Readonly<Record<Coding, number>> {
  /** Of content as it is; undefined where the request does not speak of it, which makes it acceptable but nothing to prefer. */
  readonly identity: number | undefined;
}

const IDENTITY_ONLY: Acceptance = { zstd: 0, br: 0, gzip: 0, identity: undefined };

/** Requests with the same header bytes share one Fields, so a hit finds it here. */
const known = new WeakMap<Fields, Acceptance>();

/** What a request takes; the same object for the same Fields. */
export function acceptance(request: Fields): Acceptance {
  let found = known.get(request);
  if (found === undefined) {
    found = read(request);
    known.set(request, found);
  }
  return found;
}

function read(request: Fields): Acceptance {
  const value = request.get('accept-encoding');
  // RFC 9110 §12.5.3: without the field any coding is acceptable; clients that mean that are not known to exist.
  if (value === undefined) return IDENTITY_ONLY;
  // RFC 9111 §5.2.1.6: the client wants what the origin sent.
  if (parseCacheControl(request.all('cache-control')).noTransform) return IDENTITY_ONLY;
  const members = parseWeighted(canonicalEncodings(value) ?? '');
  if (members === undefined || members.length === 0) return IDENTITY_ONLY;
  const quality = (name: string): number | undefined => members.find(({ range }) => range === name)?.quality;
  const rest = quality('*');
  return {
    zstd: quality('zstd') ?? rest ?? 0,
    br: quality('br') ?? rest ?? 0,
    gzip: quality('gzip') ?? rest ?? 0,
    identity: quality('identity') ?? rest,
  };
}

/** Whether content as it is may be sent. */
export function takesIdentity({ identity }: Acceptance): boolean {
  return identity !== 0;
}

/**
 * The coding that a request wants most; undefined when that is none of them.
 * @param order of preference among those wanted alike
 */
export function mostWanted(order: readonly Coding[], accepted: Acceptance): Coding | undefined {
  let best: Coding | undefined;
  let highest = 0;
  for (const coding of order) {
    const quality = accepted[coding];
    if (quality <= highest) continue;
    best = coding;
    highest = quality;
  }
  return highest >= (accepted.identity ?? 0) ? best : undefined;
}
