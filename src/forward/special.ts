// Addresses that a forward proxy does not reach unless told to: everything that is not the public internet. A whitelist:
// what IANA has not given out for it is special, and so is what carries a special IPv4 address within. Pure.

import ipaddr from 'ipaddr.js';

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** IANA's special-purpose registry (RFC 6890), multicast, and what is left of class E. */
const SPECIAL_V4 = ranges([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Metadata of a large cloud, outside all of these.
  '168.63.129.16/32',
]);

/** Of the global unicast space: protocol assignments (Teredo, ORCHID), documentation, 6to4, direct delegation, SRv6. */
const SPECIAL_V6 = ranges(['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']);
const GLOBAL_UNICAST = ranges(['2000::/3']);
/** RFC 6052 §2.1: the IPv4 address is in the last 32 bits. */
const NAT64 = ranges(['64:ff9b::/96']);

/** True for what is no public address, or no address at all. */
export function isSpecial(address: string): boolean {
  const ip = parse(address);
  if (ip === undefined) return true;
  if (ip.kind() === 'ipv4') return within(SPECIAL_V4, ip);
  if (within(NAT64, ip)) return within(SPECIAL_V4, new ipaddr.IPv4(ip.toByteArray().slice(12)));
  return !within(GLOBAL_UNICAST, ip) || within(SPECIAL_V6, ip);
}

/** An IPv4 address mapped into IPv6 is that IPv4 address. Zones are no part of an address that may be reached. */
function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (address.includes('%')) return undefined;
  if (address.includes(':') ? !ipaddr.IPv6.isValid(address) : !ipaddr.IPv4.isValidFourPartDecimal(address))
    return undefined;
  return ipaddr.process(address);
}

function within(list: readonly Range[], ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return list.some(([network, bits]) => network.kind() === ip.kind() && ip.match([network, bits]));
}

function ranges(texts: readonly string[]): readonly Range[] {
  return texts.map((text) => ipaddr.parseCIDR(text));
}
