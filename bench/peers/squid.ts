// Squid as an accelerator: one process, memory only. Logs off.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, type Place, type Subject, versionOf } from './subject.ts';
import { unprivileged } from './surroundings.ts';

export function squid(): Subject | undefined {
  const path = installed('squid');
  if (path === undefined) return undefined;
  return {
    name: 'squid',
    version: versionOf(path, '-v'),
    command(place) {
      const file = join(place.dir, 'squid.conf');
      writeFileSync(file, config(place));
      // A name of its own, for the shared memory that another Squid may have, or may have left behind.
      return [path, '-N', '-n', `bench${process.pid}x${place.port}`, '-f', file];
    },
  };
}

const config = ({ dir, port, originPort, cacheMib, openFiles }: Place): string => `
http_port 127.0.0.1:${port} accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent ${originPort} 0 no-query originserver name=origin
http_access allow all
cache_effective_user ${unprivileged(dir)}
pid_filename ${dir}/squid.pid
coredump_dir ${dir}
cache_log /dev/null
access_log none
cache_store_log none
cache_mem ${cacheMib} MB
maximum_object_size 4 MB
maximum_object_size_in_memory 4 MB
memory_cache_shared off
client_persistent_connections on
server_persistent_connections on
pipeline_prefetch 0
client_idle_pconn_timeout 1 hour
shutdown_lifetime 0 seconds
max_filedescriptors ${Math.min(openFiles, 65_536)}
workers 1
`;
