// The settings of FastCGI origins: `fastcgi`. The words are those of nginx's fastcgi_pass and try_files.

import { z } from 'zod';
import { duration, flag, integer, list, section, size, text } from './setting.ts';

const KB = 1024;
const MINUTE = 60_000;
const PARAM = /^[A-Z][A-Z0-9_]{0,99}$/;
const PARAMS = 'an object of variables, each a name in capitals such as "APP_ENV" with a string';

const settings = {
  root: text(
    'Directory of the scripts, as the FastCGI server sees it.',
    'an absolute path such as "/var/www/html"',
    root,
  ),
  index: text('Script of a directory.', 'a file name such as "index.php"', fileName),
  fallback: text(
    'Script that answers for every path that names none, as with `try_files $uri $uri/ /index.php`; "none" answers 404.',
    '"none", or a path from the root such as "/index.php"',
    fallback,
  ),
  extensions: list(
    'What the names of scripts end with. The path behind the first such name is PATH_INFO.',
    'an extension such as ".php"',
    extension,
  ),
  checkFiles: flag(
    'Look for a script under the root before it is asked for. Only where the root is on another host: false.',
  ),
  params: z
    .record(z.string().regex(PARAM), z.string().regex(/^[^\0]{0,4096}$/), { error: PARAMS })
    .meta({ description: 'Variables beside the usual ones, or in their place.', allowed: PARAMS }),
  keepAlive: integer(
    'Connections that are kept open between requests. Each holds one process of PHP-FPM, idle or not: stay well below its pm.max_children.',
    { min: 0, max: 1024 },
  ),
  keepAliveIdle: duration('How long they are kept.', { min: 1, max: 60 * MINUTE }),
  maxChunked: size(
    'Largest request content without a Content-Length: it is held in memory, for FastCGI wants its length first. Beyond it 411.',
    { min: 0, max: 256 * KB * KB },
  ),
};

/** `fastcgi`: where no group says otherwise. */
export const fastcgi = section('How `fastcgi://` origins are asked.', {
  root: settings.root.optional(),
  index: settings.index.prefault('index.php'),
  fallback: settings.fallback.prefault('none'),
  extensions: settings.extensions.prefault(['.php']),
  checkFiles: settings.checkFiles.prefault(true),
  params: settings.params.prefault({}),
  keepAlive: settings.keepAlive.prefault(0),
  keepAliveIdle: settings.keepAliveIdle.prefault('10s'),
  maxChunked: settings.maxChunked.prefault('1MB'),
}).prefault({});

/** `origins.NAME.fastcgi`. */
export const groupFastCgi = section(
  'For `fastcgi://` origins of this group; what is left out is as in `fastcgi`.',
  {
    root: settings.root.optional(),
    index: settings.index.optional(),
    fallback: settings.fallback.optional(),
    extensions: settings.extensions.optional(),
    checkFiles: settings.checkFiles.optional(),
    params: settings.params.optional(),
    keepAlive: settings.keepAlive.optional(),
    keepAliveIdle: settings.keepAliveIdle.optional(),
    maxChunked: settings.maxChunked.optional(),
  },
).prefault({});

export type FastCgiConfig = z.output<typeof fastcgi>;

/** The settings of a group over those of all. */
export function overlayFastCgi(common: FastCgiConfig, own: z.output<typeof groupFastCgi>): FastCgiConfig {
  const said = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...common, ...Object.fromEntries(said) };
}

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
