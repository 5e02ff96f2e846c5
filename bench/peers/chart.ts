// The results as an SVG: for each row a group of bars, CPU per request relative to holdfast's. Pure.

import { type Results, type RowResult, ratio } from './results.ts';

const COLOURS = ['#1b6ca8', '#7f7f7f', '#2ca02c', '#d62728', '#e0912b', '#8c564b', '#17becf'];
const BAR = 11;
const GAP = 12;
const LABEL = 190;
const WIDTH = 900;
const LEGEND = 100;
/** Longer bars are cut. */
const MOST = 4;
const TOP = 56;

export function chart(results: Results): string {
  const rows = results.rows.filter(({ figures }) => figures.holdfast?.cpuMicros !== undefined);
  const names = results.subjects.map(({ name }) => name);
  const scale = (WIDTH - LABEL - 60) / MOST;
  let y = TOP;
  const parts: string[] = [];
  for (const row of rows) {
    const shown = names.filter((name) => ratio(row, name) !== undefined);
    parts.push(text(LABEL - 8, y + (shown.length * BAR) / 2 + 4, row.name, 'end'));
    for (const name of shown) {
      parts.push(...bar(row, name, colour(names, name), y, scale));
      y += BAR;
    }
    y += GAP;
  }
  const legend = names.map((name, i) => {
    const x = LABEL + i * LEGEND;
    return `<rect x="${x}" y="28" width="10" height="10" fill="${colour(names, name)}"/>${text(x + 14, 37, name)}`;
  });
  const line = LABEL + scale;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    text(LABEL, 18, 'CPU per request, holdfast = 1 (shorter is better); figures in µs'),
    ...legend,
    `<line x1="${line}" y1="${TOP - 6}" x2="${line}" y2="${y - GAP + 4}" stroke="#1b6ca8" stroke-dasharray="3 3"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function bar(row: RowResult, name: string, fill: string, y: number, scale: number): readonly string[] {
  const times = Math.min(MOST, ratio(row, name) ?? 0);
  const micros = row.figures[name]?.cpuMicros ?? 0;
  const width = (times * scale).toFixed(1);
  return [
    `<rect x="${LABEL}" y="${y}" width="${width}" height="${BAR - 1}" fill="${fill}"/>`,
    `<text x="${LABEL + times * scale + 4}" y="${y + 9}" font-size="9">${micros.toFixed(1)}</text>`,
  ];
}

function colour(names: readonly string[], name: string): string {
  return COLOURS[names.indexOf(name) % COLOURS.length] ?? '#000';
}

function text(x: number, y: number, words: string, anchor = 'start'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
}
