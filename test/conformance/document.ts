// Writes docs/conformance.md from the tables: `node test/conformance/document.ts`. A test checks that it is current.

import { writeFileSync } from 'node:fs';
import type { Row, Table } from './row.ts';
import { tables } from './tables.ts';

export const PAGE = new URL('../../docs/conformance.md', import.meta.url);

/** The whole page. */
export function conformancePage(): string {
  const rows = tables.flatMap((table) => table.rows);
  const parts = [
    '# Conformance',
    '',
    '<!-- Made by `node test/conformance/document.ts` from test/conformance/tables/. Do not edit. -->',
    '',
    `${rows.length} behaviours, each a script of requests, origin answers and expectations that \`npm test\` plays against the whole`,
    'edge over real sockets, by default and (but for the deviations) under `cache.strict`. All of them pass.',
    '',
    `- required: ${count(rows, 'required')}. A MUST of the clause, or a reuse that no clause allows.`,
    `- optimal: ${count(rows, 'optimal')}. What the clause allows and a good shared cache does.`,
    '',
    '## Deviations',
    '',
    'What the edge does by default otherwise than the clause would have it at best. Where it touches a MUST, `cache.strict` restores it.',
    '',
    '| id | clause | behaviour | why |',
    '| --- | --- | --- | --- |',
    ...rows.flatMap((row) =>
      row.deviation === undefined ? [] : [line([`\`${row.id}\``, row.clause, row.title, row.deviation])],
    ),
    '',
    ...tables.flatMap(section),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

function section({ topic, rows }: Table): readonly string[] {
  return [
    `## ${topic}`,
    '',
    '| id | clause | kind | behaviour |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) =>
      line([
        `\`${row.id}\``,
        row.clause,
        row.deviation === undefined ? row.kind : `${row.kind}, deviates`,
        row.title,
      ]),
    ),
    '',
  ];
}

function count(rows: readonly Row[], kind: Row['kind']): number {
  return rows.filter((row) => row.kind === kind).length;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;')).join(' | ')} |`;
}

if (import.meta.main) writeFileSync(PAGE, conformancePage());
