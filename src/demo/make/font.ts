// Makes site/holdfast.woff2, the pixel face of the demonstration site: every glyph is drawn below, so the font is ours.
// Run by hand after a change: `node src/demo/make/font.ts`. A WOFF2 file with untransformed tables (W3C WOFF2 §5).

import { writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

/** Seven rows of five pixels each, top first. Lower case shares the glyphs of upper case. */
const DRAWN: Readonly<Record<string, string>> = {
  ' ': '..... ..... ..... ..... ..... ..... .....',
  '-': '..... ..... ..... ##### ..... ..... .....',
  '.': '..... ..... ..... ..... ..... .##.. .##..',
  '/': '....# ...#. ...#. ..#.. .#... .#... #....',
  ':': '..... .##.. .##.. ..... .##.. .##.. .....',
  '0': '.###. #...# #..## #.#.# ##..# #...# .###.',
  '1': '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '2': '.###. #...# ....# ...#. ..#.. .#... #####',
  '3': '##### ...#. ..#.. ...#. ....# #...# .###.',
  '4': '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '5': '##### #.... ####. ....# ....# #...# .###.',
  '6': '..##. .#... #.... ####. #...# #...# .###.',
  '7': '##### ....# ...#. ..#.. .#... .#... .#...',
  '8': '.###. #...# #...# .###. #...# #...# .###.',
  '9': '.###. #...# #...# .#### ....# ...#. .##..',
  A: '.###. #...# #...# ##### #...# #...# #...#',
  B: '####. #...# #...# ####. #...# #...# ####.',
  C: '.###. #...# #.... #.... #.... #...# .###.',
  D: '####. #...# #...# #...# #...# #...# ####.',
  E: '##### #.... #.... ####. #.... #.... #####',
  F: '##### #.... #.... ####. #.... #.... #....',
  G: '.###. #...# #.... #.### #...# #...# .####',
  H: '#...# #...# #...# ##### #...# #...# #...#',
  I: '.###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.',
  J: '..### ...#. ...#. ...#. ...#. #..#. .##..',
  K: '#...# #..#. #.#.. ##... #.#.. #..#. #...#',
  L: '#.... #.... #.... #.... #.... #.... #####',
  M: '#...# ##.## #.#.# #.#.# #...# #...# #...#',
  N: '#...# ##..# #.#.# #..## #...# #...# #...#',
  O: '.###. #...# #...# #...# #...# #...# .###.',
  P: '####. #...# #...# ####. #.... #.... #....',
  Q: '.###. #...# #...# #...# #.#.# #..#. .##.#',
  R: '####. #...# #...# ####. #.#.. #..#. #...#',
  S: '.#### #.... #.... .###. ....# ....# ####.',
  T: '##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..',
  U: '#...# #...# #...# #...# #...# #...# .###.',
  V: '#...# #...# #...# #...# #...# .#.#. ..#..',
  W: '#...# #...# #...# #.#.# #.#.# ##.## #...#',
  X: '#...# #...# .#.#. ..#.. .#.#. #...# #...#',
  Y: '#...# #...# .#.#. ..#.. ..#.. ..#.. ..#..',
  Z: '##### ....# ...#. ..#.. .#... #.... #####',
};

const PIXEL = 100;
const UNITS_PER_EM = 1000;
const ADVANCE = 6 * PIXEL;
const ASCENT = 8 * PIXEL;
const DESCENT = 2 * PIXEL;
const MISSING = '##### #...# #...# #...# #...# #...# #####';

interface Glyph {
  readonly data: Buffer;
  readonly points: number;
  readonly contours: number;
}

const u16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, index * 2);
  return bytes;
};
const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
};
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

