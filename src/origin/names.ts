// The addresses of an origin's name: resolved again every so often, handed to new connections in turn, and remembered
// where the resolver fails. Says of an address whether the name has moved away from it. The only file that resolves names.

import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Resolve = (
  host: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface NamesOptions {
  readonly host: string;
  /** How long an answer of the resolver is used before it is asked again. */
  readonly refreshMs: number;
  /** Epoch ms. */
  readonly now: () => number;
  /** getaddrinfo, hosts file included, unless given. */
  readonly resolve?: Resolve;
}

export class Names {
  readonly #options: NamesOptions;
  #addresses: readonly LookupAddress[] = [];
  #resolvedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<readonly LookupAddress[]> | undefined;
  #turn = 0;

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  /** For net.connect: all addresses, another one first each time, so that connections spread over them. */
  readonly lookup: LookupFunction = (_host, options, callback) => {
    this.#current().then(
      (addresses) => {
        const { family } = options;
        const wanted =
          family === 4 || family === 6 ? addresses.filter((one) => one.family === family) : addresses;
        const [first] = wanted;
        if (first === undefined) callback(noAddress(this.#options.host), '', 0);
        else if (options.all === true) callback(null, this.#turned(wanted));
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };

  /** Whether the name is known to have other addresses now. Asks again behind, where it is time. */
  hasLeft(address: string | undefined): boolean {
    const { now, refreshMs } = this.#options;
    if (now() - this.#resolvedAt > refreshMs) this.#ask().catch(() => undefined);
    if (address === undefined || this.#addresses.length === 0) return false;
    return !this.#addresses.some((one) => one.address === address);
  }

  #turned(addresses: readonly LookupAddress[]): LookupAddress[] {
    this.#turn = (this.#turn + 1) % addresses.length;
    return [...addresses.slice(this.#turn), ...addresses.slice(0, this.#turn)];
  }

  async #current(): Promise<readonly LookupAddress[]> {
    const { now, refreshMs } = this.#options;
    if (now() - this.#resolvedAt <= refreshMs) return this.#addresses;
    return this.#ask();
  }

  /** One question at a time. What was known stays good while the resolver fails. */
  #ask(): Promise<readonly LookupAddress[]> {
    const { host, now, resolve = systemLookup } = this.#options;
    this.#asking ??= new Promise<readonly LookupAddress[]>((give, fail) => {
      resolve(host, { all: true }, (error, addresses) => {
        this.#asking = undefined;
        if (error === null && addresses.length > 0) {
          this.#addresses = addresses;
          this.#resolvedAt = now();
        } else if (this.#addresses.length === 0) return fail(error ?? noAddress(host));
        give(this.#addresses);
      });
    });
    return this.#asking;
  }
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
}
