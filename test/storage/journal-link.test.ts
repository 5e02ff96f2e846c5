// The journals of several nodes with a real Redis between them, against the one promise: what a node has said it applied, it
// never contradicts; and in the end every node knows every purge. Nodes stop, are killed and start, Redis forgets.

import { cp } from 'node:fs/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Journal, type PurgeMode, type Selector, type Subject } from '../../storage/journal.ts';
import { JournalLink, type Spread } from '../../storage/journal-link.ts';
import { JournalStream } from '../../storage/journal-stream.ts';
import { RedisConnection } from '../../storage/redis-connection.ts';
import { type Cable, cable } from '../support/cable.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';
import { scratch } from './support.ts';

const subject: Subject = { url: '//a.test/one', host: 'a.test', tags: [] };
const ALL: Selector = { kind: 'all' };

/** A response as a node has it: what the origin said when its fetch began. */
interface Held {
  readonly seq: number;
  readonly version: number;
}

let server: RedisServer;
let prefixes = 0;
beforeAll(async () => {
  if (hasRedis) server = await startRedis();
});
afterAll(() => server?.stop());

interface Opened {
  readonly journal: Journal;
  readonly link: JournalLink;
}

async function open(
  name: string,
  prefix: string,
  dir?: string,
  withinMs = 3000,
  port = server.port,
): Promise<Opened> {
  const journal = await Journal.open({ among: true, ...(dir !== undefined && { dir }) });
  const stream = new JournalStream({ url: `redis://127.0.0.1:${port}`, prefix, node: name, retryMs: 10 });
  const link = new JournalLink({
    journal,
    stream,
    node: name,
    keeps: dir !== undefined,
    apply: async () => undefined,
    log: () => undefined,
    retryMs: 10,
    waitMs: 300,
  });
  onTestFinished(async () => {
    await link.close();
    await journal.close();
  });
  await link.start(withinMs);
  return { journal, link };
}

function purge(
  { journal, link }: Opened,
  selector: Selector = ALL,
  mode: PurgeMode = 'delete',
): Promise<Spread> {
  const appended = journal.append(selector, mode, 'test', 0);
  const [record] = journal.recent(1);
  if (record === undefined) throw new Error('no record');
  const spread = link.spread(record);
  return appended.then(() => spread);
}

async function caughtUp(...nodes: readonly Opened[]): Promise<void> {
  const positions = (): readonly number[] => nodes.map(({ journal }) => journal.standing.position);
  for (const { link } of nodes) {
    await expect
      .poll(() => link.health(), { interval: 5, timeout: 10_000 })
      .toMatchObject({ ok: true, unsent: 0 });
  }
  await expect.poll(() => new Set(positions()).size, { interval: 5, timeout: 10_000 }).toBe(1);
}