/** Every run of pixels in a row is a rectangle, clockwise. */
function glyph(drawing: string): Glyph {
  const boxes = drawing.split(' ').flatMap((row, line) =>
    [...row.matchAll(/#+/g)].map(({ index, 0: run }) => {
      const bottom = (6 - line) * PIXEL;
      return { left: index * PIXEL, right: (index + run.length) * PIXEL, bottom, top: bottom + PIXEL };
    }),
  );
  if (boxes.length === 0) return { data: Buffer.alloc(0), points: 0, contours: 0 };
  const corners = boxes.flatMap(({ left, right, top, bottom }) => [
    [left, bottom],
    [left, top],
    [right, top],
    [right, bottom],
  ]);
  const xs = corners.map(([x = 0]) => x);
  const ys = corners.map(([, y = 0]) => y);
  const steps = (values: readonly number[]): number[] =>
    values.map((value, index) => value - (values[index - 1] ?? 0));
  const data = Buffer.concat([
    u16(boxes.length, Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)),
    u16(...boxes.map((_, index) => index * 4 + 3), 0),
    Buffer.alloc(corners.length, 1),
    u16(...steps(xs)),
    u16(...steps(ys)),
  ]);
  return { data: padded(data), points: corners.length, contours: boxes.length };
}

/** cmap format 4: runs of code points with consecutive glyphs. */
function cmap(codes: ReadonlyMap<number, number>): Buffer {
  const runs: { start: number; end: number; delta: number }[] = [];
  for (const [code, id] of [...codes].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last.end + 1 === code && last.delta === id - code) last.end = code;
    else runs.push({ start: code, end: code, delta: id - code });
  }
  runs.push({ start: 0xffff, end: 0xffff, delta: 1 });
  const power = Math.floor(Math.log2(runs.length));
  const search = 2 * 2 ** power;
  const body = Buffer.concat([
    u16(0, runs.length * 2, search, power, runs.length * 2 - search),
    u16(...runs.map(({ end }) => end), 0),
    u16(...runs.map(({ start }) => start)),
    u16(...runs.map(({ delta }) => delta)),
    u16(...runs.map(() => 0)),
  ]);
  return Buffer.concat([u16(0, 1, 3, 1), u32(12), u16(4, body.length + 4), body]);
}

function nameTable(): Buffer {
  const names: readonly (readonly [number, string])[] = [
    [1, 'Holdfast Pixel'],
    [2, 'Regular'],
    [3, 'Holdfast Pixel 1.0'],
    [4, 'Holdfast Pixel'],
    [5, 'Version 1.000'],
    [6, 'HoldfastPixel-Regular'],
  ];
  const texts = names.map(([, text]) => Buffer.from(text, 'utf16le').swap16());
  let offset = 0;
  const records = names.map(([id], index) => {
    const length = texts[index]?.length ?? 0;
    offset += length;
    return u16(3, 1, 0x409, id, length, offset - length);
  });
  return Buffer.concat([u16(0, names.length, 6 + 12 * names.length), ...records, ...texts]);
}

