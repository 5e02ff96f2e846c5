// `holdfast inspect URL`: what an edge has stored for a URL, asked of its admin listener.

import { z } from 'zod';
import { ConfigError } from '../config.ts';
import { messageOf, parseUrl } from './ask.ts';
import { bytesText, secondsText, table } from './table.ts';
import { askAdmin, fail, notAnswered, parseJson, type WhereOptions, whereIs } from './where.ts';

export interface InspectOptions extends WhereOptions {
  readonly json?: boolean;
}

const found = z.object({
  url: z.string(),
  responses: z.array(
    z.looseObject({
      key: z.string(),
      vary: z.record(z.string(), z.string().nullable()),
      tier: z.string(),
      copies: z.number(),
      status: z.number(),
      state: z.string(),
      ageSeconds: z.number(),
      ttlSeconds: z.number(),
      bytes: z.number(),
      contentType: z.string().optional(),
      contentEncoding: z.string().optional(),
      etag: z.string().optional(),
      tags: z.array(z.string()),
      partial: z.object({ start: z.number(), end: z.number() }).optional(),
    }),
  ),
});

type Found = z.output<typeof found>;

/** @returns the exit code: 0 also where nothing is stored. @throws ConfigError for a malformed URL or address. */
export async function inspectCommand(given: string, options: InspectOptions): Promise<number> {
  const fault = { path: 'URL', value: JSON.stringify(given), allowed: 'an http or https URL' };
  const where = whereIs(options, parseUrl(given) === undefined ? [fault] : []);
  try {
    const answer = await askAdmin(where, 'GET', `/inspect?url=${encodeURIComponent(given)}`);
    const parsed = found.safeParse(parseJson(answer.body));
    if (answer.status !== 200 || !parsed.success)
      return fail(notAnswered(where.admin, answer, 'what is stored'));
    process.stdout.write(
      `${options.json === true ? JSON.stringify(parsed.data, null, 2) : describe(parsed.data)}\n`,
    );
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(messageOf(error));
  }
}

function describe({ url, responses }: Found): string {
  if (responses.length === 0) return `nothing stored for ${url}`;
  const rows = responses.map((one) => [
    `${one.tier}${one.copies > 1 ? ` ×${one.copies}` : ''}`,
    one.key.startsWith('https:') ? 'https' : 'http',
    one.status,
    one.state,
    secondsText(one.ageSeconds),
    secondsText(one.ttlSeconds),
    bytesText(one.bytes) + (one.partial === undefined ? '' : ` from ${one.partial.start}`),
    [one.contentType ?? '', one.contentEncoding ?? ''].filter((text) => text !== '').join(', '),
    one.etag ?? '',
    Object.entries(one.vary)
      .map(([name, value]) => `${name}: ${value ?? '(none)'}`)
      .join('; '),
    one.tags.join(' '),
  ]);
  const head = [
    'tier',
    'scheme',
    'status',
    'state',
    'age',
    'ttl',
    'size',
    'type',
    'etag',
    'varies by',
    'tags',
  ];
  return `${url}\n${table(head, rows)}`;
}
