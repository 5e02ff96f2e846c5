import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchema, settingsPage } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config.ts';

const root = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');

describe('what is made from the schema is current (else: npm run schema)', () => {
  it('config.schema.json', () => {
    expect(JSON.parse(read('config.schema.json'))).toEqual(jsonSchema());
  });

  it('docs/settings.md', () => {
    expect(read('docs/settings.md')).toBe(settingsPage());
  });
});

describe('every setting', () => {
  const rows = settingsPage()
    .split('\n')
    .filter((line) => /^\| `[^`]+` \| .* \| .* \| .* \|$/.test(line));

  it('has a row with what is allowed and a sentence', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const [, name, allowed, preset, sentence] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      expect([name, allowed, preset].every((cell) => cell !== '')).toBe(true);
      expect(sentence).toMatch(/^[A-Z].*[.}]$/);
    }
  });

  it('takes its own default', () => {
    const found: unknown[] = [];
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('default' in node && 'pattern' in node) found.push([node.default, node.pattern]);
      if ('anyOf' in node && 'default' in node && Array.isArray(node.anyOf)) {
        found.push([node.default, node.anyOf.find((one) => typeof one.pattern === 'string')?.pattern]);
      }
      Object.values(node).forEach(visit);
    };
    visit(jsonSchema());
    const patterned = found.filter(
      (pair): pair is [string, string] => Array.isArray(pair) && typeof pair[1] === 'string',
    );
    expect(patterned.length).toBeGreaterThan(10);
    for (const [preset, pattern] of patterned) expect(preset).toMatch(new RegExp(pattern));
  });
});

it('config.json puts the edge before the demonstration origin', () => {
  expect(JSON.parse(read('config.json'))).toMatchObject({ $schema: './config.schema.json' });
  expect(loadConfig(new URL('config.json', root).pathname, []).origin).toEqual({ kind: 'demo' });
});