function tables(): ReadonlyMap<string, Buffer> {
  const characters = Object.keys(DRAWN);
  const glyphs = [glyph(MISSING), ...Object.values(DRAWN).map(glyph)];
  const codes = new Map<number, number>();
  for (const [index, character] of characters.entries()) {
    codes.set(character.charCodeAt(0), index + 1);
    codes.set(character.toLowerCase().charCodeAt(0), index + 1);
  }
  const sorted = [...codes.keys()].sort((a, b) => a - b);
  const offsets = [0];
  for (const { data } of glyphs) offsets.push((offsets.at(-1) ?? 0) + data.length);
  const most = (pick: (one: Glyph) => number): number => Math.max(...glyphs.map(pick));
  const box = [0, 0, 5 * PIXEL, 7 * PIXEL] as const;
  const created = u32(0, 0);
  const os2 = Buffer.concat([
    u16(4, ADVANCE, 400, 5, 0, 650, 600, 0, 75, 650, 600, 0, 350, 50, 300, 0),
    Buffer.alloc(10),
    u32(1, 0, 0, 0),
    Buffer.from('HOLD'),
    u16(0x40, sorted[0] ?? 0, sorted.at(-1) ?? 0, ASCENT, -DESCENT, 0, ASCENT, DESCENT),
    u32(1, 0),
    u16(5 * PIXEL, 7 * PIXEL, 0, 32, 1),
  ]);
  return new Map([
    ['OS/2', os2],
    ['cmap', cmap(codes)],
    ['glyf', Buffer.concat(glyphs.map(({ data }) => data))],
    // Flag 0x0800: the file has been through a lossless conversion, as WOFF2 is one.
    [
      'head',
      Buffer.concat([
        u32(0x10000, 0x10000, 0, 0x5f0f3cf5),
        u16(0x0803, UNITS_PER_EM),
        created,
        created,
        u16(...box, 0, 8, 2, 1, 0),
      ]),
    ],
    [
      'hhea',
      Buffer.concat([
        u32(0x10000),
        u16(ASCENT, -DESCENT, 0, ADVANCE, 0, PIXEL, 5 * PIXEL, 1, 0, 0, 0, 0, 0, 0, 0, glyphs.length),
      ]),
    ],
    [
      'hmtx',
      Buffer.concat(glyphs.map(({ data }) => u16(ADVANCE, data.length === 0 ? 0 : data.readInt16BE(2)))),
    ],
    ['loca', u32(...offsets)],
    [
      'maxp',
      Buffer.concat([
        u32(0x10000),
        u16(
          glyphs.length,
          most(({ points }) => points),
          most(({ contours }) => contours),
          0,
          0,
          2,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
        ),
      ]),
    ],
    ['name', nameTable()],
    ['post', Buffer.concat([u32(0x30000, 0), u16(-100, 50), u32(1, 0, 0, 0, 0)])],
  ]);
}

/** Known table tags have a number (WOFF2 §4.1). */
const TAGS: Readonly<Record<string, number>> = {
  cmap: 0,
  head: 1,
  hhea: 2,
  hmtx: 3,
  maxp: 4,
  name: 5,
  'OS/2': 6,
  post: 7,
  glyf: 10,
  loca: 11,
};

function checksum(bytes: Buffer): number {
  const whole = padded(bytes);
  let sum = 0;
  for (let at = 0; at < whole.length; at += 4) sum = (sum + whole.readUInt32BE(at)) >>> 0;
  return sum;
}

/** The sfnt that a WOFF2 reader restores; its checksum belongs into `head`. */
function sfnt(all: ReadonlyMap<string, Buffer>): Buffer {
  const power = Math.floor(Math.log2(all.size));
  const head = [u32(0x10000), u16(all.size, 16 * 2 ** power, power, 16 * (all.size - 2 ** power))];
  const body: Buffer[] = [];
  let offset = 12 + 16 * all.size;
  for (const [tag, data] of all) {
    head.push(Buffer.from(tag), u32(checksum(data), offset, data.length));
    body.push(padded(data));
    offset += padded(data).length;
  }
  return Buffer.concat([...head, ...body]);
}

function base128(value: number): Buffer {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return Buffer.from(bytes);
}

function woff2(all: ReadonlyMap<string, Buffer>): Buffer {
  const directory = Buffer.concat(
    [...all].map(([tag, data]) => {
      const transform = tag === 'glyf' || tag === 'loca' ? 0xc0 : 0;
      return Buffer.concat([Buffer.from([(TAGS[tag] ?? 0) | transform]), base128(data.length)]);
    }),
  );
  const compressed = brotliCompressSync(Buffer.concat([...all.values()]));
  const length = 48 + directory.length + compressed.length;
  const header = Buffer.concat([
    Buffer.from('wOF2'),
    u32(0x10000, (length + 3) & ~3),
    u16(all.size, 0),
    u32(sfnt(all).length, compressed.length),
    u16(1, 0),
    u32(0, 0, 0, 0, 0),
  ]);
  return padded(Buffer.concat([header, directory, compressed]));
}

const all = tables();
all.get('head')?.writeUInt32BE((0xb1b0afba - checksum(sfnt(all))) >>> 0, 8);
writeFileSync(new URL('../site/holdfast.woff2', import.meta.url), woff2(all));
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], sfnt(all));
