// Keeps the terms of TLS current: reads the files again when they change or when it is told to, makes new keys for tickets,
// and gives what has changed to the workers. What cannot be used is said in the log, and the old terms stay.
// Runs in the main thread alone.

import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ConfigError, type Fault } from '../config/faults.ts';
import type { TlsSettings } from '../config/tls-schema.ts';
import type { Log } from '../observe/log.ts';
import { filesOf, loadTls, TICKET_KEY_BYTES } from './load.ts';
import type { TlsTerms } from './terms.ts';

export interface KeeperOptions {
  readonly settings: TlsSettings;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
  /** Hands terms to all workers. */
  readonly give: (terms: TlsTerms) => Promise<void>;
  /** How often files are looked at. */
  readonly everyMs?: number;
}

const LOOK_EVERY_MS = 2000;
/** A certificate that ends within this is worth a warning. */
const SOON_MS = 14 * 86_400_000;

export class TlsKeeper {
  readonly #options: KeeperOptions;
  #settings: TlsSettings;
  #ticketKey: Uint8Array = randomBytes(TICKET_KEY_BYTES);
  #rotatesAt: number;
  #terms: TlsTerms;
  /** What the files looked like when they were read last, and at the last look. */
  #read: string;
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Reads the files. Rejects with a ConfigError when they cannot be used. */
  static async open(options: KeeperOptions): Promise<TlsKeeper> {
    const look = await lookAt(options.settings);
    return new TlsKeeper(options, look);
  }

  private constructor(options: KeeperOptions, look: string) {
    this.#options = options;
    this.#settings = options.settings;
    this.#rotatesAt = options.now() + options.settings.tickets.rotateMs;
    this.#terms = this.#load(options.settings);
    this.#read = this.#seen = look;
    this.#warn();
  }

  /** Current terms, for a worker that begins. */
  get terms(): TlsTerms {
    return this.#terms;
  }

  /** Begins to watch, and to give what changes. */
  watch(): void {
    this.#plan();
  }

  /** Reads the files again and gives the terms to all workers. Rejects with a ConfigError when they cannot be used; the old ones stay. */
  async reload(settings: TlsSettings = this.#settings): Promise<void> {
    this.#read = this.#seen = await lookAt(settings);
    this.#terms = this.#load(settings);
    this.#settings = settings;
    this.#warn();
    await this.#options.give(this.#terms);
    this.#options.log.info({ certificates: this.#terms.certificates.map(said) }, 'certificates loaded');
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #load(settings: TlsSettings): TlsTerms {
    const { terms, faults } = loadTls(settings, this.#ticketKey);
    if (terms === undefined) throw new ConfigError(faults, 'tls');
    return terms;
  }

  #plan(): void {
    if (this.#closed) return;
    const again = (): void => {
      this.#round().then(
        () => this.#plan(),
        (error: unknown) => {
          this.#options.log.error({ err: error }, 'the certificates could not be given to the workers');
          this.#plan();
        },
      );
    };
    this.#timer = setTimeout(again, this.#options.everyMs ?? LOOK_EVERY_MS).unref();
  }

  async #round(): Promise<void> {
    const { now, give, log } = this.#options;
    if (now() >= this.#rotatesAt) {
      this.#rotatesAt = now() + this.#settings.tickets.rotateMs;
      this.#ticketKey = randomBytes(TICKET_KEY_BYTES);
      if (this.#settings.tickets.keyFile === undefined) {
        this.#terms = { ...this.#terms, ticketKey: this.#ticketKey };
        await give(this.#terms);
      }
    }
    const seen = await lookAt(this.#settings);
    const still = seen === this.#seen;
    this.#seen = seen;
    // Twice the same: whoever writes the files is done with it.
    if (seen === this.#read || !still || this.#closed) return;
    try {
      await this.reload();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const faults = error.faults.map((fault: Fault) => `${fault.path}: ${fault.value}`);
      log.error({ faults }, 'the files of tls have changed and cannot be used; the old certificates stay');
    }
  }

  #warn(): void {
    const { log, now } = this.#options;
    for (const certificate of this.#terms.certificates) {
      const { notBeforeAt, notAfterAt } = certificate;
      const facts = said(certificate);
      if (notAfterAt <= now()) log.warn(facts, 'a certificate has expired');
      else if (notBeforeAt > now()) log.warn(facts, 'a certificate is not valid yet');
      else if (notAfterAt - now() < SOON_MS) log.warn(facts, 'a certificate expires soon');
    }
  }
}

/** One text that changes when a file does, or what a link leads to. */
async function lookAt(settings: TlsSettings): Promise<string> {
  const looks = filesOf(settings).map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found === undefined ? '-' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
  });
  return (await Promise.all(looks)).join('\n');
}

function said({ names, notAfterAt }: TlsTerms['certificates'][number]): object {
  return { hosts: names, validUntil: new Date(notAfterAt).toISOString() };
}
