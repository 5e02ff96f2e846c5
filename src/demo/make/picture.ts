// Makes site/picture.png, kelp that holds fast in a current: drawn by arithmetic, so the picture is ours.
// Run by hand after a change: `node src/demo/make/picture.ts`.

import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const WIDTH = 640;
const HEIGHT = 320;

type Colour = readonly [number, number, number];

const mix = (a: Colour, b: Colour, part: number): Colour => {
  const at = (i: 0 | 1 | 2): number => a[i] + (b[i] - a[i]) * Math.min(1, Math.max(0, part));
  return [at(0), at(1), at(2)];
};

const STEMS = Array.from({ length: 11 }, (_, index) => ({
  root: 30 + index * 58 + ((index * 37) % 23),
  height: 130 + ((index * 71) % 120),
  sway: 14 + ((index * 29) % 16),
  phase: index * 1.7,
}));

function colourAt(x: number, y: number): Colour {
  const depth = y / HEIGHT;
  let colour = mix([111, 205, 208], [9, 50, 82], depth ** 0.8);
  const ray = Math.sin((x + y * 0.7) / 46) * Math.sin((x - y * 0.2) / 71);
  colour = mix(colour, [214, 243, 226], Math.max(0, ray) * 0.4 * (1 - depth));
  for (const { root, height, sway, phase } of STEMS) {
    const up = HEIGHT - 22 - y;
    if (up < 0 || up > height) continue;
    const rise = up / height;
    const stem = root + sway * rise * Math.sin(phase + up / 34) + 26 * rise ** 2;
    const leaf = 2 + 9 * Math.abs(Math.sin(up / 15)) * (1 - rise * 0.6);
    const side = Math.abs(x - stem);
    if (side < leaf) colour = mix([70, 108, 38], [176, 158, 52], rise * 0.7 + (1 - side / leaf) * 0.3);
  }
  const bed = HEIGHT - 24 + 7 * Math.sin(x / 41) + 3 * Math.sin(x / 13);
  if (y > bed) colour = mix([78, 66, 58], [38, 34, 40], (y - bed) / 24);
  return colour;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const edges = Buffer.alloc(8);
  edges.writeUInt32BE(data.length, 0);
  edges.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([edges.subarray(0, 4), body, edges.subarray(4)]);
}

const header = Buffer.alloc(13);
header.writeUInt32BE(WIDTH, 0);
header.writeUInt32BE(HEIGHT, 4);
header.set([8, 2, 0, 0, 0], 8);

const rows = Buffer.alloc((1 + WIDTH * 3) * HEIGHT);
for (let y = 0; y < HEIGHT; y += 1) {
  for (let x = 0; x < WIDTH; x += 1)
    rows.set(colourAt(x, y).map(Math.round), y * (1 + WIDTH * 3) + 1 + x * 3);
}

const png = Buffer.concat([
  Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
  chunk('IHDR', header),
  chunk('IDAT', deflateSync(rows, { level: 9 })),
  chunk('IEND', Buffer.alloc(0)),
]);
writeFileSync(new URL('../site/picture.png', import.meta.url), png);