describe.runIf(hasRedis)('several journals', () => {
  const prefix = (): string => {
    prefixes += 1;
    return `link${prefixes}`;
  };

  it('number the same purges alike, and judge each other’s responses', async () => {
    const on = prefix();
    const [a, b] = [await open('a', on), await open('b', on)];
    const before = a.journal.seq;
    expect(b.journal.knows(before)).toBe(true);
    const spread = await purge(a, { kind: 'url', url: subject.url });
    expect(spread).toMatchObject({ applied: ['a', 'b'], pending: [] });
    expect(b.journal.verdict(subject, before)).toBe('deleted');
    expect(a.journal.recent(5).map(({ seq }) => seq)).toEqual(b.journal.recent(5).map(({ seq }) => seq));
    await caughtUp(a, b);
    for (const one of [a, b]) {
      for (const other of [a, b]) {
        expect(one.journal.knows(other.journal.seq)).toBe(true);
        expect(one.journal.verdict(subject, other.journal.seq)).toBe('valid');
      }
    }
  });

  it('do not judge what was fetched after purges that they have not heard of', async () => {
    const on = prefix();
    const a = await open('a', on);
    const { journal } = await open('b', on);
    expect(journal.knows(a.journal.seq)).toBe(true);
    expect(journal.knows(a.journal.seq + 65_536)).toBe(false);
    void journal.append(ALL, 'delete', 'test', 0);
    expect(journal.knows(a.journal.seq)).toBe(true);
    expect(journal.verdict(subject, a.journal.seq)).toBe('deleted');
    expect(journal.knows(journal.seq)).toBe(false);
  });

  it('a node that was away longer than the stream remembers counts on nothing from before', async () => {
    const on = prefix();
    const dir = await scratch();
    const a = await open('a', on);
    const b = await open('b', on, dir);
    const before = b.journal.seq;
    await b.link.close();
    await b.journal.close();
    for (let i = 0; i < 3; i += 1) await purge(a, { kind: 'tag', tag: `${i}` });
    await trim(on, 1);
    const again = await open('b', on, dir);
    expect(again.journal.verdict(subject, before)).toBe('deleted');
    expect(again.journal.verdict(subject, again.journal.seq)).toBe('valid');
    await purge(a, { kind: 'tag', tag: 'x' });
    await again.link.close();
    await again.journal.close();
    const third = await open('b', on, dir);
    expect(third.journal.verdict(subject, before)).toBe('deleted');
    expect(third.journal.verdict(subject, again.journal.seq)).toBe('valid');
  });

  it('a node that starts counts on nothing from before when Redis has forgotten meanwhile, one that stayed does', async () => {
    const on = prefix();
    const dir = await scratch();
    const a = await open('a', on);
    const b = await open('b', on, dir);
    await purge(a, { kind: 'tag', tag: 'x' });
    const [atA, atB] = [a.journal.seq, b.journal.seq];
    await b.link.close();
    await b.journal.close();
    await server.stop();
    await server.start();
    const again = await open('b', on, dir);
    await caughtUp(a, again);
    expect(again.journal.verdict(subject, atB)).toBe('deleted');
    expect(a.journal.verdict(subject, atA)).toBe('valid');
  });

  it('a purge that a node had not heard of is sent to it again when Redis has forgotten it', async () => {
    const on = prefix();
    const line = await cable(server.port);
    onTestFinished(() => line.close());
    const a = await open('a', on);
    const b = await open('b', on, undefined, 3000, line.port);
    const before = b.journal.seq;
    line.cut();
    expect(await purge(a)).toMatchObject({ applied: ['a'], pending: ['b'] });
    await server.stop();
    await server.start();
    line.mend();
    await caughtUp(a, b);
    await expect
      .poll(() => b.journal.verdict(subject, before), { interval: 5, timeout: 10_000 })
      .toBe('deleted');
  });

  it('a node turned into one of several keeps what it has stored', async () => {
    const dir = await scratch();
    const alone = await Journal.open({ dir });
    await alone.append({ kind: 'tag', tag: 'x' }, 'delete', 'test', 0);
    const stored = alone.seq;
    await alone.close();
    const { journal } = await open('a', prefix(), dir);
    expect(journal.verdict(subject, stored)).toBe('valid');
    expect(journal.verdict({ ...subject, tags: ['x'] }, stored - 1)).toBe('deleted');
  });

  it('an entry that is no purge counts as the purge of everything', async () => {
    const on = prefix();
    const a = await open('a', on);
    const before = a.journal.seq;
    const redis = new RedisConnection({ url: server.url });
    onTestFinished(() => redis.close());
    await redis.ready(2000);
    const seq = a.journal.standing.position + 65_536;
    const fields = ['i', '', 'p', `${a.journal.standing.position}`, 'n', 'x', 'w', '1', 'r', '{"seq": 1}'];
    await redis.call(['XADD', `${on}:purges`, `${seq}-0`, ...fields]);
    await expect
      .poll(() => a.journal.verdict(subject, before), { interval: 5, timeout: 10_000 })
      .toBe('deleted');
  });

  it('keep the promise whatever happens, and agree in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 10, maxLength: 50 }), async (events) => {
        const world = await World.begin(prefix());
        try {
          for (const one of events) await world.happen(one);
          await world.settle();
        } finally {
          await world.end();
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 5), endOnFailure: true },
    );
  }, 120_000);
});

async function trim(on: string, left: number): Promise<void> {
  const redis = new RedisConnection({ url: server.url });
  await redis.ready(2000);
  await redis.call(['XTRIM', `${on}:purges`, 'MAXLEN', `${left}`]);
  redis.close();
}

