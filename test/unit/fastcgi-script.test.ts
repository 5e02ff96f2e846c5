import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findScript, resolvedPath, type ScriptRules } from '../../src/origin/fastcgi/script.ts';

const RULES: ScriptRules = { root: '/srv', index: 'index.php', extensions: ['.php'], fallback: undefined };
const WITH_FALLBACK = { ...RULES, fallback: '/index.php' };

const FILES = new Set(
  [
    '/index.php',
    '/a.php',
    '/dir/index.php',
    '/upload.jpg',
    '/v1.2/api.php',
    '/a b.php',
    '/x.phpx',
    '/caf\xc3\xa9.php',
  ].map((name) => `/srv${name}`),
);
const isFile = async (name: string): Promise<boolean> => FILES.has(name);

/** The script's name and the path behind it, or why there is none. */
async function found(path: string, rules = RULES, test: typeof isFile | undefined = isFile): Promise<string> {
  const result = await findScript(path, rules, test);
  return result.kind === 'script' ? `${result.script.name} ${result.script.pathInfo}`.trim() : result.kind;
}

describe('the path of a script', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['//a///b//', '/a/b/'],
    ['/a/./b/../c', '/a/c'],
    ['/a/b/..', '/a/'],
    ['/%61%2Fb', '/a/b'],
    ['/%252e%252e/x', '/%2e%2e/x'],
    ['/..', undefined],
    ['/a/../../b', undefined],
    ['/%2e%2e/%2e%2e/etc/passwd', undefined],
    ['/..%2f..%2fetc', undefined],
    ['/a%00.php', undefined],
    ['/a%0a.php', undefined],
    ['/a%5c..%5cb', undefined],
    ['/%zz', undefined],
    ['/%4', undefined],
    ['a', undefined],
    ['*', undefined],
  ])('%s is %s', (path, expected) => {
    expect(resolvedPath(path)).toBe(expected);
  });

  it('never leaves the root, however it is spelt', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '',
      '%2e%2e',
      '%2E.',
      '%2f',
      '/',
      'a',
      'a.php',
      '%00',
      '\\',
      '%5c',
      '%',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const path = resolvedPath(`/${pieces.join('/')}`);
        if (path === undefined) return;
        expect(path.split('/')).not.toContain('..');
        expect(path).toMatch(/^\/(?!\/)[^\0\\]*$/);
        expect(path).not.toContain('//');
      }),
    );
  });
});

describe('the script', () => {
  it.each([
    ['/a.php', '/a.php'],
    ['/a.php/more/b.php', '/a.php /more/b.php'],
    ['/', '/index.php'],
    ['/dir/', '/dir/index.php'],
    ['/dir', 'no-script'],
    ['/v1.2/api.php', '/v1.2/api.php'],
    ['/a%20b.php', '/a b.php'],
    ['/caf%C3%A9.php', '/caf\xc3\xa9.php'],
    ['/A.PHP', 'no-script'],
    ['/a.PHP', 'no-script'],
    ['/x.phpx', 'no-script'],
    ['/.php', 'no-script'],
    ['/nothing.php', 'no-script'],
    ['/upload.jpg', 'no-script'],
    ['/upload.jpg/x.php', 'no-script'],
    ['/upload.jpg%00.php', 'bad-path'],
    ['/upload.jpg/.php', 'no-script'],
    ['/../a.php', 'bad-path'],
  ])('of %s is %s', async (path, expected) => {
    expect(await found(path)).toBe(expected);
  });

  it.each([
    ['/a.php', '/a.php'],
    ['/pretty/link', '/index.php'],
    ['/pretty/link/', '/index.php'],
    ['/dir/', '/dir/index.php'],
    ['/upload.jpg', '/index.php'],
    ['/nothing.php', 'no-script'],
    ['/upload.jpg/x.php', 'no-script'],
  ])('of %s is %s where there is a fallback', async (path, expected) => {
    expect(await found(path, WITH_FALLBACK)).toBe(expected);
  });

  it.each([
    ['/any.php', '/any.php'],
    ['/any.php/x.jpg', '/any.php /x.jpg'],
    ['/dir/', '/dir/index.php'],
    ['/upload.jpg/x.php', 'no-script'],
    ['/v1.2/api.php', 'no-script'],
    ['/.hidden/x.php', 'no-script'],
  ])('of %s is %s where the files cannot be looked at', async (path, expected) => {
    const result = await findScript(path, RULES, undefined);
    expect(
      result.kind === 'script' ? `${result.script.name} ${result.script.pathInfo}`.trim() : result.kind,
    ).toBe(expected);
  });

  it('of a directory is the fallback where the files cannot be looked at', async () => {
    expect(await findScript('/dir/', WITH_FALLBACK, undefined)).toMatchObject({
      script: { name: '/index.php' },
    });
  });

  it('has its file below the root', async () => {
    expect(await findScript('/a.php/b', RULES, isFile)).toEqual({
      kind: 'script',
      script: { name: '/a.php', filename: '/srv/a.php', pathInfo: '/b', path: '/a.php/b' },
    });
  });
});
