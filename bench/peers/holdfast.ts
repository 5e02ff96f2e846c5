// holdfast itself, as an operator runs it on one core: without the disk tier, and with it for the rows that store.

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Place, Subject } from './subject.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

/** @param main the entry point, to measure another checkout */
export function holdfast(main = MAIN, name = 'holdfast'): Subject {
  return {
    name,
    version: process.version,
    tls: true,
    command: (place) => command(main, place, 'none'),
  };
}

/** The same with the disk tier: what it costs shows only where something is stored. */
export function holdfastOnDisk(main = MAIN): Subject {
  return {
    name: 'holdfast (disk)',
    version: process.version,
    only: ['miss'],
    command: (place) => command(main, place, join(place.dir, 'disk')),
  };
}

function command(
  main: string,
  { dir, port, tlsPort, certificate, originPort, cacheMib }: Place,
  disk: string,
): readonly [string, ...string[]] {
  const { cert, key } = certificate;
  const config = join(dir, 'config.json');
  const tls = { listen: `127.0.0.1:${tlsPort}`, certificates: [{ cert, key }] };
  writeFileSync(config, JSON.stringify({ tls }));
  const flags = {
    config,
    origin: `http://127.0.0.1:${originPort}`,
    listen: `127.0.0.1:${port}`,
    memory: `${cacheMib}MB`,
    disk,
    admin: 'none',
    workers: '1',
    'access-log': 'off',
    'log-level': 'warn',
  };
  return [
    process.execPath,
    main,
    'run',
    ...Object.entries(flags).flatMap(([key, value]) => [`--${key}`, value]),
  ];
}
