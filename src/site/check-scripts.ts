// Whether the directories of scripts are where the settings say: a mistake there would make every path a 404.

import { stat } from 'node:fs/promises';
import { type Config, ConfigError, type FastCgiConfig, type Fault } from '../config.ts';
import { isFastCgi } from '../origin/fastcgi/address.ts';

/** @throws ConfigError when scripts are to be looked for in a directory that is not there; `source` is where the settings are from */
export async function checkScripts({ origin, origins, fastcgi }: Config, source = 'start'): Promise<void> {
  const groups = Object.entries(origins)
    .filter(([, { servers }]) => servers.some(({ url }) => isFastCgi(url)))
    .map(([name, group]) => check(group.fastcgi, `origins.${name}.fastcgi.root`));
  const own = origin.kind === 'url' && isFastCgi(origin.url) ? [check(fastcgi, 'fastcgi.root')] : [];
  const faults = (await Promise.all([...own, ...groups])).filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new ConfigError(faults, source);
}

async function check({ checkFiles, root }: FastCgiConfig, path: string): Promise<Fault | undefined> {
  if (!checkFiles || root === undefined || (await isDirectory(root === '' ? '/' : root))) return undefined;
  return {
    path,
    value: `${JSON.stringify(root)}: no directory on this host`,
    allowed:
      'the directory of the scripts; where only the FastCGI server has it, "checkFiles": false beside it',
  };
}

async function isDirectory(name: string): Promise<boolean> {
  try {
    return (await stat(name)).isDirectory();
  } catch {
    return false;
  }
}
