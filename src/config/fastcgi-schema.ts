// The settings of FastCGI origins: `fastcgi`. The words are those of nginx's fastcgi_pass and try_files.

import { z } from 'zod';
import { duration, flag, integer, list, section, size, text } from './setting.ts';

const KB = 1024;
const MINUTE = 60_000;
const PARAM = /^[A-Z][A-Z0-9_]{0,99}$/;
const PARAMS = 'an object of variables, each a name in capitals such as "APP_ENV" with a string';

export const fastcgi = section('How `fastcgi://` origins are asked.', {
  root: text(
    'Directory of the scripts, as the FastCGI server sees it.',
    'an absolute path such as "/var/www/html"',
    root,
  ).optional(),
  index: text('Script of a directory.', 'a file name such as "index.php"', fileName).prefault('index.php'),
  fallback: text(
    'Script that answers for every path that names none, as with `try_files $uri $uri/ /index.php`; "none" answers 404.',
    '"none", or a path from the root such as "/index.php"',
    fallback,
  ).prefault('none'),
  extensions: list(
    'What the names of scripts end with. The path behind the first such name is PATH_INFO.',
    'an extension such as ".php"',
    extension,
  ).prefault(['.php']),
  checkFiles: flag(
    'Look for a script under the root before it is asked for. Only where the root is on another host: false.',
  ).prefault(true),
  params: z
    .record(z.string().regex(PARAM), z.string().regex(/^[^\0]{0,4096}$/), { error: PARAMS })
    .meta({ description: 'Variables beside the usual ones, or in their place.', allowed: PARAMS })
    .prefault({}),
  keepAlive: integer(
    'Connections that are kept open between requests. Each holds one process of PHP-FPM, idle or not: stay well below its pm.max_children.',
    { min: 0, max: 1024 },
  ).prefault(0),
  keepAliveIdle: duration('How long they are kept.', { min: 1, max: 60 * MINUTE }).prefault('10s'),
  maxChunked: size(
    'Largest request content without a Content-Length: it is held in memory, for FastCGI wants its length first. Beyond it 411.',
    { min: 0, max: 256 * KB * KB },
  ).prefault('1MB'),
}).prefault({});

export type FastCgiConfig = z.output<typeof fastcgi>;

function root(value: string): string | undefined {
  return /^\/[^\0]{0,1023}$/.test(value) && !/(^|\/)\.\.?(\/|$)/.test(value)
    ? value.replace(/\/+$/, '')
    : undefined;
}

function fileName(value: string): string | undefined {
  return /^[^\0/\\]{1,255}$/.test(value) && value !== '.' && value !== '..' ? value : undefined;
}

function fallback(value: string): string | undefined {
  if (value === 'none') return value;
  return /^(\/[^\0/\\]{1,255})+$/.test(value) && !/\/\.\.?(\/|$)/.test(value) ? value : undefined;
}

function extension(value: string): string | undefined {
  return /^\.[A-Za-z0-9]{1,16}$/.test(value) ? value : undefined;
}
