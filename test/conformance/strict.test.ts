import { type Row, STRICT } from './row.ts';
import { conformance } from './runner.ts';
import { tables } from './tables.ts';

/** What holds by default holds under `cache.strict` too, but for the deviations. */
const strict = (rows: readonly Row[]): readonly Row[] =>
  rows
    .filter((row) => row.settings === undefined && row.deviation === undefined)
    .map((row) => ({ ...row, settings: STRICT }));

conformance(
  ...tables
    .map(({ topic, rows }) => ({ topic: `${topic}, strict`, rows: strict(rows) }))
    .filter(({ rows }) => rows.length > 0),
);
