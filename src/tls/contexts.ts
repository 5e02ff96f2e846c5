// The secure contexts of a listener by the host that a client names (SNI, RFC 6066 §3): exact, then wildcard, then the first.

import { constants, createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { covers, wildcardOf } from './certificate.ts';
import type { TlsTerms } from './terms.ts';

/** Certificates for the same hosts; the first of all may be of several kinds of key. */
export interface Chosen {
  readonly names: readonly string[];
  readonly cert: string[];
  readonly key: string[];
  readonly context: SecureContext;
}

export class Contexts {
  readonly first: Chosen;
  readonly #all: readonly Chosen[];
  readonly #byName = new Map<string, Chosen>();

  /** @throws when a certificate or the ciphers cannot be used. */
  constructor(terms: TlsTerms) {
    const groups = Map.groupBy(terms.certificates, ({ names }) => names.toSorted().join(' '));
    this.#all = [...groups.values()].map((group, index) => {
      // Node puts one certificate of a context into a handshake, unless it is the context of the server itself.
      const used = index === 0 ? group : group.slice(0, 1);
      const pairs = { cert: used.map(({ cert }) => cert), key: used.map(({ key }) => key) };
      const context = createSecureContext({ ...contextOptions(terms), ...pairs });
      return { names: group[0]?.names ?? [], ...pairs, context };
    });
    const [first] = this.#all;
    if (first === undefined) throw new Error('TLS needs a certificate');
    this.first = first;
    for (const one of this.#all)
      for (const name of one.names) if (!this.#byName.has(name)) this.#byName.set(name, one);
  }

  /** The context for a host; the first where no certificate is for it. */
  choose(host: string): Chosen {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.#byName.get(name) ?? this.#byName.get(wildcardOf(name)) ?? this.first;
  }

  /** Whether any certificate is for a host. */
  knows(host: string): boolean {
    return this.#all.some(({ names }) => covers(names, host));
  }
}

/** What all contexts of a listener have in common. */
export function contextOptions({ minVersion, ciphers, clientAuth, ticketKey }: TlsTerms) {
  return {
    minVersion,
    ciphers,
    ...(clientAuth !== undefined && { ca: clientAuth.ca }),
    ticketKeys: Buffer.from(ticketKey),
    // A session carries the certificate of its client: it holds only where the same authorities vouch.
    sessionIdContext: createHash('sha256')
      .update(JSON.stringify(clientAuth ?? null))
      .digest('hex')
      .slice(0, 32),
    // Ours is the order, what is quickest first; a client that likes ChaCha20 best has no AES in hardware, and gets it.
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
  } as const;
}
