// Whether the directories of scripts are where the settings say: a mistake there would make every path a 404.

import { stat } from 'node:fs/promises';
import { type Config, ConfigError } from '../config.ts';
import { isFastCgi } from '../origin/fastcgi/address.ts';

/** @throws ConfigError when scripts are to be looked for in a directory that is not there */
export async function checkScripts({ origin, origins, fastcgi }: Config): Promise<void> {
  const urls = Object.values(origins).flatMap(({ servers }) => servers.map(({ url }) => url));
  if (origin.kind === 'url') urls.push(origin.url);
  if (!fastcgi.checkFiles || fastcgi.root === undefined || !urls.some(isFastCgi)) return;
  if (await isDirectory(fastcgi.root === '' ? '/' : fastcgi.root)) return;
  throw new ConfigError(
    [
      {
        path: 'fastcgi.root',
        value: `${JSON.stringify(fastcgi.root)}: no directory on this host`,
        allowed:
          'the directory of the scripts; where only the FastCGI server has it, "checkFiles": false beside it',
      },
    ],
    'start',
  );
}

async function isDirectory(name: string): Promise<boolean> {
  try {
    return (await stat(name)).isDirectory();
  } catch {
    return false;
  }
}
