// Tables and numbers for people at a terminal. Pure.

type Cell = string | number;

/** Columns as wide as they must be; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = head.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[], isNumber: (i: number) => boolean): string =>
    cells
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  return [
    line(head, (i) => numeric[i] ?? false),
    ...texts.map((row, at) => line(row, (i) => typeof rows[at]?.[i] === 'number')),
  ].join('\n');
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** 1536 → "1.5 KB" */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

const SPANS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
];

/** 3700 → "1.0h"; below two minutes in seconds. */
export function secondsText(seconds: number): string {
  const size = Math.abs(seconds);
  for (const [span, unit] of SPANS) if (size >= 2 * span) return `${(seconds / span).toFixed(1)}${unit}`;
  return `${seconds}s`;
}
