// The command line from outside: exit codes, what it says and where. What `run` does once the settings are right is told elsewhere.

import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { holdfast, node } from '../support/command.ts';
import { type RawOrigin, type RawRequest, rawOrigin } from '../support/origin.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('holdfast', () => {
  it('says what it can do with --help', async () => {
    const { code, stdout, stderr } = await holdfast(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of ['run', 'validate', 'purge', 'inspect', 'warm'])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  it('lists the flags of run with their defaults', async () => {
    const { code, stdout } = await holdfast(['run', '--help']);
    expect(code).toBe(0);
    const flags = [
      'config',
      'listen',
      'origin',
      'memory',
      'disk',
      'disk-size',
      'admin',
      'workers',
      'log-level',
      'access-log',
    ];
    for (const flag of flags) expect(stdout).toContain(`--${flag} <`);
  });

  it('says its version', async () => {
    expect(await holdfast(['--version'])).toEqual({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
  });

  it('is started by its launcher too', async () => {
    expect(await node(['src/holdfast.js', '--version'], { HOME: folder })).toEqual({
      code: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
  });

  describe('keeps compiled code', () => {
    /** What is kept after a run with this environment. */
    async function kept(env: (base: string) => Record<string, string>, mode = 0o700): Promise<string[]> {
      const base = mkdtempSync(join(folder, 'kept-'));
      chmodSync(base, mode);
      const { code, stderr } = await node(['src/holdfast.js', '--version'], { HOME: base, ...env(base) });
      expect([code, stderr]).toEqual([0, '']);
      return readdirSync(base, { recursive: true }).map((name) => {
        const isOpen = (statSync(join(base, String(name))).mode & 0o022) !== 0;
        return `${name}${isOpen ? ' that others can write' : ''}`;
      });
    }

    it("in the user's cache folder, where nobody else can write", async () => {
      const files = await kept(() => ({}));
      expect(
        files.filter((name) => /^\.cache\/holdfast\/code\/[^/]+\/[^/]+$/.test(name)).length,
      ).toBeGreaterThan(4);
    });

    it('where XDG_CACHE_HOME or systemd says', async () => {
      expect(await kept((base) => ({ XDG_CACHE_HOME: base }))).toContain('holdfast/code');
      expect(await kept((base) => ({ CACHE_DIRECTORY: `${base}:/elsewhere` }))).toContain('code');
    });

    it('but not below a folder that others can write', async () => {
      const files = await kept((base) => ({ XDG_CACHE_HOME: base }), 0o777);
      expect(files.filter((name) => name.startsWith('holdfast/code/'))).toEqual([]);
    });

    it('and runs without where there is no such folder, or none is wanted', async () => {
      expect(await kept(() => ({ XDG_CACHE_HOME: '/dev/null' }))).toEqual([]);
      expect(await kept(() => ({ NODE_DISABLE_COMPILE_CACHE: '1' }))).toEqual([]);
    });
  });

  it.each([[['--nonsense']], [['nonsense', 'x']], [['validate']], [['inspect']]])(
    'ends with 1 for %j',
    async (args) => {
      const { code, stdout, stderr } = await holdfast(args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('error:');
    },
  );
});

describe('holdfast run', () => {
  it('names every fault of flags and file in one message and does not start', async () => {
    const config = file('faulty.json', '{"memory": "lots", "orgin": "http://a", "disk": {"size": "1"}}');
    const { code, stdout, stderr } = await holdfast([
      'run',
      '--config',
      config,
      '--workers',
      '0',
      '--access-log',
      'maybe',
    ]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')[0]).toBe(`holdfast: 6 faults in the settings (${config} and flags)`);
    expect(stderr).toContain('memory: "lots"; allowed: a size such as "256MB" or plain bytes, 8MB to 1TB');
    expect(stderr).toContain('orgin: "http://a"; allowed: nothing of that name');
    expect(stderr).toContain('disk.size: "1"; allowed: a size');
    expect(stderr).toContain('--workers: 0; allowed: "auto", or a whole number from 1 to 64');
    expect(stderr).toContain('--access-log: "maybe"; allowed: "on" or "off"');
    expect(stderr).toContain('origin: not given; allowed: "demo", a URL');
  });

  it('is what is run without a command', async () => {
    const { code, stderr } = await holdfast(['--memory', 'lots']);
    expect(code).toBe(1);
    expect(stderr).toContain('--memory: "lots"');
    expect(stderr).toContain('origin: not given');
  });
});

describe('holdfast validate', () => {
  it('accepts the config.json of npm start', async () => {
    expect(await holdfast(['validate', '--config', 'config.json'])).toEqual({
      code: 0,
      stdout: 'config.json: no faults\n',
      stderr: '',
    });
  });

  it.each([
    [
      'a file that is not there',
      'none.json',
      undefined,
      'none.json: no such file; allowed: a readable JSON file',
    ],
    ['a directory', '.', undefined, 'a directory; allowed: a readable JSON file'],
    ['what is not JSON', 'broken.json', '{\n "a": 1,\n}', 'broken.json: line 3, column 1: expected a name'],
    [
      'an unknown key',
      'unknown.json',
      '{"origin": "demo", "cash": {}}',
      'cash: {}; allowed: nothing of that name',
    ],
    [
      'scripts in a directory that is not there',
      'scripts.json',
      '{"origin": "fastcgi:///run/php.sock", "fastcgi": {"root": "/none"}}',
      'fastcgi.root: "/none": no directory on this host',
    ],
  ])('refuses %s', async (_what, name, content, message) => {
    const path = content === undefined ? join(folder, name) : file(name, content);
    const { code, stdout, stderr } = await holdfast(['validate', '--config', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('holdfast: 1 fault in the settings');
    expect(stderr).toContain(message);
  });
});

describe('holdfast purge', () => {
  const edges: RawOrigin[] = [];
  afterEach(async () => {
    for (const edge of edges.splice(0)) await edge.close();
  });

  /** Answers everything with one response; `requests` is what it was asked. */
  async function edge(
    status: string,
    body: string,
  ): Promise<{ url: string; port: string; requests: RawRequest[] }> {
    const requests: RawRequest[] = [];
    const origin = await rawOrigin((request, socket) => {
      requests.push(request);
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    });
    edges.push(origin);
    return { url: origin.url, port: new URL(origin.url).port, requests };
  }

  const receipt = (responses: number) =>
    JSON.stringify({
      id: 'purge-7',
      sequence: 7,
      at: '2026-11-23T12:00:00.000Z',
      by: '127.0.0.1',
      selector: { kind: 'url', url: '//a/style.css' },
      mode: 'delete',
      matched: { memory: { responses, bytes: responses * 100 }, disk: { responses: 0, bytes: 0 } },
      fenced: 1,
      workers: 1,
      durable: true,
    });

  it('sends PURGE for the URL and shows the receipt', async () => {
    const { url, port, requests } = await edge('200 OK', receipt(2));
    const { code, stdout, stderr } = await holdfast(['purge', `${url}/style.css?v=1`]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`purged ${url}/style.css?v=1`);
    expect(stdout).toContain('memory 2 (200 bytes), disk 0 (0 bytes)');
    expect(stdout).toContain('fetches in flight fenced: 1');
    expect(requests.map(({ startLine }) => startLine)).toEqual(['PURGE /style.css?v=1 HTTP/1.1']);
    expect(requests[0]?.headers.host).toBe(`127.0.0.1:${port}`);
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  it('counts nothing stored as done', async () => {
    const { url } = await edge('404 Not Found', receipt(0));
    const { code, stdout } = await holdfast(['purge', `${url}/a`]);
    expect(code).toBe(0);
    expect(stdout).toContain(`nothing stored for ${url}/a`);
  });

  it('reaches an edge under another address, with a token, for the Host of the URL', async () => {
    const { port, requests } = await edge('200 OK', receipt(1));
    const token = 'abcdefghijklmnop';
    const { code } = await holdfast(['purge', 'http://www.example.org/a', '--edge', `127.0.0.1:${port}`], {
      HOLDFAST_TOKEN: token,
    });
    expect(code).toBe(0);
    expect(requests[0]?.headers).toMatchObject({ host: 'www.example.org', authorization: `Bearer ${token}` });
  });

  it("takes address and token from the edge's settings", async () => {
    const { port, requests } = await edge('200 OK', receipt(1));
    const settings = { origin: 'demo', listen: `:${port}`, purge: { token: 'ponmlkjihgfedcba' } };
    const config = file('edge.json', JSON.stringify(settings));
    expect((await holdfast(['purge', 'http://www.example.org/a', '--config', config])).code).toBe(0);
    expect(requests[0]?.headers.authorization).toBe('Bearer ponmlkjihgfedcba');
  });

  it.each([
    ['401 Unauthorized', 'wants a token'],
    ['403 Forbidden', 'neither this address nor the token may purge'],
    ['405 Method Not Allowed', 'purging is switched off there'],
    ['404 Not Found', 'answered 404 without a receipt; is it a holdfast?'],
    ['200 OK', 'answered 200 without a receipt; is it a holdfast?'],
    ['502 Bad Gateway', 'answered 502 without a receipt'],
  ])('ends with 1 for %s from something without a receipt', async (status, message) => {
    const { url } = await edge(status, 'a page');
    const { code, stdout, stderr } = await holdfast(['purge', `${url}/a`]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
  });

  it('ends with 1 where nothing listens', async () => {
    const { url } = await edge('200 OK', '');
    for (const one of edges.splice(0)) await one.close();
    const { code, stderr } = await holdfast(['purge', `${url}/a`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^holdfast: no answer from 127\.0\.0\.1:\d+: /);
  });

  it('ends with 1 for what is no URL and no address', async () => {
    const { code, stderr } = await holdfast(['purge', 'style.css', '--edge', 'here']);
    expect(code).toBe(1);
    expect(stderr).toContain('URL: "style.css"; allowed: an http or https URL');
    expect(stderr).toContain('--edge: "here"; allowed: host:port');
  });
});
