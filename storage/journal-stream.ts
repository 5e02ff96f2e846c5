// The purges of several nodes as a Redis stream: what is written, read and believed. The id of an entry is the purge's common
// number; each entry names the one before it, so that what was lost shows. Who may rely on what is journal-link.ts.
// Keys: <prefix>:journal (numbering, run of the server, latest number), <prefix>:purges (the stream), <prefix>:nodes.

import { type PurgeRecord, parseJson, parseRecord, STEP } from './journal-record.ts';
import {
  type ConnectionOptions,
  RedisConnection,
  type RedisHealth,
  type Reply,
  script,
} from './redis-connection.ts';
import { listOf, textOf } from './redis-reply.ts';

/**
 * The numbering begins anew, far above all numbers given out, when the server is not the one it was: it may have forgotten
 * the latest. A node may have heard of this many purges more than what the server remembers.
 */
const JUMP = 1_000_000;
/** Nodes that were not heard of for so long are not waited for, and may not rely on the others' having waited. */
export const AWAY_MS = 3_600_000;

const ENSURE = `
local STEP, JUMP = ${STEP}, ${JUMP}
local function plain(n) return string.format('%.0f', n) end
local fresh, known, numbering = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local held = redis.call('HMGET', KEYS[1], 'numbering', 'run', 'seq')
local id, seq = held[1], tonumber(held[3] or '0') or 0
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if last[1] then seq = math.max(seq, tonumber(string.match(last[1][1], '^%d+'))) end
local slot = known - known % STEP
local forgot = not id or held[2] ~= run or (slot > seq and numbering == id)
if forgot or slot > seq or known - seq > STEP / 2 then
  local before = seq
  if forgot then id = fresh end
  seq = math.max(seq, slot) + JUMP * STEP
  redis.call('XADD', KEYS[2], plain(seq) .. '-0', 'i', id, 'p', plain(before), 'j', '1')
  redis.call('HSET', KEYS[1], 'numbering', id, 'run', run, 'seq', plain(seq))
end
`;

/** fresh, known, numbering → numbering, latest number. */
const JOIN = script(`${ENSURE} return {id, plain(seq)}`);

/** fresh, known, numbering, node, most entries, then own number, record, … → numbering, numbers. */
const PUBLISH = script(`${ENSURE}
local reply = {id}
for i = 6, #ARGV, 2 do
  local before = seq
  seq = seq + STEP
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], plain(seq) .. '-0',
    'i', id, 'p', plain(before), 'n', ARGV[4], 'w', ARGV[i], 'r', ARGV[i + 1])
  reply[#reply + 1] = plain(seq)
end
redis.call('HSET', KEYS[1], 'seq', plain(seq))
return reply`);

