// The gate by who asks: users, tokens, signed tokens; what the cache may share of it, and what the origin is told.

import { createHash, generateKeyPairSync, scryptSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import bcrypt from 'bcryptjs';
import { exportJWK, SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { formatScrypt } from '../../src/gate/auth/password-hash.ts';
import { cacheStatus, get, type Response } from '../support/client.ts';
import { holdfast } from '../support/command.ts';
import type { TestEdge } from '../support/edge.ts';
import { hangUp, never, scriptedOrigin } from '../support/origin.ts';
import { headersOf } from '../support/proxying.ts';
import { diskDir, scene } from '../support/scene.ts';

const FRESH = { headers: { 'Cache-Control': 'max-age=60' }, body: 'content' };
const ALICE = `alice:${bcrypt.hashSync('wonderland', 4).replace('$2b$', '$2y$')}`;
const salt = Buffer.from('0123456789abcdef');
const cost = { cost: 1024, blockSize: 8, parallelization: 1 };
const BOB = `bob:${formatScrypt({ ...cost, salt, hash: scryptSync('builder', salt, 32, cost) })}`;
const TOKEN = 'a-token-of-some-length';
const CI = `ci:sha256:${createHash('sha256').update(TOKEN).digest('hex')}`;

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const as = (
  edge: TestEdge,
  authorization?: string,
  target = '/x',
  more: Record<string, string> = {},
): Promise<Response> =>
  get(edge.url, target, {
    headers: { ...more, ...(authorization !== undefined && { Authorization: authorization }) },
  });

describe('users with passwords', () => {
  const access = { auth: { realm: 'the site', basic: { users: [ALICE, BOB] } } };

  it('pass with the right one, bcrypt or scrypt; hits are asked about too', async () => {
    const { origin, edge } = await scene({ access });
    origin.on('/x', FRESH);
    expect((await as(edge, basic('alice', 'wonderland'))).status).toBe(200);
    const hit = await as(edge, basic('bob', 'builder'));
    expect([hit.status, cacheStatus(hit).hit]).toEqual([200, true]);
    expect(edge.requests().map(({ user }) => user)).toEqual(['alice', 'bob']);
    const refused = await as(edge);
    expect([refused.status, cacheStatus(refused).detail]).toEqual([401, 'no-credentials']);
    expect(refused.headers['www-authenticate']).toBe('Basic realm="the site", charset="UTF-8"');
    expect(origin.requests('/x')).toHaveLength(1);
  });

  it.each([
    ['a wrong password', basic('alice', 'looking-glass')],
    ['a wrong user', basic('mallory', 'wonderland')],
    ["another user's password", basic('alice', 'builder')],
    ['no password', basic('alice', '')],
    ['a hash in place of the password', basic('alice', ALICE.slice(6))],
    ['no user', 'Basic Og=='],
    ['what is no base64', 'Basic ?'],
    ['another scheme', 'Digest username="alice"'],
    ['a token', `Bearer ${TOKEN}`],
    ['an endless password', basic('alice', 'x'.repeat(4000))],
  ])('do not pass with %s, the second time neither', async (_, authorization) => {
    const { origin, edge } = await scene({ access });
    const refused = [await as(edge, authorization), await as(edge, authorization)];
    for (const one of refused) {
      expect([one.status, cacheStatus(one).detail]).toEqual([401, 'wrong-credentials']);
      expect(one.headers['cache-control']).toBe('no-store');
    }
    expect(origin.requests()).toHaveLength(0);
  });

  it('with two Authorization fields nobody passes', async () => {
    const { edge } = await scene({ access });
    const right = basic('alice', 'wonderland');
    const response = await get(edge.url, '/x', {
      headers: ['Authorization', right, 'Authorization', right],
    });
    expect(response.status).toBe(401);
  });

  it('who guesses is held up after some wrong ones, also with the right one', async () => {
    const { origin, edge, clock } = await scene({ access: { auth: { ...access.auth, failures: '3/m' } } });
    origin.on('/x', FRESH);
    for (let i = 0; i < 3; i++) expect((await as(edge, basic('alice', `guess-${i}`))).status).toBe(401);
    const held = await as(edge, basic('alice', 'wonderland'));
    expect([held.status, cacheStatus(held).detail, held.headers['retry-after']]).toEqual([
      429,
      'too-many-failures',
      '20',
    ]);
    // Asking without credentials is no guess.
    expect((await as(edge)).status).toBe(401);
    clock.advance(20_000);
    expect((await as(edge, basic('alice', 'wonderland'))).status).toBe(200);
  });

  it('come from a file as well', async () => {
    const file = join(await diskDir(), 'users');
    await writeFile(file, `# made with htpasswd\n${ALICE}\n${BOB}\n`);
    const { edge } = await scene({ access: { auth: { basic: { file } } } });
    expect((await as(edge, basic('bob', 'builder'))).status).toBe(404);
    await writeFile(file, `${ALICE}\ncarol:$apr1$abc$def\n`);
    const config = { origin: 'demo', access: { auth: { basic: { file } } } };
    expect(() => parseConfig(config, 'test')).toThrow('line 2; allowed: a user with a bcrypt or scrypt hash');
  });
});

describe('holdfast hash', () => {
  it('makes a line that its user passes with', async () => {
    const { stdout, code } = await holdfast(['hash', 'dora'], {}, 'the explorer\n');
    expect(code).toBe(0);
    const { edge } = await scene({ access: { auth: { basic: { users: [stdout.trim()] } } } });
    expect((await as(edge, basic('dora', 'the explorer'))).status).toBe(404);
    expect((await as(edge, basic('dora', 'the tourist'))).status).toBe(401);
  });
});

describe('bearer tokens', () => {
  it('pass when they are of the list', async () => {
    const { origin, edge } = await scene({ access: { auth: { bearer: { tokens: [CI] } } } });
    origin.on('/x', FRESH);
    expect((await as(edge, `Bearer ${TOKEN}`)).status).toBe(200);
    expect((await as(edge, `bearer ${TOKEN}`)).status).toBe(200);
    const refused = await as(edge, `Bearer ${TOKEN}x`);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="holdfast", error="invalid_token", error_description="The token is not known."',
    ]);
    expect((await as(edge)).headers['www-authenticate']).toBe('Bearer realm="holdfast"');
  });

  it('beside users: each has its challenge', async () => {
    const { edge } = await scene({
      access: { auth: { basic: { users: [ALICE] }, bearer: { tokens: [CI] } } },
    });
    expect((await as(edge)).headers['www-authenticate']).toBe(
      'Bearer realm="holdfast", Basic realm="holdfast", charset="UTF-8"',
    );
    expect((await as(edge, `Bearer ${TOKEN}`)).status).toBe(404);
    expect((await as(edge, basic('alice', 'wonderland'))).status).toBe(404);
    // What is wrong is said of tokens alone.
    expect((await as(edge, basic('alice', 'x'))).headers['www-authenticate']).not.toContain('error=');
    expect((await as(edge, 'Bearer x')).headers['www-authenticate']).toContain('error="invalid_token"');
  });
});