const COUNT = 3;
const node = fc.nat({ max: COUNT - 1 });
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('fetch' as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const), node }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('purge' as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('purges' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'kill' as const), node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start' as const), node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'mend' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('redis stops' as const, 'redis starts' as const) }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

interface Place {
  readonly name: string;
  readonly cable: Cable;
  dir: string;
  opened: Opened | undefined;
  /** What its own tiers hold; survives its end. */
  held: Held[];
  begun: Held[];
  /** The oldest version that it may still serve. */
  owes: number;
}

/** Nodes a, b (with a directory) and c (without), a shared tier, and an origin whose content has versions. */
class World {
  readonly #prefix: string;
  readonly #places: readonly Place[];
  #shared: Held[] = [];
  #version = 1;
  /** The latest version whose purge every node will have to know when it starts. */
  #sent = 0;
  #redis = true;
  #ended = false;
  #fault: unknown;

  private constructor(prefix: string, places: readonly Place[]) {
    this.#prefix = prefix;
    this.#places = places;
  }

  static async begin(prefix: string): Promise<World> {
    const places: Place[] = [];
    for (const name of ['a', 'b', 'c']) {
      const dir = name === 'c' ? '' : await scratch();
      places.push({
        name,
        cable: await cable(server.port),
        dir,
        opened: undefined,
        held: [],
        begun: [],
        owes: 0,
      });
    }
    const world = new World(prefix, places);
    for (const place of places) await world.#start(place);
    void world.#live();
    return world;
  }

  /** Everybody fetches and is looked at, all the time. */
  async #live(): Promise<void> {
    while (!this.#ended) {
      try {
        for (const place of this.#places) this.#fetch(place);
        this.#check();
      } catch (error) {
        this.#fault ??= error;
      }
      await new Promise(setImmediate);
    }
  }

  async happen(event: Event): Promise<void> {
    if (event.do === 'redis stops' || event.do === 'redis starts')
      await this.#switch(event.do === 'redis starts');
    else if (event.do === 'trim') {
      if (this.#redis) await trim(this.#prefix, 1);
    } else if (event.do === 'purges') {
      this.#version += 1;
      await Promise.all(this.#places.map((place) => this.#purge(place, this.#version)));
    } else if ('node' in event) await this.#at(event.do, this.#places[event.node]);
    this.#check();
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #at(what: Exclude<Event['do'], 'purges' | 'trim'>, place: Place | undefined): Promise<void> {
    if (place === undefined) return;
    if (what === 'cut') place.cable.cut();
    if (what === 'mend') place.cable.mend();
    const { opened } = place;
    if (what === 'start' && opened === undefined) return this.#start(place);
    if (opened === undefined) return;
    if (what === 'fetch') this.#fetch(place);
    if (what === 'begin') place.begun.push({ seq: opened.journal.seq, version: this.#version });
    if (what === 'finish') for (const one of place.begun.splice(0)) this.#store(place, one);
    if (what === 'stop' || what === 'kill') await this.#stop(place, opened, what === 'kill');
    if (what === 'purge') {
      this.#version += 1;
      await this.#purge(place, this.#version);
    }
  }

  #fetch(place: Place): void {
    const { opened } = place;
    if (opened !== undefined) this.#store(place, { seq: opened.journal.seq, version: this.#version });
  }

  #store({ held }: Place, response: Held): void {
    const isNew = (of: readonly Held[]): boolean =>
      !of.some(({ seq, version }) => seq === response.seq && version === response.version);
    if (isNew(held)) held.push(response);
    if (this.#redis && isNew(this.#shared)) this.#shared.push(response);
  }

  async #purge(place: Place, version: number): Promise<void> {
    if (place.opened === undefined) return;
    const spreading = purge(place.opened);
    place.owes = Math.max(place.owes, version);
    this.#check();
    const { applied, sequence } = await spreading;
    for (const other of this.#places) {
      if (applied.includes(other.name)) other.owes = Math.max(other.owes, version);
    }
    if (sequence !== undefined) this.#sent = Math.max(this.#sent, version);
  }

  async #stop(place: Place, { link, journal }: Opened, killed: boolean): Promise<void> {
    place.opened = undefined;
    place.begun = [];
    const dir = await scratch();
    if (killed && place.dir !== '') await cp(place.dir, dir, { recursive: true });
    await link.close();
    await journal.close();
    if (killed && place.dir !== '') place.dir = dir;
    if (place.dir === '') place.held = [];
  }

  async #start(place: Place): Promise<void> {
    place.opened = await open(
      place.name,
      this.#prefix,
      place.dir === '' ? undefined : place.dir,
      100,
      place.cable.port,
    );
    // A node without a directory remembers none of its own purges.
    place.owes = Math.max(place.dir === '' ? 0 : place.owes, this.#sent);
  }

  async #switch(on: boolean): Promise<void> {
    if (on === this.#redis) return;
    this.#redis = on;
    if (on) return server.start();
    await server.stop();
    this.#shared = [];
  }

  #check(): void {
    for (const { name, opened, held, owes } of this.#places) {
      if (opened === undefined) continue;
      const { journal } = opened;
      const others = this.#redis ? this.#shared.filter(({ seq }) => journal.knows(seq)) : [];
      for (const { seq, version } of [...held, ...others]) {
        if (version < owes && journal.verdict(subject, seq) === 'valid')
          throw new Error(`${name} serves version ${version} under ${seq}, and owes ${owes}`);
      }
    }
  }

  /** With everybody there, everybody knows everything, and caching goes on. */
  async settle(): Promise<void> {
    await this.#switch(true);
    for (const place of this.#places) place.cable.mend();
    for (const place of this.#places) if (place.opened === undefined) await this.#start(place);
    const opened = this.#places.flatMap((place) => place.opened ?? []);
    await caughtUp(...opened);
    for (const place of this.#places) place.owes = Math.max(place.owes, this.#sent);
    this.#check();
    this.#version += 1;
    const [first] = this.#places;
    if (first !== undefined) await this.#purge(first, this.#version);
    await caughtUp(...opened);
    for (const place of this.#places) place.owes = this.#version;
    this.#check();
    if (this.#fault !== undefined) throw this.#fault;
    for (const { journal } of opened) {
      for (const other of opened) {
        expect(other.journal.knows(journal.seq)).toBe(true);
        expect(other.journal.verdict(subject, journal.seq)).toBe('valid');
      }
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#switch(true);
    for (const place of this.#places) {
      await place.opened?.link.close();
      await place.opened?.journal.close();
      await place.cable.close();
    }
  }
}
