// HAProxy's cache: one thread. It keeps small objects in shared memory; larger ones only as far as its cache allows.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SUITES } from './certificate.ts';
import { installed, type Place, type Subject, versionOf } from './subject.ts';

export function haproxy(): Subject | undefined {
  const path = installed('haproxy');
  if (path === undefined) return undefined;
  return {
    name: 'haproxy',
    version: versionOf(path, '-v'),
    tls: true,
    command(place) {
      const file = join(place.dir, 'haproxy.cfg');
      writeFileSync(file, config(place));
      return [path, '-db', '-f', file];
    },
  };
}

const config = ({ port, tlsPort, certificate, originPort, cacheMib }: Place): string => `
global
  nbthread 1
  no strict-limits
  maxconn 12000
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-bind-ciphersuites ${SUITES}
cache c
  total-max-size ${Math.min(cacheMib, 4095)}
  max-object-size 2097152
  max-age 3600
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  timeout http-keep-alive 1h
  http-reuse always
frontend f
  bind 127.0.0.1:${port} backlog 1024
  bind 127.0.0.1:${tlsPort} backlog 1024 ssl crt ${certificate.both} alpn h2,http/1.1
  http-request cache-use c
  http-response cache-store c
  # Its 304 announces the content's length, which wrk then waits for.
  http-after-response del-header Content-Length if { status 304 }
  default_backend b
backend b
  server origin 127.0.0.1:${originPort} pool-max-conn 256
`;