describe('signed tokens', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = 'a secret of thirty-two bytes, or more';
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

  async function guarded(jwt: Record<string, unknown> = {}, auth: Record<string, unknown> = {}) {
    const file = join(await diskDir(), 'key.pem');
    await writeFile(file, pem);
    const settings = { publicKeyFile: file, issuers: ['https://id.example'], audiences: ['site'], ...jwt };
    const made = await scene({ access: { auth: { jwt: settings, ...auth } } });
    made.origin.on('/x', FRESH);
    return made;
  }

  const AT = Date.UTC(2026, 0, 15, 12, 0, 0) / 1000;
  const claims = { iss: 'https://id.example', aud: 'site', sub: 'alice', exp: AT + 60, scope: 'read list' };
  const sign = (
    payload: Record<string, unknown> = claims,
    header: { alg: string; kid?: string } = { alg: 'ES256' },
    key = privateKey,
  ) => new SignJWT(payload).setProtectedHeader(header).sign(key);

  it('pass while they hold, and no longer', async () => {
    const { edge, clock } = await guarded({ tolerance: '10s' });
    const token = `Bearer ${await sign()}`;
    expect((await as(edge, token)).status).toBe(200);
    expect(edge.requests()[0]).toMatchObject({ user: 'alice' });
    clock.advance(69_000);
    expect((await as(edge, token)).status).toBe(200);
    clock.advance(1_001);
    const late = await as(edge, token);
    expect([late.status, late.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="holdfast", error="invalid_token", error_description="The token has expired."',
    ]);
  });

  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each([
    ['another issuer', () => sign({ ...claims, iss: 'https://evil.example' })],
    ['another audience', () => sign({ ...claims, aud: 'other' })],
    ['no end', () => sign({ ...claims, exp: undefined })],
    ['a later beginning', () => sign({ ...claims, nbf: AT + 3600 })],
    [
      'another key',
      () => sign(claims, { alg: 'ES256' }, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    ['no signature', async () => `${part({ alg: 'none' })}.${part(claims)}.`],
    [
      'the public key as a secret',
      () => new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(pem)),
    ],
    [
      'a changed claim',
      async () => {
        const [head, , signature] = (await sign()).split('.');
        return `${head}.${part({ ...claims, sub: 'root' })}.${signature}`;
      },
    ],
    ['junk', async () => 'a.b.c'],
  ])('do not pass with %s', async (_, make) => {
    const { origin, edge } = await guarded();
    const refused = await as(edge, `Bearer ${await make()}`);
    expect([refused.status, cacheStatus(refused).detail]).toEqual([401, 'wrong-credentials']);
    expect(origin.requests()).toHaveLength(0);
  });

  it('without what is needed of a claim get 403', async () => {
    const { edge } = await guarded({ required: { scope: ['write'] } });
    const refused = await as(edge, `Bearer ${await sign()}`);
    expect([refused.status, cacheStatus(refused).detail]).toEqual([403, 'claim-missing']);
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect(refused.headers['www-authenticate']).toContain('scope="write"');
    expect((await as(edge, `Bearer ${await sign({ ...claims, scope: 'write' })}`)).status).toBe(200);
  });

  it('with a secret: HS256 and nothing else', async () => {
    const file = join(await diskDir(), 'secret');
    await writeFile(file, `${secret}\n`);
    const { edge } = await scene({ access: { auth: { jwt: { secretFile: file } } } });
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
    expect((await as(edge, `Bearer ${await token}`)).status).toBe(404);
    expect((await as(edge, `Bearer ${await sign()}`)).status).toBe(401);
  });

  it('with keys that are fetched: once; a key that is new is found; without any keys 503', async () => {
    const other = generateKeyPairSync('ed25519');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'a', alg: 'ES256' };
    const jwk2 = { ...(await exportJWK(other.publicKey)), kid: 'b', alg: 'EdDSA' };
    const { origin, edge } = await scene();
    const url = `${origin.url}/keys`;
    await edge.close();
    const guard = await scene({ access: { auth: { jwt: { jwksUrl: url } } } });
    origin.on('/keys', { status: 503 }, { body: JSON.stringify({ keys: [jwk, jwk2] }) });
    const token = `Bearer ${await sign(claims, { alg: 'ES256', kid: 'a' })}`;
    const early = await as(guard.edge, token);
    expect([early.status, cacheStatus(early).detail]).toEqual([503, 'auth-unavailable']);
    expect((await as(guard.edge, token)).status).toBe(404);
    const second = await sign(claims, { alg: 'EdDSA', kid: 'b' }, other.privateKey);
    expect((await as(guard.edge, `Bearer ${second}`)).status).toBe(404);
    expect((await as(guard.edge, `Bearer ${await sign(claims, { alg: 'ES256', kid: 'c' })}`)).status).toBe(
      401,
    );
    expect(origin.requests('/keys')).toHaveLength(2);
  });

  describe('in a cookie', () => {
    const withCookie = (edge: TestEdge, cookie: string, headers = {}) =>
      get(edge.url, '/x', { headers: { Cookie: cookie, ...headers } });

    it('pass where there is no Authorization, and end at the edge', async () => {
      const { origin, edge } = await guarded({ cookie: 'id' });
      const token = await sign();
      expect((await withCookie(edge, `a=1; id=${token}; b=2`)).status).toBe(200);
      expect(edge.requests()[0]).toMatchObject({ user: 'alice' });
      expect(origin.requests()[0]?.headers.cookie).toBe('a=1; b=2');
      // What the origin could not know of is for all who may pass.
      expect(cacheStatus(await withCookie(edge, `id=${token}`)).hit).toBe(true);
      expect((await withCookie(edge, `id=${token}`, { Authorization: 'Bearer x' })).status).toBe(401);
      expect((await withCookie(edge, `other=${token}`)).status).toBe(401);
    });

    it.each([
      ['another beside it', (token: string) => `id=${token}; id=x`],
      ['what is no token', () => 'id="x y"'],
      ['nothing', () => 'id='],
      ['a name of another case', (token: string) => `ID=${token}`],
    ])('do not pass with %s', async (_, cookie) => {
      const { edge } = await guarded({ cookie: 'id' });
      expect((await withCookie(edge, cookie(await sign()))).status).toBe(401);
    });

    it('that goes on to the origin makes its answer one for this user alone', async () => {
      const { origin, edge } = await guarded({ cookie: 'id' }, { forwardAuthorization: true });
      const token = await sign();
      await withCookie(edge, `id=${token}`);
      expect(origin.requests()[0]?.headers.cookie).toBe(`id=${token}`);
      expect(cacheStatus(await withCookie(edge, `id=${token}`)).hit).toBe(false);
    });

    it('that has expired is no guess: it counts for no failure', async () => {
      const { edge, clock } = await guarded({ cookie: 'id' }, { failures: '1/h' });
      const token = await sign();
      clock.advance(3_600_000);
      for (let i = 0; i < 3; i++) expect((await withCookie(edge, `id=${token}`)).status).toBe(401);
      await withCookie(edge, 'id=a.b.c');
      expect((await withCookie(edge, 'id=a.b.c')).status).toBe(429);
    });
  });

  it('a key that does not fit the algorithms is a fault of the settings', async () => {
    const file = join(await diskDir(), 'key.pem');
    await writeFile(file, pem);
    const faulty = (jwt: object) => () => parseConfig({ origin: 'demo', access: { auth: { jwt } } }, 'test');
    expect(faulty({ publicKeyFile: file, algorithms: ['HS256'] })).toThrow('access.auth.jwt.algorithms');
    expect(faulty({ publicKeyFile: file, algorithms: ['none'] })).toThrow('one of HS256');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(faulty({ publicKeyFile: file })).toThrow('a public key');
    await writeFile(file, 'short');
    expect(faulty({ secretFile: file })).toThrow('32 bytes or more');
  });
});

