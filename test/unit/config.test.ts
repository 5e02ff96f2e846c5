import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_RULES } from '../../src/cache/rules.ts';
import { ConfigError, type Fault, loadConfig, overridesOf, parseConfig } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function faultsIn(action: () => unknown): readonly Fault[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const faults = (json: unknown) => faultsIn(() => parseConfig(json, 'test'));
const paths = (json: unknown) => faults(json).map(({ path }) => path);
const parse = (json: object) => parseConfig({ origin: 'demo', ...json }, 'test');

describe('the defaults', () => {
  it('are those that the settings page names', () => {
    expect(parse({})).toMatchObject({
      listen: { host: '127.0.0.1', port: 8080 },
      origin: { kind: 'demo' },
      admin: { host: '127.0.0.1', port: 8081 },
      workers: 'auto',
      memoryBytes: 256 * 1024 ** 2,
      disk: { dir: 'var/cache', bytes: 10 * 1024 ** 3 },
      log: { level: 'info', access: true },
      host: 'preserve',
      trustedProxies: [],
      forwarding: { via: 'holdfast' },
      timeouts: { connectMs: 5_000, firstByteMs: 60_000, idleMs: 30_000, drainMs: 30_000 },
      client: { headTimeoutMs: 10_000, keepAliveTimeoutMs: 65_000, maxHeadBytes: 32_768, maxFields: 128 },
      purge: { allow: ['127.0.0.0/8', '::1/128'], token: undefined },
      routes: [],
    });
  });

  it('leave the cache rules as the cache has them', () => {
    expect(parse({}).cache).toEqual({ rules: DEFAULT_RULES, debug: false });
  });
});

describe('the result', () => {
  it('is frozen at every depth', () => {
    const config = parse({ routes: [{ match: { path: '/a/*' }, cache: { negativeTtl: { 404: '1s' } } }] });
    const open: unknown[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) open.push(value);
      Object.values(value).forEach(visit);
    };
    visit(config);
    expect(open).toEqual([]);
  });

  it('has words for absence turned into undefined', () => {
    const config = parse({ admin: 'none', disk: { dir: 'none' }, client: { maxBody: '1MB' } });
    expect(config.admin).toBeUndefined();
    expect(config.disk).toBeUndefined();
    expect(config.client.maxRequestBodyBytes).toBe(1024 ** 2);
  });

  it('has durations in ms and sizes in bytes', () => {
    const { cache } = parse({
      cache: { ttl: '5m', negativeTtl: { 404: '10s', 503: '500ms' }, maxObject: '2KB', heuristicMax: '0s' },
    });
    expect(cache.rules).toMatchObject({
      ttlMs: 300_000,
      negativeTtlMs: { 404: 10_000, 503: 500 },
      maxObjectBytes: 2048,
      heuristicMaxMs: 0,
    });
  });

  it.each([
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['https://Example.org/', 'https://example.org'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ])('has the origin %j as %j', (origin, url) => {
    expect(parse({ origin }).origin).toEqual({ kind: 'url', url });
  });
});

describe('a fault', () => {
  it('comes with every other, each with path, value and what is allowed', () => {
    const found = faults({
      memory: 'lots',
      listen: 'here',
      workers: 0,
      log: { level: 'loud', acess: true },
      trustedProxies: ['10.0.0.0/8', 'x'],
      cache: { key: { query: 'shuffle' }, negativeTtl: { 404: 10, abc: '1s' } },
      routes: [{ match: {}, cache: { ttl: 60, debug: true } }, { cache: {} }],
      timeout: '5s',
    });
    expect(Object.fromEntries(found.map(({ path, value }) => [path, value]))).toEqual({
      origin: 'not given',
      memory: '"lots"',
      listen: '"here"',
      workers: '0',
      'log.level': '"loud"',
      'log.acess': 'true',
      'trustedProxies[1]': '"x"',
      'cache.key.query': '"shuffle"',
      'cache.negativeTtl.404': '10',
      'cache.negativeTtl.abc': '"abc"',
      'routes[0].cache.ttl': '60',
      'routes[0].cache.debug': 'true',
      'routes[1].match': 'not given',
      timeout: '"5s"',
    });
    for (const { allowed } of found) expect(allowed).toMatch(/\w/);
    expect(found.find(({ path }) => path === 'memory')?.allowed).toBe(
      'a size such as "256MB" or plain bytes, 8MB to 1TB',
    );
    expect(found.find(({ path }) => path === 'log.acess')?.allowed).toBe(
      'nothing of that name; known here: level, access; did you mean "access"?',
    );
  });

  it.each([null, [], 'x', 5, undefined])('is the whole where it is no object: %j', (json) => {
    expect(paths(json)).toEqual(['(the whole)']);
  });

  it.each([
    ['memory', '4MB'],
    ['memory', '2TB'],
    ['workers', 65],
    ['workers', 1.5],
    ['workers', '2'],
    ['origin', 'ftp://a'],
    ['origin', 'http://a/path'],
    ['origin', 'http://a?x'],
    ['origin', 'http://user@a'],
    ['origin', 'http://'],
    ['origin', 'a:3000'],
    ['host', 'rewrite'],
    ['originConnections', 0],
    ['memory', null],
  ])('is %s: %j', (name, value) => {
    expect(paths({ origin: 'demo', [name]: value })).toEqual([name]);
  });

  it.each([
    ['timeouts', { connect: 5 }, 'timeouts.connect'],
    ['timeouts', { firstByte: '0s' }, 'timeouts.firstByte'],
    ['timeouts', { idle: '30d' }, 'timeouts.idle'],
    ['client', { maxFields: 4 }, 'client.maxFields'],
    ['forwarding', { via: 'a b' }, 'forwarding.via'],
    ['purge', { token: 'short' }, 'purge.token'],
    ['purge', { token: 'a'.repeat(20), tokenFile: 'x' }, 'purge.tokenFile'],
    ['purge', { allow: ['localhost'] }, 'purge.allow[0]'],
    ['cache', { targetedFields: ['a b'] }, 'cache.targetedFields[0]'],
    ['cache', { key: { denyParams: ['*x'] } }, 'cache.key.denyParams[0]'],
    ['cache', { negativeTtl: { 200: '1s' } }, 'cache.negativeTtl.200'],
    ['routes', [{ match: { host: 'a*.example.org' } }], 'routes[0].match.host'],
    ['routes', [{ match: { path: 'static' } }], 'routes[0].match.path'],
    ['routes', [{ match: { path: '/a?b' } }], 'routes[0].match.path'],
    ['routes', [{ match: { methods: ['get'] } }], 'routes[0].match.methods[0]'],
    ['routes', {}, 'routes'],
  ])('in %s %j has the path %s', (name, value, path) => {
    expect(paths({ origin: 'demo', [name]: value })).toEqual([path]);
  });

  it('is an admin address that clients already have', () => {
    expect(paths({ origin: 'demo', listen: ':8080', admin: '127.0.0.1:8080' })).toEqual(['admin']);
    expect(paths({ origin: 'demo', listen: '127.0.0.1:0', admin: '127.0.0.1:0' })).toEqual([]);
  });

  it('is a name that every object inherits', () => {
    expect(
      paths(JSON.parse('{"origin": "demo", "__proto__": {}, "constructor": 1, "cache": {"toString": 1}}')),
    ).toEqual(['cache.toString', '__proto__', 'constructor']);
  });

  it('shows no secret and no long value', () => {
    const found = faults({
      origin: 'http://me:hunter2hunter2@a/',
      purge: { token: 'hunter2 hunter2 hunter2', tokn: 'hunter2hunter2' },
      cache: [{ token: 'hunter2' }],
      memory: 'x'.repeat(1000),
    });
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(found.every(({ value }) => value.length <= 80)).toBe(true);
  });

  it('is all that hostile input leads to', () => {
    fc.assert(
      fc.property(
        fc.object({
          key: fc.constantFrom('origin', 'cache', 'key', 'routes', 'match', 'ttl', '__proto__', 'x'),
        }),
        (json) => {
          for (const { path, allowed } of faults(json)) expect([path, allowed]).not.toContain('');
        },
      ),
    );
  });
});

describe('a file and flags', () => {
  it('make settings in which flags beat the file and the file the defaults', () => {
    const path = file('both.json', {
      origin: 'http://file',
      memory: '64MB',
      disk: { size: '1GB' },
      workers: 2,
    });
    const flags = {
      origin: 'http://flag',
      disk: 'none',
      accessLog: 'off',
      workers: '3',
      logLevel: 'warn',
      admin: 'none',
    };
    expect(loadConfig(path, overridesOf(flags))).toMatchObject({
      origin: { url: 'http://flag' },
      memoryBytes: 64 * 1024 ** 2,
      disk: undefined,
      workers: 3,
      log: { level: 'warn', access: false },
      admin: undefined,
      listen: { port: 8080 },
    });
  });

  it('need no file', () => {
    expect(loadConfig(undefined, overridesOf({ origin: 'demo', diskSize: '1GB' })).disk).toEqual({
      dir: 'var/cache',
      bytes: 1024 ** 3,
    });
  });

  it('report the faults of both, the flags under their own names', () => {
    const path = file('faulty.json', { memory: 'lots', worker: 2, listen: 'x' });
    const found = faultsIn(() =>
      loadConfig(path, overridesOf({ memory: 'many', accessLog: 'maybe', listen: ':0' })),
    );
    expect(found.map((fault) => `${fault.path} ${fault.value}`)).toEqual(
      expect.arrayContaining([
        'memory "lots"',
        '--memory "many"',
        '--access-log "maybe"',
        'listen "x"',
        'worker 2',
        'origin not given',
      ]),
    );
    expect(found).toHaveLength(6);
    expect(found.find((fault) => fault.path === '--access-log')?.allowed).toBe('"on" or "off"');
  });

  it('report a file that is not there beside the faults of flags', () => {
    const found = faultsIn(() => loadConfig(join(folder, 'none.json'), overridesOf({ workers: 'two' })));
    expect(found.map(({ path, value }) => [path, value])).toEqual([
      [join(folder, 'none.json'), 'no such file'],
      ['--workers', '"two"'],
    ]);
  });

  it('report where a file is not JSON', () => {
    const path = file('broken.json', '{\n  "origin": "demo",\n  "memory": 256MB\n}');
    expect(faultsIn(() => loadConfig(path, []))).toEqual([
      { path, value: 'line 3, column 16: expected "," or "}", found "M"', allowed: 'JSON' },
    ]);
  });

  it('are read past a byte order mark', () => {
    expect(loadConfig(file('bom.json', '\uFEFF{"origin": "demo"}'), []).origin).toEqual({ kind: 'demo' });
  });
});

describe('the token file', () => {
  it('gives the token of its first line', () => {
    const tokenFile = file('token', 'abcdefghijklmnop\r\nmore\n');
    expect(parse({ purge: { tokenFile } }).purge.token).toBe('abcdefghijklmnop');
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['short', 'abc\n'],
  ])('is a fault when %s', (name, content) => {
    const tokenFile = content === undefined ? join(folder, 'nothing') : file(`token-${name}`, content);
    expect(paths({ origin: 'demo', purge: { tokenFile } })).toEqual(['purge.tokenFile']);
  });
});
