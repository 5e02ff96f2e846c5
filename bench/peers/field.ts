// The field of one run: the origin, the directory, and the daemons that are started in it. What is left of it goes when the
// bench ends, however it ends.

import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../children.ts';
import { type CertificateFiles, certificateIn } from './certificate.ts';
import { Daemon } from './daemon.ts';
import { type Contender, LOAD_CORE } from './measure.ts';
import type { Subject } from './subject.ts';
import { openFiles, workingPlace } from './surroundings.ts';

const ORIGIN = resolve(import.meta.dirname, 'origin.ts');
/** Subjects have this core for themselves. */
const CORE = 0;

export class Field {
  readonly #directory: string;
  readonly #certificate: CertificateFiles;
  readonly #cacheMib: number;
  readonly #originPort: number;
  readonly #daemons = new Set<Daemon>();
  #started = 0;

  static async open(cacheMib: number): Promise<Field> {
    const directory = workingPlace();
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    const originPort = await freePort();
    const field = new Field(directory, await certificateIn(directory), cacheMib, originPort);
    const origin = new Daemon('origin', LOAD_CORE, [process.execPath, ORIGIN, String(originPort)]);
    field.#daemons.add(origin);
    await origin.ready(originPort, 10_000);
    return field;
  }

  private constructor(
    directory: string,
    certificate: CertificateFiles,
    cacheMib: number,
    originPort: number,
  ) {
    this.#directory = directory;
    this.#certificate = certificate;
    this.#cacheMib = cacheMib;
    this.#originPort = originPort;
  }

  /** Starts a subject with an empty cache. Throws, with its last words, when it does not listen. */
  async start(subject: Subject): Promise<Contender> {
    const { name } = subject;
    const originPort = this.#originPort;
    const port = await freePort();
    const tlsPort = await freePort();
    const dir = join(this.#directory, `${this.#started++}-${name.replaceAll(/\W+/g, '-').slice(-40)}`);
    mkdirSync(dir, { mode: 0o755 });
    const command = subject.command({
      dir,
      port,
      tlsPort,
      certificate: this.#certificate,
      openFiles: openFiles(),
      originPort,
      cacheMib: this.#cacheMib,
    });
    const daemon = new Daemon(name, CORE, command);
    this.#daemons.add(daemon);
    await daemon.ready(port, 20_000);
    return { name, daemon, port, tlsPort, originPort };
  }

  async stop({ daemon }: Contender, graceMs?: number): Promise<void> {
    this.#daemons.delete(daemon);
    await daemon.stop(graceMs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#daemons].map((daemon) => daemon.stop()));
  }
}
