// Varnish: storage in memory, one thread pool with its threads there from the start. Its log in shared memory is masked
// as far as it can be.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, type Place, type Subject, versionOf } from './subject.ts';

export function varnish(): Subject | undefined {
  const path = installed('varnishd');
  if (path === undefined) return undefined;
  return {
    name: 'varnish',
    version: versionOf(path, '-V'),
    command({ dir, port, originPort, cacheMib }: Place) {
      const file = join(dir, 'default.vcl');
      writeFileSync(file, `vcl 4.1;\nbackend origin { .host = "127.0.0.1"; .port = "${originPort}"; }\n`);
      const parameters = {
        thread_pools: '1',
        thread_pool_min: '400',
        thread_pool_max: '5000',
        timeout_idle: '3600',
        vsl_mask: MASKED.map((tag) => `-${tag}`).join(','),
      };
      const flags = Object.entries(parameters).flatMap(([name, value]) => ['-p', `${name}=${value}`]);
      const storage = `malloc,${cacheMib}m`;
      const own = [
        '-n',
        join(dir, 'work'),
        '-j',
        'none',
        '-a',
        `127.0.0.1:${port}`,
        '-f',
        file,
        '-s',
        storage,
      ];
      return [path, '-F', ...own, ...flags];
    },
  };
}

/** What it would otherwise note of each request. */
const MASKED = [
  ...['ReqStart', 'ReqMethod', 'ReqURL', 'ReqProtocol', 'ReqHeader', 'ReqUnset', 'ReqAcct'],
  ...['RespProtocol', 'RespStatus', 'RespReason', 'RespHeader', 'RespUnset'],
  ...['BereqMethod', 'BereqURL', 'BereqProtocol', 'BereqHeader', 'BereqUnset', 'BereqAcct'],
  ...['BerespProtocol', 'BerespStatus', 'BerespReason', 'BerespHeader', 'BerespUnset'],
  ...['BackendOpen', 'BackendReuse', 'BackendClose', 'Fetch_Body', 'Storage', 'TTL', 'Timestamp'],
  ...['VCL_call', 'VCL_return', 'VCL_use', 'Hit', 'HitMiss', 'HitPass', 'Length', 'Link'],
  ...['Begin', 'End', 'SessOpen', 'SessClose', 'Filters'],
];
