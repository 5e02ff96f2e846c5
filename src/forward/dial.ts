// How the forward proxy dials: a name is resolved, its addresses are checked, and exactly those that passed are dialled, so that
// a name which resolves to something else a moment later gains nothing. Knows no HTTP.

import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Address } from '../config.ts';
import { type AddressTest, addressTest } from '../origin/forwarded.ts';
import type { Resolve } from './resolver.ts';
import { isSpecial } from './special.ts';

/** The `code` of the error for a destination whose addresses may not be dialled (origin/failure.ts). */
export const DENIED_CODE = 'E_DESTINATION_DENIED';

export class DestinationDenied extends Error {
  readonly code = DENIED_CODE;

  constructor(what: string) {
    super(what);
    this.name = 'DestinationDenied';
  }
}

/** Whether an address and a port may be dialled; a sentence why not. */
export type AddressCheck = (address: string, port: number) => string | undefined;

export interface CheckOptions {
  /** Special addresses that may be dialled. */
  readonly reach: readonly string[];
  /** Addresses that may not, whatever `reach` says. */
  readonly block: readonly string[];
  /** Where this program listens itself. */
  readonly own: () => readonly Address[];
}

export function addressCheck({ reach, block, own }: CheckOptions): AddressCheck {
  const reached = addressTest(reach);
  const blocked = addressTest(block);
  return (address, port) => {
    if (blocked(address)) return 'the address is blocked by the settings';
    if (isSpecial(address) && !reached(address)) return 'the address is not one of the public internet';
    return own().some((one) => isOwn(one, address, port)) ? 'it is this proxy itself' : undefined;
  };
}

/** A lookup for node:net that yields addresses which have passed, or DestinationDenied. */
export function checkedLookup(resolve: Resolve, check: AddressCheck, port: number): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const fit = addresses.filter(
        ({ address, family }) =>
          check(address, port) === undefined && (!options.family || options.family === family),
      );
      const [first] = fit;
      if (first === undefined) callback(new DestinationDenied(deniedText(host, addresses, check, port)), []);
      else if (options.all === true) callback(null, [...fit]);
      else callback(null, first.address, first.family);
    });
  };
}

/** The same for a host that is an address, which nobody looks up. */
export function literalFault(host: string, check: AddressCheck, port: number): DestinationDenied | undefined {
  if (isIP(host) === 0) return undefined;
  const fault = check(host, port);
  return fault === undefined ? undefined : new DestinationDenied(`${host}: ${fault}`);
}

function deniedText(
  host: string,
  addresses: readonly { readonly address: string }[],
  check: AddressCheck,
  port: number,
): string {
  const [first] = addresses;
  if (first === undefined) return `${host} has no address`;
  return `${host} is ${first.address}: ${check(first.address, port) ?? 'of another family'}`;
}

const LOOPBACK: AddressTest = addressTest(['127.0.0.0/8', '::1/128', '0.0.0.0/8', '::/128']);

/** All loopback addresses are one host: this one. */
function isOwn({ host, port: ownPort }: Address, address: string, port: number): boolean {
  if (port !== ownPort || ownPort === 0) return false;
  if (host !== undefined && isIP(host) !== 0 && !/^[0.:]+$/.test(host)) {
    return host === address || (LOOPBACK(host) && LOOPBACK(address));
  }
  return LOOPBACK(address) || localAddresses().has(address);
}

let local: { readonly addresses: ReadonlySet<string>; readonly atMs: number } | undefined;
const LOCAL_KEPT_MS = 10_000;

function localAddresses(): ReadonlySet<string> {
  const nowMs = performance.now();
  if (local === undefined || nowMs - local.atMs > LOCAL_KEPT_MS) {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    local = { addresses: new Set(all.map(({ address }) => address)), atMs: nowMs };
  }
  return local.addresses;
}
