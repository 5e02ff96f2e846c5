// Every JSON example in the operators' pages that shows settings, and every settings file here, is what the program takes.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../src/config/faults.ts';
import { schema } from '../../src/config/schema.ts';

const docs = new URL('../../docs/', import.meta.url);
const pages = [
  ...readdirSync(docs)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ name, text: readFileSync(new URL(name, docs), 'utf8') })),
  { name: 'README.md', text: readFileSync(new URL('../README.md', docs), 'utf8') },
];

const files = ['packaging/docker/config.json', 'config.json'].map((at) => ({
  at,
  json: readFileSync(new URL(`../${at}`, docs), 'utf8'),
}));

const blocks = pages.flatMap(({ name, text }) =>
  [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = ''], i) => ({
    at: `${name} #${i + 1}`,
    json,
  })),
);

const known = new Set(Object.keys(schema.shape));

/** Of a block, which may be a part of `access`; receipts are the only others. */
function settings(json: string): object | undefined {
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null || 'id' in value) return undefined;
  if (!Object.keys(value).some((name) => known.has(name))) return { origin: 'demo', access: value };
  return 'origin' in value ? value : { origin: 'demo', ...value };
}

describe('the examples in the pages', () => {
  it('are there', () => {
    expect(blocks.filter(({ json }) => settings(json) !== undefined).length).toBeGreaterThan(5);
  });

  // Files that they name are not read.
  it.each([...blocks, ...files])('$at has no fault', ({ json }) => {
    const set = settings(json);
    if (set === undefined) return;
    expect(faultsOf(schema.safeParse(set).error?.issues ?? [], set)).toEqual([]);
  });
});

it('every page of docs/ is named in the README, and every file that a page links to is there', () => {
  const readme = pages.find(({ name }) => name === 'README.md')?.text ?? '';
  for (const { name } of pages) if (name !== 'README.md') expect(readme).toContain(`(docs/${name})`);
  for (const { name, text } of pages) {
    const from = name === 'README.md' ? new URL('../', docs) : docs;
    for (const [, to = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      expect(existsSync(new URL(to, from)), `${name} → ${to}`).toBe(true);
  }
});
