// The access list of the forward proxy: order, conditions, users, ports; its settings; pacing.

import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/faults.ts';
import { parseConfig } from '../../src/config.ts';
import { Acl, type Asked } from '../../src/forward/acl.ts';
import { Clients } from '../../src/forward/clients.ts';
import { Pace } from '../../src/forward/pace.ts';

function configOf(forwardProxy: Record<string, unknown>) {
  const { forwardProxy: made } = parseConfig(
    { origin: 'demo', forwardProxy: { listen: '127.0.0.1:0', ...forwardProxy } },
    'test',
  );
  if (made === undefined) throw new Error('no forward proxy');
  return made;
}

function aclOf(acl: readonly Record<string, unknown>[], more: Record<string, unknown> = {}): Acl {
  const { rules, connectPorts, httpPorts } = configOf({ acl, auth: { users: [ALICE, BOB] }, ...more });
  return new Acl(rules, { connect: connectPorts, http: httpPorts });
}

const HASH = '$2b$04$VxV8Z9Ox1r7WwmGUDEd5pO0YVHqHrIz5gMnsVXUvLsWvdPS9OIQYe';
const ALICE = `alice:${HASH}`;
const BOB = `bob:${HASH}`;
const ASKED: Asked = { client: '10.0.0.1', method: 'GET', host: 'www.example.org', port: 80 };

describe('The access list', () => {
  it('denies everything without a rule, and what no rule is about', () => {
    expect(aclOf([]).decide(ASKED, undefined)).toEqual({ kind: 'none' });
    const acl = aclOf([{ action: 'allow', from: ['192.168.0.0/16'] }]);
    expect(acl.decide(ASKED, undefined)).toEqual({ kind: 'none' });
  });

  it('goes by the first rule whose conditions all hold', () => {
    const acl = aclOf([
      { action: 'deny', hosts: ['ads.example.org', '*.ads.example.org'] },
      {
        action: 'allow',
        from: ['10.0.0.0/8'],
        hosts: ['.example.org'],
        methods: ['GET', 'HEAD'],
        ports: ['80', '8000-8999'],
      },
      { action: 'deny', hosts: ['.example.org'] },
      { action: 'allow', from: ['10.0.0.0/8'] },
    ]);
    const cases: [Partial<Asked>, unknown][] = [
      [{}, { kind: 'allow', rule: 2 }],
      [{ host: 'ads.example.org' }, { kind: 'deny', rule: 1 }],
      [{ host: 'a.ads.example.org' }, { kind: 'deny', rule: 1 }],
      [{ host: 'notads.example.org' }, { kind: 'allow', rule: 2 }],
      [
        { host: 'example.org', port: 8080 },
        { kind: 'allow', rule: 2 },
      ],
      [{ port: 9000 }, { kind: 'deny', rule: 3 }],
      [{ method: 'POST' }, { kind: 'deny', rule: 3 }],
      [{ host: 'badexample.org' }, { kind: 'allow', rule: 4 }],
      [{ host: 'badexample.org', client: '11.0.0.1' }, { kind: 'none' }],
    ];
    for (const [asked, verdict] of cases)
      expect(acl.decide({ ...ASKED, ...asked }, undefined)).toEqual(verdict);
  });

  it('asks who it is only where a rule depends on it', () => {
    const acl = aclOf([
      { action: 'allow', hosts: ['free.example'] },
      { action: 'deny', users: ['bob'], hosts: ['secret.example'] },
      { action: 'allow', users: ['*'] },
    ]);
    expect(acl.decide({ ...ASKED, host: 'free.example' }, undefined)).toEqual({ kind: 'allow', rule: 1 });
    expect(acl.decide(ASKED, undefined)).toEqual({ kind: 'who' });
    expect(acl.decide(ASKED, 'alice')).toEqual({ kind: 'allow', rule: 3 });
    expect(acl.decide({ ...ASKED, host: 'secret.example' }, 'bob')).toEqual({ kind: 'deny', rule: 2 });
    expect(acl.decide({ ...ASKED, host: 'secret.example' }, 'alice')).toEqual({ kind: 'allow', rule: 3 });
  });

  it('keeps to the ports that are safe, whatever a rule says', () => {
    const acl = aclOf([{ action: 'allow' }]);
    for (const [method, port, kind] of [
      ['CONNECT', 443, 'allow'],
      ['CONNECT', 25, 'port'],
      ['CONNECT', 80, 'port'],
      ['GET', 80, 'allow'],
      ['GET', 8080, 'allow'],
      ['GET', 25, 'port'],
    ] as const) {
      expect(acl.decide({ ...ASKED, method, port }, undefined).kind).toBe(kind);
    }
  });
});

