// Puts the results of a whole run where people find them: the section of bench/README.md between its marks, the chart and
// the figures beside it.

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { resolve } from 'node:path';
import { chart } from './chart.ts';
import { type Results, table } from './results.ts';

const README = resolve(import.meta.dirname, '../README.md');
const BEGIN = '<!-- peers: begin -->';
const END = '<!-- peers: end -->';

export function publish(results: Results): void {
  writeFileSync(resolve(import.meta.dirname, 'figures.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(resolve(import.meta.dirname, 'chart.svg'), chart(results));
  const readme = readFileSync(README, 'utf8');
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${README} has lost the marks ${BEGIN} … ${END}`);
  writeFileSync(README, `${before}${BEGIN}\n${section(results)}\n${END}${after}`);
}

function section(results: Results): string {
  const versions = results.subjects.map(({ name, version }) => `${name} ${version}`).join(', ');
  const machine = `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Linux ${release()}`;
  const load = `load average at the start ${results.load.toFixed(2)}`;
  return `
${results.at.slice(0, 10)} · ${machine}, ${load} · medians of ${results.rounds} interleaved rounds of ${results.seconds} s · ${versions}

![CPU per request, relative to holdfast](peers/chart.svg)

${table(results)}
`;
}
