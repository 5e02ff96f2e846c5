// The settings of edges behind edges: `tier`.

import { z } from 'zod';
import { duration, list, section, text } from './setting.ts';
import { parseRange } from './units.ts';

const ADMIN = 'a URL such as "http://10.0.0.7:8081", without user, path and query';
const RANGE = 'an address or a range such as "10.0.0.0/8" or "2001:db8::/32"';

const peer = section('An edge behind this one.', {
  admin: text('Its admin listener.', ADMIN, adminUrl),
  token: text('Its purge.token.', '16 to 512 visible characters without spaces', token).optional(),
  tokenFile: text(
    'File whose first line is that token.',
    'a file name',
    (value) => value || undefined,
  ).optional(),
}).refine((set) => set.token === undefined || set.tokenFile === undefined, {
  path: ['tokenFile'],
  message: 'either token or tokenFile, not both',
});

export const tier = section('Edges behind edges.', {
  edges: list(
    'Clients that are edges of yours: they get what only caches get, the tags and the targeted fields.',
    RANGE,
    parseRange,
  ).prefault([]),
  purge: z
    .array(peer, 'a list of edges')
    .meta({
      description: 'Edges between this one and the origin. A purge is carried out there first, then here.',
      allowed: 'a list of edges',
    })
    .prefault([]),
  purgeTimeout: duration('How long their answer is waited for.', { min: 100, max: 60_000 }).prefault('5s'),
}).prefault({});

function adminUrl(value: string): string | undefined {
  if (!/^https?:\/\/[^/?#\\@\s]+\/?$/i.test(value) || !URL.canParse(value)) return undefined;
  return new URL(value).origin;
}

function token(value: string): string | undefined {
  return /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined;
}
