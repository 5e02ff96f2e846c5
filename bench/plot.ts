// The runs of the hit ratio bench as an SVG of two panels, hit ratio over cache size, one line a policy.

import { meanOf, namesOf, type Run, sharesOf } from './hit-ratio-report.ts';

const WIDTH = 860;
const HEIGHT = 380;
const PANEL = { width: 330, height: 280, top: 40 };
/** Readable for the colour-blind (Okabe and Ito); the dash tells lines apart in print. */
const COLOURS = ['#555555', '#E69F00', '#56B4E9', '#009E73', '#D55E00', '#000000'];
const DASHES = ['', '6 3', '2 3', '8 3 2 3', '', '4 4'];

export function plot(runs: readonly Run[]): string {
  const panels = [
    panel(runs, 'objectRatio', 'object hit ratio, %', 50),
    panel(runs, 'byteRatio', 'byte hit ratio, %', 50 + PANEL.width + 60),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...panels,
    legend(namesOf(runs)),
    '</svg>',
    '',
  ].join('\n');
}

function panel(runs: readonly Run[], of: 'objectRatio' | 'byteRatio', title: string, left: number): string {
  const shares = sharesOf(runs);
  const x = (share: number): number =>
    left + 20 + (shares.indexOf(share) * (PANEL.width - 40)) / Math.max(1, shares.length - 1);
  const y = (percent: number): number => PANEL.top + PANEL.height * (1 - percent / 100);
  const grid = [0, 20, 40, 60, 80, 100].map(
    (percent) =>
      `<line x1="${left}" x2="${left + PANEL.width}" y1="${y(percent)}" y2="${y(percent)}" stroke="#dddddd"/>` +
      `<text x="${left - 6}" y="${y(percent) + 4}" text-anchor="end">${percent}</text>`,
  );
  const ticks = shares.map(
    (share) => `<text x="${x(share)}" y="${y(0) + 18}" text-anchor="middle">${share * 100} %</text>`,
  );
  const lines = namesOf(runs).map((name, i) => {
    const points = shares.map(
      (share) => `${x(share).toFixed(1)},${y(meanOf(runs, share, name, of)).toFixed(1)}`,
    );
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="${name === 'GDSF' ? 3 : 1.5}" stroke-dasharray="${DASHES[i % DASHES.length]}"/>`;
  });
  const texts = [
    `<text x="${left}" y="${PANEL.top - 14}" font-weight="bold">${title}</text>`,
    `<text x="${left + PANEL.width / 2}" y="${y(0) + 34}" text-anchor="middle">cache size, share of the footprint</text>`,
  ];
  return [...grid, ...ticks, ...lines, ...texts].join('\n');
}

function legend(names: readonly string[]): string {
  const step = (WIDTH - 100) / names.length;
  return names
    .map((name, i) => {
      const x = 50 + i * step;
      return (
        `<line x1="${x}" x2="${x + 28}" y1="${HEIGHT - 10}" y2="${HEIGHT - 10}" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="${name === 'GDSF' ? 3 : 1.5}" stroke-dasharray="${DASHES[i % DASHES.length]}"/>` +
        `<text x="${x + 34}" y="${HEIGHT - 6}">${name}</text>`
      );
    })
    .join('\n');
}
