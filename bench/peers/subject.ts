// What the peers' bench measures: a cache that can be started on one core in front of an origin. Each peer has a file
// of its own; a peer that is not installed is left out.

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from './certificate.ts';

/** How a row's requests come: in the clear, or over TLS as HTTP/1.1 or HTTP/2. */
export type Protocol = 'clear' | 'tls' | 'h2';

/** What a subject is started with. */
export interface Place {
  /** An empty directory of its own. */
  readonly dir: string;
  /** Where to listen, on 127.0.0.1. */
  readonly port: number;
  /** Where to listen for TLS, with HTTP/2 and HTTP/1.1, on 127.0.0.1. */
  readonly tlsPort: number;
  readonly certificate: CertificateFiles;
  /** Files that it may have open at a time. */
  readonly openFiles: number;
  /** Of the origin, on 127.0.0.1. */
  readonly originPort: number;
  /** Bytes of cache, in mebibytes. */
  readonly cacheMib: number;
}

export interface Subject {
  readonly name: string;
  /** Shown under the table. */
  readonly version: string;
  /** Rows it takes part in; all unless given. */
  readonly only?: readonly string[];
  /** It ends TLS, with HTTP/2. */
  readonly tls?: true;
  /** Writes its configuration into the directory. @returns the command that runs it in the foreground. */
  command(place: Place): readonly [file: string, ...args: string[]];
}

/** Directories beyond PATH in which daemons live. */
const DIRECTORIES = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/sbin'];

/** The path of an installed program, or undefined. */
export function installed(program: string): string | undefined {
  for (const directory of DIRECTORIES) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The first thing that looks like a version in what a program says of itself. */
export function versionOf(path: string, flag: string): string {
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}
