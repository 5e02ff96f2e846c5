import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { conformancePage, PAGE } from './document.ts';
import { tables } from './tables.ts';

const rows = tables.flatMap((table) => table.rows);

describe('the tables', () => {
  it('give every row an id of its own, fit for a URL', () => {
    const ids = rows.map((row) => row.id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(ids.filter((id) => !/^[a-z0-9][a-z0-9.-]*$/.test(id))).toEqual([]);
  });

  it('name a clause or a setting in every row', () => {
    const clause = /^(?:RFC \d{4} §\d+(?:\.\d+)*|No-Vary-Search|setting [a-zA-Z.]+)$/;
    expect(rows.filter((row) => !clause.test(row.clause)).map((row) => row.id)).toEqual([]);
  });

  it('expect something of every step', () => {
    const idle = rows.filter((row) =>
      row.steps.some((step) => typeof step.expect === 'object' && Object.keys(step.expect).length === 0),
    );
    expect(idle.map((row) => row.id)).toEqual([]);
  });

  it('cover both kinds', () => {
    expect(rows.filter((row) => row.kind === 'required').length).toBeGreaterThan(700);
    expect(rows.filter((row) => row.kind === 'optimal').length).toBeGreaterThan(500);
  });
});

it('docs/conformance.md is current (else: node test/conformance/document.ts)', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(conformancePage());
});
