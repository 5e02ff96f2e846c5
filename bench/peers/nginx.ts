// nginx as a cache: one worker, proxy_cache in files (in memory, where there is a place for files), kept connections to the
// origin, descriptors of cached files kept open as far as the system lets it. Logs off.

import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { SUITES } from './certificate.ts';
import { installed, type Place, type Subject, versionOf } from './subject.ts';

export function nginx(): Subject | undefined {
  const path = installed('nginx');
  if (path === undefined) return undefined;
  return {
    name: 'nginx',
    version: versionOf(path, '-v'),
    tls: true,
    command(place) {
      const file = join(place.dir, 'nginx.conf');
      writeFileSync(file, config(place));
      return [path, '-p', place.dir, '-e', '/dev/null', '-c', file];
    },
  };
}

/** Descriptors for connections, when many are open; beyond them those of cached files. */
const CONNECTIONS = 2048;

const config = ({ dir, port, tlsPort, certificate, originPort, cacheMib, openFiles }: Place): string => `
daemon off;
user ${userInfo().username};
worker_processes 1;
worker_rlimit_nofile ${openFiles};
pid ${dir}/nginx.pid;
error_log /dev/null crit;
events { worker_connections 32768; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  open_file_cache max=${Math.max(1000, Math.min(200_000, openFiles - CONNECTIONS))} inactive=1h;
  open_file_cache_valid 1h;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  proxy_cache_path ${dir}/cache levels=1:2 keys_zone=c:128m max_size=${cacheMib}m inactive=1h use_temp_path=off;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    listen 127.0.0.1:${tlsPort} backlog=1024 ssl http2;
    ssl_certificate ${certificate.cert};
    ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites ${SUITES};
    ssl_prefer_server_ciphers on;
    ssl_session_cache shared:s:10m;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_cache c;
    }
  }
}
`;
