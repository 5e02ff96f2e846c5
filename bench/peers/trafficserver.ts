// Apache Traffic Server: one event thread, RAM cache before a raw cache file. Logs off.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SUITES } from './certificate.ts';
import { installed, type Place, type Subject, versionOf } from './subject.ts';
import { unprivileged } from './surroundings.ts';

export function trafficserver(): Subject | undefined {
  const path = installed('traffic_server');
  if (path === undefined) return undefined;
  return {
    name: 'trafficserver',
    version: versionOf(path, '-V'),
    tls: true,
    command(place) {
      const folders = ['etc', 'run', 'log', 'cache'].map((name) => join(place.dir, name));
      for (const folder of folders) mkdirSync(folder);
      const user = unprivileged(place.dir, ...folders);
      for (const [name, content] of Object.entries(files(place, user)))
        writeFileSync(join(place.dir, name), content);
      return ['env', `TS_RUNROOT=${place.dir}`, path];
    },
  };
}

const files = (
  { dir, port, tlsPort, certificate, originPort, cacheMib }: Place,
  user: string,
): Readonly<Record<string, string>> => ({
  'runroot.yaml': `prefix: ${dir}
exec_prefix: ${dir}
sysconfdir: ${dir}/etc
localstatedir: ${dir}
runtimedir: ${dir}/run
logdir: ${dir}/log
cachedir: ${dir}/cache
`,
  'etc/remap.config': `map / http://127.0.0.1:${originPort}/\n`,
  'etc/ssl_multicert.config': `dest_ip=* ssl_cert_name=${certificate.cert} ssl_key_name=${certificate.key}\n`,
  'etc/storage.config': `${dir}/cache ${cacheMib}M\n`,
  'etc/ip_allow.yaml': `ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n`,
  'etc/records.config': `
CONFIG proxy.config.http.server_ports STRING ${port}:ip-in=127.0.0.1 ${tlsPort}:ssl:ip-in=127.0.0.1
CONFIG proxy.config.admin.user_id STRING ${user}
CONFIG proxy.config.ssl.server.TLSv1_3.cipher_suites STRING ${SUITES}
CONFIG proxy.config.ssl.server.honor_cipher_order INT 1
CONFIG proxy.config.http2.max_concurrent_streams_in INT 128
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.task_threads INT 1
CONFIG proxy.config.cache.threads_per_disk INT 1
CONFIG proxy.config.cache.ram_cache.size INT ${cacheMib}M
CONFIG proxy.config.cache.ram_cache_cutoff INT 4194304
CONFIG proxy.config.http.cache.required_headers INT 2
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 3600
CONFIG proxy.config.net.connections_throttle INT 30000
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.diags.output.diag STRING E
`,
});
