// The settings of encoded forms: `compress` of the cache and of each route, and `compression`, which is of the whole program.

import { z } from 'zod';
import { CODINGS } from '../compress/coding.ts';
import { type CompressRules, DEFAULT_COMPRESS, DEFAULT_TYPES } from '../compress/rules.ts';
import { parseMediaPattern } from './patterns.ts';
import { integer, list, section, size } from './setting.ts';
import { formatSize } from './units.ts';

const CODING = 'one of "zstd", "br", "gzip"';
const encodings = z
  .array(z.enum(CODINGS, CODING), `a list; each ${CODING}`)
  .refine((all) => new Set(all).size === all.length, 'a list that names each once')
  .meta({
    description:
      'Encodings that stored responses are kept in as well, made in the background; the first is preferred where a client wants several alike. None leaves everything as the origin sent it.',
    allowed: `a list; each ${CODING}`,
  });

const SENTENCE = 'Compression of stored responses that came uncompressed.';
const BOUNDS = { min: 0, max: 256 * 1024 * 1024 };
const settings = {
  encodings,
  types: list(
    'Media types of responses that are compressed.',
    'a media type such as "text/html" or "text/*"',
    parseMediaPattern,
  ),
  minSize: size('Smallest content that is compressed.', BOUNDS),
  maxSize: size('Largest content that is compressed.', BOUNDS),
  zstd: integer('Level of zstd: more is smaller and slower.', { min: 1, max: 19 }),
  br: integer('Quality of Brotli: more is smaller and slower.', { min: 0, max: 11 }),
  gzip: integer('Level of gzip: more is smaller and slower.', { min: 1, max: 9 }),
};

const defaults = DEFAULT_COMPRESS;

/** `cache.compress` */
export const globalCompress = section(SENTENCE, {
  encodings: settings.encodings.prefault([]),
  types: settings.types.prefault([...DEFAULT_TYPES]),
  minSize: settings.minSize.prefault(formatSize(defaults.minBytes)),
  maxSize: settings.maxSize.prefault(formatSize(defaults.maxBytes)),
  zstd: settings.zstd.prefault(defaults.levels.zstd),
  br: settings.br.prefault(defaults.levels.br),
  gzip: settings.gzip.prefault(defaults.levels.gzip),
}).prefault({});

/** `routes[].cache.compress` */
export const routeCompress = section(SENTENCE, {
  encodings: settings.encodings.optional(),
  types: settings.types.optional(),
  minSize: settings.minSize.optional(),
  maxSize: settings.maxSize.optional(),
  zstd: settings.zstd.optional(),
  br: settings.br.optional(),
  gzip: settings.gzip.optional(),
}).optional();

/** `compression` */
export const compression = section(
  'How stored responses are compressed, wherever `compress` says that they are.',
  {
    concurrency: integer(
      'Responses that each worker compresses at the same time, in threads beside it; others wait for their turn, uncompressed.',
      { min: 1, max: 64 },
    ).prefault(1),
  },
).prefault({});

/** The rules of `base` with those that `set` names put over them. */
export function overlayCompress(base: CompressRules, set: z.output<typeof routeCompress>): CompressRules {
  if (set === undefined) return base;
  return {
    encodings: set.encodings ?? base.encodings,
    types: set.types ?? base.types,
    minBytes: set.minSize ?? base.minBytes,
    maxBytes: set.maxSize ?? base.maxBytes,
    levels: {
      zstd: set.zstd ?? base.levels.zstd,
      br: set.br ?? base.levels.br,
      gzip: set.gzip ?? base.levels.gzip,
    },
  };
}
