// The settings of origin groups: `origins`, by name.

import { z } from 'zod';
import { formatFastCgiUrl, parseFastCgiUrl } from '../origin/fastcgi/address.ts';
import { section, text } from './setting.ts';

const URL_FORM =
  'a URL such as "http://127.0.0.1:3000", without user, path and query, or "fastcgi://127.0.0.1:9000" or "fastcgi:///run/php.sock"';

const group = section('A group of origins that serve the same.', {
  servers: z
    .array(section('One origin.', { url: text('Where it is.', URL_FORM, originUrl) }), 'a list of origins')
    .length(1, 'a list of one origin')
    .meta({ description: 'The origins.', allowed: 'a list of one origin' }),
});

export type OriginGroupConfig = z.output<typeof group>;

const NAME = /^[a-z][a-z0-9_-]{0,63}$/i;

export const origins = z
  .record(z.string().regex(NAME), group, { error: 'an object of groups by name' })
  .meta({
    description:
      'Groups of origins by name (letters, digits, "-" and "_"), for `origin` and `routes[].origin`.',
    allowed: 'an object of groups by name',
  })
  .prefault({});

/** The name of a group; "demo" is none. */
export function groupName(value: string): string | undefined {
  return NAME.test(value) && value !== 'demo' ? value : undefined;
}

/** The group that `origin` names, if any. */
export function groupOf(
  origin: { readonly kind: 'demo' | 'url' } | { readonly kind: 'group'; readonly name: string },
): string | undefined {
  return origin.kind === 'group' ? origin.name : undefined;
}

/** scheme://host:port, or a FastCGI server's. */
export function originUrl(value: string): string | undefined {
  const fastcgi = parseFastCgiUrl(value);
  if (fastcgi !== undefined) return formatFastCgiUrl(fastcgi);
  if (!/^https?:\/\/[^/?#\\@\s]+\/?$/i.test(value) || !URL.canParse(value)) return undefined;
  return new URL(value).origin;
}