describe('another service that decides', () => {
  async function asking(ask: Record<string, unknown> = {}) {
    const service = await scriptedOrigin();
    onTestFinished(() => service.close());
    const settings = { url: `${service.url}/check`, fields: ['X-Auth-User'], ...ask };
    const made = await scene({ access: { auth: { ask: settings, userField: 'X-Auth-User' } } });
    made.origin.on('*', { headers: { 'Cache-Control': 'public, max-age=60' }, body: 'content' });
    return { service, ...made };
  }

  it('lets in by 2xx, hits included; what it says of the user goes on', async () => {
    const { service, origin, edge } = await asking();
    service.on('/check', { status: 204, headers: { 'X-Auth-User': 'alice' } });
    const headers = { Cookie: 'session=1', 'X-Auth-User': 'root', 'User-Agent': 'test' };
    expect((await as(edge, 'Bearer x', '/x?y=1', headers)).status).toBe(200);
    expect(cacheStatus(await as(edge, 'Bearer x', '/x?y=1', headers)).hit).toBe(true);
    expect(service.requests('/check')).toHaveLength(2);
    expect(service.requests('/check')[0]?.headers).toMatchObject({
      'x-original-method': 'GET',
      'x-original-uri': '/x?y=1',
      'x-forwarded-host': `127.0.0.1:${edge.port}`,
      'x-forwarded-for': '127.0.0.1',
      authorization: 'Bearer x',
      cookie: 'session=1',
    });
    expect(headersOf(origin, '/x')).toMatchObject({ 'x-auth-user': 'alice', cookie: 'session=1' });
    expect(headersOf(origin, '/x')).not.toHaveProperty('authorization');
    expect(edge.requests()[0]).toMatchObject({ user: 'alice' });
  });

  it('its no goes back to the client: 401, 403, or where to log in', async () => {
    const { service, origin, edge } = await asking();
    service.on(
      '/check',
      { status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="there"', 'X-Other': '1' } },
      { status: 403 },
      { status: 302, headers: { Location: 'https://login.example/', 'Set-Cookie': ['a=1', 'b=2'] } },
    );
    const [unknown, forbidden, elsewhere] = [await as(edge), await as(edge), await as(edge)];
    expect([unknown.status, unknown.headers['www-authenticate']]).toEqual([401, 'Bearer realm="there"']);
    expect(unknown.headers).not.toHaveProperty('x-other');
    expect([forbidden.status, cacheStatus(forbidden).detail]).toEqual([403, 'ask-refused']);
    expect([elsewhere.status, elsewhere.headers.location]).toEqual([302, 'https://login.example/']);
    expect(elsewhere.rawHeaders.filter((name) => name.toLowerCase() === 'set-cookie')).toHaveLength(2);
    expect(elsewhere.headers['cache-control']).toBe('no-store');
    expect(origin.requests()).toHaveLength(0);
  });

  it('without an answer nobody passes', async () => {
    const { service, origin, edge } = await asking({ timeout: '50ms' });
    service.on('/check', { status: 500 }, hangUp, never);
    for (let i = 0; i < 3; i++) {
      const refused = await as(edge);
      expect([refused.status, cacheStatus(refused).detail]).toEqual([503, 'auth-unavailable']);
    }
    expect(origin.requests()).toHaveLength(0);
  });

  it('a yes counts for a while by setting, for the same request with the same credentials', async () => {
    const { service, edge, clock } = await asking({ remember: '10s' });
    service.on('/check', { status: 200 });
    const ask = (session: string, target = '/x') =>
      as(edge, undefined, target, { Cookie: `session=${session}` });
    for (let i = 0; i < 3; i++) expect((await ask('1')).status).toBe(200);
    expect(service.requests('/check')).toHaveLength(1);
    await ask('2');
    await ask('1', '/y');
    expect(service.requests('/check')).toHaveLength(3);
    clock.advance(10_000);
    service.on('/check', { status: 403 });
    expect((await ask('1')).status).toBe(403);
  });
});

describe('another service that decides by the address', () => {
  it('is asked for each: a yes to one client is none to another', async () => {
    const service = await scriptedOrigin();
    onTestFinished(() => service.close());
    const ask = { url: `${service.url}/check`, remember: '10s' };
    const { origin, edge } = await scene({ trustedProxies: ['127.0.0.1'], access: { auth: { ask } } });
    origin.on('*', { body: 'content' });
    service.on('/check', { status: 200 }, { status: 403 });
    const from = (address: string) => get(edge.url, '/x', { headers: { 'X-Forwarded-For': address } });
    expect((await from('192.0.2.1')).status).toBe(200);
    expect((await from('192.0.2.2')).status).toBe(403);
    expect((await from('192.0.2.1')).status).toBe(200);
    expect(service.requests('/check')).toHaveLength(2);
  });
});

describe('what the origin and the cache see of credentials', () => {
  const auth = { basic: { users: [ALICE, BOB] } };
  const [alice, bob] = [basic('alice', 'wonderland'), basic('bob', 'builder')];

  it('nothing: the response is as shareable as without them', async () => {
    const { origin, edge } = await scene({ access: { auth } });
    origin.on('/x', FRESH);
    await as(edge, alice);
    expect(headersOf(origin, '/x')).not.toHaveProperty('authorization');
    expect(cacheStatus(await as(edge, bob)).hit).toBe(true);
  });

  it('Authorization, by setting: then only what the origin lets be shared is stored', async () => {
    const { origin, edge } = await scene({ access: { auth: { ...auth, forwardAuthorization: true } } });
    origin.on('/x', FRESH);
    origin.on('/public', { headers: { 'Cache-Control': 'public, max-age=60' }, body: 'p' });
    await as(edge, alice);
    expect(headersOf(origin, '/x').authorization).toBe(alice);
    expect(cacheStatus(await as(edge, bob)).hit).toBe(false);
    await as(edge, alice, '/public');
    expect(cacheStatus(await as(edge, bob, '/public')).hit).toBe(true);
  });

  it("the user's name, by setting: then the same, and a client's own field never arrives", async () => {
    const { origin, edge } = await scene({
      access: { auth: { ...auth, userField: 'X-Auth-User' } },
      routes: [{ match: { path: '/open/*' }, access: { auth: { required: false } } }],
    });
    origin.on('*', FRESH);
    await as(edge, alice, '/x', { 'X-Auth-User': 'root' });
    expect(headersOf(origin, '/x')).toMatchObject({ 'x-auth-user': 'alice' });
    expect(headersOf(origin, '/x')).not.toHaveProperty('authorization');
    const second = await as(edge, bob, '/x');
    expect(cacheStatus(second).hit).toBe(false);
    expect(origin.requests('/x')[1]?.headers['x-auth-user']).toBe('bob');
    await as(edge, undefined, '/open/x', {
      'X-Auth-User': 'root',
      X_Auth_User: 'root',
      'x-auth_user': 'root',
    });
    expect(Object.keys(headersOf(origin, '/open/x')).filter((name) => /auth/.test(name))).toEqual([]);
  });

  it('naming the field in Connection does not take it away', async () => {
    const { origin, edge } = await scene({ access: { auth: { ...auth, userField: 'X-Auth-User' } } });
    origin.on('*', FRESH);
    await as(edge, alice, '/x', { Connection: 'X-Auth-User, close', X_Auth_User: 'root' });
    expect(headersOf(origin, '/x')).toMatchObject({ 'x-auth-user': 'alice' });
    expect(headersOf(origin, '/x')).not.toHaveProperty('x_auth_user');
  });

  it('two users who ask at once are not answered with one response', async () => {
    const { origin, edge } = await scene({ access: { auth: { ...auth, userField: 'X-Auth-User' } } });
    origin.on('/x', (request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(request.headers['x-auth-user']);
    });
    const both = await Promise.all([as(edge, alice), as(edge, bob)]);
    expect(both.map(({ body }) => body.toString())).toEqual(['alice', 'bob']);
  });

  it('nor by way of another worker', async () => {
    const { origin, edge } = await scene({
      workers: 2,
      log: { access: false, level: 'error' },
      access: { auth: { ...auth, userField: 'X-Auth-User' } },
    });
    origin.on('/x', (request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(request.headers['x-auth-user']);
    });
    const names = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 'bob' : 'alice'));
    const answers = await Promise.all(names.map((name) => as(edge, name === 'bob' ? bob : alice)));
    expect(answers.map(({ body }) => body.toString())).toEqual(names);
  });

  it('claims of a signed token, with all that a field cannot hold escaped', async () => {
    const file = join(await diskDir(), 'secret');
    await writeFile(file, 's'.repeat(32));
    const claimFields = { 'X-Auth-Email': 'email', 'X-Auth-Groups': 'groups', 'X-Auth-Other': 'other' };
    const { origin, edge } = await scene({
      access: {
        auth: { jwt: { secretFile: file, userClaim: 'name' }, userField: 'X-Auth-User', claimFields },
      },
    });
    const claims = { name: 'Ä\r\nX-Evil: 1', email: 'a@example.org', groups: ['x', 'y'], exp: 4_000_000_000 };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from('s'.repeat(32)));
    await as(edge, `Bearer ${token}`, '/x', { 'X-Auth-Other': 'mine' });
    const headers = headersOf(origin, '/x');
    expect(headers).toMatchObject({
      'x-auth-user': '%C3%84%0D%0AX-Evil: 1',
      'x-auth-email': 'a@example.org',
      'x-auth-groups': 'x,y',
    });
    expect(headers).not.toHaveProperty('x-auth-other');
    expect(headers).not.toHaveProperty('x-evil');
  });

  it('a CORS preflight passes by setting, and nothing else that says OPTIONS', async () => {
    const { origin, edge } = await scene({ access: { auth: { ...auth, allowPreflight: true } } });
    origin.on('*', { status: 204 });
    const options = async (headers: Record<string, string>) =>
      (await get(edge.url, '/x', { method: 'OPTIONS', headers })).status;
    expect(await options({ Origin: 'https://a.example', 'Access-Control-Request-Method': 'GET' })).toBe(204);
    expect(await options({ Origin: 'https://a.example' })).toBe(401);
  });

  it('a route of its own may need other credentials, or none', async () => {
    const { origin, edge } = await scene({
      access: { auth },
      routes: [
        { match: { path: '/open/*' }, access: { auth: { required: false } } },
        { match: { path: '/ci/*' }, access: { auth: { bearer: { tokens: [CI] } } } },
      ],
    });
    origin.on('*', FRESH);
    const status = async (target: string, authorization?: string) =>
      (await as(edge, authorization, target)).status;
    expect([
      await status('/open/x'),
      await status('/x'),
      await status('/ci/x', alice),
      await status('/ci/x', `Bearer ${TOKEN}`),
    ]).toEqual([200, 401, 401, 200]);
    expect(await status('/open/..%2fx')).toBe(400);
  });
});