describe('The settings of the forward proxy', () => {
  it('are off by default', () => {
    expect(parseConfig({ origin: 'demo' }, 'test').forwardProxy).toBeUndefined();
  });

  it('store what rules reach apart from one another, and alike for the same reach', () => {
    const { rules } = configOf({
      acl: [
        { action: 'allow', hosts: ['a'] },
        { action: 'allow', hosts: ['b'], reach: ['10.0.0.0/8', '127.0.0.1'] },
        { action: 'allow', hosts: ['c'], reach: ['127.0.0.1', '10.0.0.0/8'] },
        { action: 'allow', hosts: ['d'], reach: ['10.0.0.0/8'] },
      ],
    });
    const [a, b, c, d] = rules.map(({ space }) => space);
    expect(a).toBe('forward+');
    expect(b).toBe(c);
    expect(new Set([a, b, d]).size).toBe(3);
  });

  it.each([
    [{ acl: [{ action: 'allow', users: ['alice'] }] }, 'forwardProxy.auth'],
    [{ acl: [{ action: 'deny', reach: ['10.0.0.0/8'] }] }, 'forwardProxy.acl[0].reach'],
    [{ acl: [{ action: 'permit' }] }, 'forwardProxy.acl[0].action'],
    [{ acl: [{ action: 'allow', hosts: ['*'] }] }, 'forwardProxy.acl[0].hosts[0]'],
    [{ acl: [{ action: 'allow', ports: ['443-80'] }] }, 'forwardProxy.acl[0].ports[0]'],
    [{ auth: { users: ['alice:plain'] } }, 'forwardProxy.auth.users[0]'],
    [{ auth: { file: '/nowhere/users' } }, 'forwardProxy.auth.file'],
    [{ listen: '127.0.0.1:8080' }, 'forwardProxy.listen'],
  ])('say what is wrong with %j', (set, path) => {
    try {
      configOf(set);
      expect.fail('no fault');
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(error instanceof ConfigError && error.faults.map((fault) => fault.path)).toEqual([path]);
    }
  });
});

describe('A pace', () => {
  it('lets so much pass at once, and then as much as time gives', () => {
    let now = 0;
    const pace = new Pace(1000, 1000, () => now);
    expect(pace.spend(1000)).toBe(0);
    expect(pace.spend(500)).toBe(500);
    now += 400;
    expect(pace.waitMs).toBe(100);
    now += 100;
    expect(pace.waitMs).toBe(0);
    now += 60_000;
    expect(pace.full).toBe(true);
    expect(pace.spend(3000)).toBe(2000);
  });
});

describe('The clients of the proxy', () => {
  it('have so many connections each, an IPv6 /64 being one', () => {
    const clients = new Clients({ connectionsPerClient: 2, bytesPerSecond: undefined }, () => 0);
    const left = clients.enter('2001:db8::1');
    expect(clients.enter('2001:db8::2')).toBeDefined();
    expect(clients.enter('2001:db8::3')).toBeUndefined();
    expect(clients.enter('2001:db8:0:1::3')).toBeDefined();
    left?.();
    expect(clients.enter('2001:db8::3')).toBeDefined();
  });
});
