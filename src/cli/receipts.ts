// Receipts of purges as they come from an edge, read strictly, and as a person reads them.

import { z } from 'zod';
import { bytesText, table } from './table.ts';

const count = z.object({ responses: z.number(), bytes: z.number() });
const selector = z.object({
  kind: z.string(),
  url: z.string().optional(),
  path: z.string().optional(),
  prefix: z.string().optional(),
  host: z.string().optional(),
  tag: z.string().optional(),
});
const refresh = z.looseObject({
  done: z.boolean(),
  wanted: z.number(),
  unchanged: z.number(),
  fetched: z.number(),
  already: z.number(),
  left: z.number(),
  failed: z.number(),
});
const receipt = z.looseObject({
  id: z.string(),
  at: z.string(),
  selector,
  mode: z.string(),
  matched: z.record(z.string(), count),
  fenced: z.number(),
  dryRun: z.boolean().optional(),
  counting: z.boolean().optional(),
  poll: z.string().optional(),
  durable: z.boolean().optional(),
  detail: z.string().optional(),
  refresh: refresh.optional(),
  tiers: z
    .array(z.looseObject({ admin: z.string(), purged: z.boolean(), detail: z.string().optional() }))
    .optional(),
});
const several = z.object({ receipts: z.array(receipt) });

export type Receipt = z.output<typeof receipt>;

/** The receipts in an answer; undefined when it is none. */
export function receiptsOf(value: unknown): readonly Receipt[] | undefined {
  const many = several.safeParse(value);
  if (many.success) return many.data.receipts;
  const one = receipt.safeParse(value);
  return one.success ? [one.data] : undefined;
}

type Refresh = z.output<typeof refresh>;

/** Those of which it is known what came. */
export function endedOf({ unchanged, fetched, already, left, failed }: Refresh): number {
  return unchanged + fetched + already + left + failed;
}

function refreshText(of: Refresh): string {
  const { wanted, unchanged, fetched, already, left, failed } = of;
  const parts = Object.entries({ unchanged, fetched, 'fetched before': already, left, failed })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`);
  const begun = of.done ? '' : `; ${wanted - endedOf(of)} to come`;
  return `  fetched again: ${wanted}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}${begun}`;
}

const WARNING = 'not written to disk: it holds now, but would not survive a restart';

/**
 * One receipt in some lines.
 * @param what was purged, in the words it was given
 * @param inVain the edge found nothing
 */
export function describeOne(one: Receipt, what: string, inVain: boolean): string {
  const verb = one.mode === 'invalidate' ? 'made stale' : 'purged';
  const done = one.dryRun === true ? 'would match' : verb;
  const counted = one.counting === true ? '; still counting' : '';
  const removed = one.dryRun === true ? 'matched' : one.mode === 'invalidate' ? 'made stale' : 'removed';
  const lines = [
    inVain ? `nothing stored for ${what}` : `${done} ${what}`,
    `  stored responses ${removed}: ${tiersText(one)}${counted}`,
    `  fetches in flight fenced: ${one.fenced}`,
    ...(one.refresh === undefined ? [] : [refreshText(one.refresh)]),
    `  receipt: ${one.id}, ${one.at}`,
    ...(one.durable === false ? [`  ${WARNING}`] : []),
    ...tierLines(one).map((line) => `  ${line}`),
    ...(one.detail === undefined ? [] : [`  detail: ${one.detail}`]),
  ];
  return lines.join('\n');
}

/** Several receipts in a table. */
export function describeMany(receipts: readonly Receipt[]): string {
  const tiers = [...new Set(receipts.flatMap(({ matched }) => Object.keys(matched)))];
  const rows = receipts.map((one) => [
    one.id,
    nameOf(one),
    one.dryRun === true ? 'dry run' : one.mode,
    ...tiers.flatMap((tier) => [one.matched[tier]?.responses ?? 0, bytesText(one.matched[tier]?.bytes ?? 0)]),
    one.fenced,
    [
      ...(one.counting === true ? ['counting'] : []),
      ...(one.durable === false ? [WARNING] : []),
      ...(one.refresh === undefined ? [] : [refreshText(one.refresh).trim()]),
      ...tierLines(one),
      ...(one.detail === undefined ? [] : [one.detail]),
    ].join('; '),
  ]);
  return table(['id', 'selected', 'mode', ...tiers.flatMap((tier) => [tier, '']), 'fenced', ''], rows);
}

/** What the edges behind have answered. */
function tierLines({ tiers = [] }: Receipt): readonly string[] {
  return tiers.map(({ admin, purged, detail }) =>
    purged ? `purged at ${admin} before` : `NOT PURGED at ${admin}: ${detail ?? 'no receipt'}`,
  );
}

function tiersText({ matched }: Receipt): string {
  const tiers = Object.entries(matched).map(
    ([tier, { responses, bytes }]) => `${tier} ${responses} (${bytes} bytes)`,
  );
  return tiers.join(', ') || 'none yet';
}

function nameOf({ selector: { kind, url, path, prefix, host, tag } }: Receipt): string {
  switch (kind) {
    case 'url':
      return url ?? '';
    case 'path':
      return `${path} with any query`;
    case 'prefix':
      return `${prefix}*`;
    case 'host':
      return `host ${host}`;
    case 'tag':
      return `tag ${tag}`;
    default:
      return 'everything';
  }
}
