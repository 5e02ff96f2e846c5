// `holdfast origins`: the groups of origins that an edge has and how their servers are, asked of its admin listener; and the
// operator's word on one of them.

import { z } from 'zod';
import { ConfigError } from '../config.ts';
import { messageOf } from './ask.ts';
import { table } from './table.ts';
import { askAdmin, fail, notAnswered, parseJson, type Where, type WhereOptions, whereIs } from './where.ts';

export interface OriginsOptions extends WhereOptions {
  readonly json?: boolean;
  readonly drain?: string;
  readonly down?: string;
  readonly up?: string;
}

const server = z.looseObject({
  url: z.string(),
  state: z.string(),
  workers: z.record(z.string(), z.number()).optional(),
  backup: z.boolean(),
  weight: z.number(),
  active: z.number(),
  maxConnections: z.number(),
  requests: z.number(),
  failures: z.number(),
  ejections: z.number(),
  firstByteMs: z.number().optional(),
});
const groups = z.array(z.looseObject({ group: z.string(), servers: z.array(server) }));

type Groups = z.output<typeof groups>;

const STATES = ['drain', 'down', 'up'] as const;

/** @returns the exit code. @throws ConfigError for a malformed address or contradicting options. */
export async function originsCommand(group: string | undefined, options: OriginsOptions): Promise<number> {
  const words = STATES.flatMap((state) => {
    const url = options[state];
    return url === undefined ? [] : [{ state, server: url }];
  });
  const tooMany = { path: 'origins', value: 'several of --drain, --down, --up', allowed: 'one of them' };
  const noGroup = { path: 'origins', value: 'no group', allowed: 'the name of the group whose server it is' };
  const where = whereIs(options, [
    ...(words.length > 1 ? [tooMany] : []),
    ...(words.length > 0 && group === undefined ? [noGroup] : []),
  ]);
  try {
    for (const word of words) {
      const answer = await askAdmin(where, 'POST', '/origins', { group, ...word });
      if (answer.status !== 200) return fail(notAnswered(where.admin, answer, 'its word'));
    }
    return await show(where, group, options.json === true);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(messageOf(error));
  }
}

async function show(where: Where, group: string | undefined, json: boolean): Promise<number> {
  const answer = await askAdmin(where, 'GET', '/origins');
  const parsed = groups.safeParse(parseJson(answer.body));
  if (answer.status !== 200 || !parsed.success)
    return fail(notAnswered(where.admin, answer, 'what is known of origins'));
  const wanted = parsed.data.filter((one) => group === undefined || one.group === group);
  if (wanted.length === 0 && group !== undefined) return fail(`there is no group ${JSON.stringify(group)}`);
  process.stdout.write(`${json ? JSON.stringify(wanted, null, 2) : describe(wanted)}\n`);
  return 0;
}

function describe(wanted: Groups): string {
  if (wanted.length === 0) return 'no groups of origins';
  const rows = wanted.flatMap(({ group, servers }) =>
    servers.map((one) => [
      group,
      one.url,
      one.workers === undefined
        ? one.state
        : Object.entries(one.workers)
            .map(([state, count]) => `${state} ×${count}`)
            .join(', '),
      one.backup ? 'backup' : one.weight,
      `${one.active}/${one.maxConnections}`,
      one.requests,
      one.failures,
      one.ejections,
      one.firstByteMs === undefined ? '' : `${one.firstByteMs} ms`,
    ]),
  );
  const head = [
    'group',
    'server',
    'state',
    'weight',
    'active',
    'requests',
    'failures',
    'ejections',
    'first byte',
  ];
  return table(head, rows);
}