/** node, position, state, AWAY_MS → node, ms since it was heard, position, state, … */
const BEAT = script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s %s', now, ARGV[2], ARGV[3]))
local reply = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at, position, state = string.match(all[i + 1], '^(%d+) (%d+) (%a+)$')
  local age = at and now - tonumber(at)
  if not age or age > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], all[i])
  else
    for _, one in ipairs({all[i], string.format('%.0f', age), position, state}) do reply[#reply + 1] = one end
  end
end
return reply`);

/** `keeping` holds stored responses over its end, `passing` does not; `stopped` will be back, `left` won't. */
export type NodeState = 'keeping' | 'passing' | 'stopped' | 'left';
const STATES: Readonly<Record<string, NodeState>> = {
  keeping: 'keeping',
  passing: 'passing',
  stopped: 'stopped',
  left: 'left',
};

export interface NodeSeen {
  readonly node: string;
  /** Since it was last heard of, ms. */
  readonly silentMs: number;
  /** Up to this common number it has applied every purge. */
  readonly position: number;
  readonly state: NodeState;
}

export interface StreamEntry {
  readonly seq: number;
  /** The number before it. */
  readonly before: number;
  readonly numbering: string;
  /** Undefined where numbers were only left out. */
  readonly record: PurgeRecord | undefined;
}

export interface StreamOptions extends Omit<ConnectionOptions, 'onHealth'> {
  readonly prefix: string;
  readonly node: string;
  /** About how many purges are kept for nodes that are away. Default 100,000. */
  readonly maxPurges?: number;
}

export interface Numbered {
  readonly numbering: string;
  readonly numbers: readonly number[];
}

const READ_COUNT = 1000;

export class JournalStream {
  readonly #options: StreamOptions;
  readonly #keys: { readonly journal: string; readonly purges: string; readonly nodes: string };
  readonly #calls: RedisConnection;
  /** A connection of its own: a read that waits holds up what comes after it. */
  readonly #reads: RedisConnection;

  constructor(options: StreamOptions) {
    const { prefix } = options;
    this.#options = options;
    this.#keys = { journal: `${prefix}:journal`, purges: `${prefix}:purges`, nodes: `${prefix}:nodes` };
    const timeoutMs = Math.max(1000, options.timeoutMs ?? 0);
    this.#calls = new RedisConnection({ ...options, timeoutMs });
    this.#reads = new RedisConnection({ ...options, timeoutMs });
  }

  health(): RedisHealth {
    const calls = this.#calls.health();
    return calls.ok ? this.#reads.health() : calls;
  }

  async ready(withinMs: number): Promise<void> {
    await Promise.all([this.#calls.ready(withinMs), this.#reads.ready(withinMs)]);
  }

  /** @param latest the highest number known here, own ones too; `numbering` the one it belongs to. @throws StoreError */
  async join(latest: number, numbering: string): Promise<{ numbering: string; seq: number }> {
    const reply = await this.#calls.run(
      JOIN,
      [this.#keys.journal, this.#keys.purges],
      this.#from(latest, numbering),
    );
    const [id, seq] = listOf(reply).map(textOf);
    return { numbering: id ?? '', seq: Number(seq) };
  }

  /** Has purges numbered for all nodes, in their order. @throws StoreError; they may have been numbered all the same. */
  async publish(latest: number, numbering: string, records: readonly PurgeRecord[]): Promise<Numbered> {
    const { node, maxPurges = 100_000 } = this.#options;
    const args = records.flatMap((record) => [`${record.seq}`, JSON.stringify(record)]);
    const reply = await this.#calls.run(
      PUBLISH,
      [this.#keys.journal, this.#keys.purges],
      [...this.#from(latest, numbering), node, `${maxPurges}`, ...args],
    );
    const [id = '', ...numbers] = listOf(reply).map(textOf);
    return { numbering: id, numbers: numbers.map(Number) };
  }

  /** The next entries after a number; waits for one up to `waitMs`. @throws StoreError */
  async read(after: number, waitMs: number): Promise<readonly StreamEntry[]> {
    const block = waitMs > 0 ? ['BLOCK', `${waitMs}`] : [];
    const args = ['XREAD', 'COUNT', `${READ_COUNT}`, ...block, 'STREAMS', this.#keys.purges, `${after}`];
    const reply = await this.#reads.call(args, waitMs + 2000);
    const [, entries] = listOf(listOf(reply)[0]);
    return listOf(entries).map((entry) => this.#entry(listOf(entry)));
  }

  /** Says that this node is there and how far it is. @returns all nodes that were heard of lately. @throws StoreError */
  async beat(position: number, state: NodeState): Promise<readonly NodeSeen[]> {
    const args = [this.#options.node, `${position}`, state, `${AWAY_MS}`];
    const reply = listOf(await this.#calls.run(BEAT, [this.#keys.nodes], args)).map(textOf);
    const seen: NodeSeen[] = [];
    for (let i = 0; i + 3 < reply.length; i += 4) {
      const [node = '', silentMs, at, name = ''] = reply.slice(i, i + 4);
      const known = STATES[name];
      if (known !== undefined)
        seen.push({ node, silentMs: Number(silentMs), position: Number(at), state: known });
    }
    return seen;
  }

  close(): void {
    this.#calls.close();
    this.#reads.close();
  }

  #from(latest: number, numbering: string): readonly string[] {
    return [crypto.randomUUID(), `${latest}`, numbering];
  }

  /** Fails closed: what is no purge is taken for the purge of everything. */
  #entry([id, fields]: readonly Reply[]): StreamEntry {
    const seq = Number(/^\d+/.exec(textOf(id))?.[0]);
    const values = new Map<string, string>();
    const list = listOf(fields).map(textOf);
    for (let i = 0; i + 1 < list.length; i += 2) values.set(list[i] ?? '', list[i + 1] ?? '');
    const entry = { seq, before: Number(values.get('p') ?? seq), numbering: values.get('i') ?? '' };
    if (values.has('j')) return { ...entry, record: undefined };
    const node = values.get('n') ?? '';
    const parsed = parseRecord(parseJson(values.get('r') ?? ''));
    if (parsed === undefined) {
      const everything = { kind: 'all' } as const;
      return {
        ...entry,
        record: { seq, at: 0, selector: everything, mode: 'delete', by: 'an unreadable purge', node },
      };
    }
    const { at, selector, mode, by } = parsed;
    const was = node === this.#options.node ? Number(values.get('w')) : undefined;
    return { ...entry, record: { seq, at, selector, mode, by, node, ...(was !== undefined && { was }) } };
  }
}
