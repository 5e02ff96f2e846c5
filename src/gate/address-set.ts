// Sets of address ranges, fast for long lists: sorted intervals, looked up in halves. And the network that stands for an
// address where clients are counted. Pure; ipaddr.js parses.

import ipaddr from 'ipaddr.js';

/** Bytes as hexadecimal digits: texts of one length compare as the numbers do. */
type Hex = string;

interface Intervals {
  readonly starts: readonly Hex[];
  readonly ends: readonly Hex[];
}

/** IPv6 clients are told apart by this much of their address: one subscriber has at least a /64 (RFC 6177 §2). */
const SUBSCRIBER_DIGITS = 16;

export class AddressSet {
  readonly #v4: Intervals;
  readonly #v6: Intervals;

  /** @param ranges CIDR texts with a prefix length, as config.ts gives them. @throws when one is malformed */
  constructor(ranges: readonly string[]) {
    const parsed = ranges.map(interval);
    this.#v4 = merged(parsed.filter(([start]) => start.length === 8));
    this.#v6 = merged(parsed.filter(([start]) => start.length === 32));
  }

  /** False for what is no address. */
  has(address: string): boolean {
    const hex = hexOf(address);
    return hex !== undefined && within(hex.length === 8 ? this.#v4 : this.#v6, hex);
  }
}

/** What an address is counted under: an IPv4 address itself, the /64 of an IPv6 address. Text that is no address is itself. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const hex = hexOf(address);
  return hex === undefined || hex.length === 8 ? (hex ?? address) : hex.slice(0, SUBSCRIBER_DIGITS);
}

function hexOf(address: string): Hex | undefined {
  if (!ipaddr.isValid(address) || (!address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address)))
    return undefined;
  return hex(ipaddr.process(address).toByteArray());
}

function interval(range: string): readonly [Hex, Hex] {
  const [network, bits] = ipaddr.parseCIDR(range);
  const bytes = network.toByteArray();
  const start = bytes.map((byte, i) => byte & maskAt(bits, i));
  const end = bytes.map((byte, i) => (byte & maskAt(bits, i)) | (~maskAt(bits, i) & 0xff));
  return [hex(start), hex(end)];
}

/** Byte `i` of a netmask of so many bits. */
function maskAt(bits: number, i: number): number {
  const set = Math.max(0, Math.min(8, bits - 8 * i));
  return (0xff << (8 - set)) & 0xff;
}

function hex(bytes: readonly number[]): Hex {
  return Buffer.from(bytes).toString('hex');
}

function merged(intervals: readonly (readonly [Hex, Hex])[]): Intervals {
  const starts: Hex[] = [];
  const ends: Hex[] = [];
  for (const [start, end] of intervals.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = ends.at(-1);
    if (last === undefined || start > last) {
      starts.push(start);
      ends.push(end);
    } else if (end > last) ends[ends.length - 1] = end;
  }
  return { starts, ends };
}

function within({ starts, ends }: Intervals, hex: Hex): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as Hex) <= hex) low = middle + 1;
    else high = middle;
  }
  return low > 0 && hex <= (ends[low - 1] as Hex);
}
