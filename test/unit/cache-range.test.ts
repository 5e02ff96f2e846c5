import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange, selectRanges, wantedRun } from '../../src/cache/range.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { storedMeta, T0, T0_DATE } from '../support/stored-meta.ts';

const BODY_BYTES = 1000;
const EARLIER = 'Sun, 09 Sep 2001 01:46:39 GMT';

function shortly(
  range: readonly string[],
  ifRange: readonly string[],
  changes: Partial<StoredMeta>,
  bytes: number,
) {
  const selection = selectRanges(range, ifRange, storedMeta(changes), bytes, () => 'B');
  switch (selection.kind) {
    case 'single':
      return `${selection.start}-${selection.end} ${selection.lines.at(-1)}`;
    case 'multipart':
      return selection.parts.map(({ start, end }) => `${start}-${end}`).join(' ');
    case 'unsatisfiable':
      return selection.lines.join(': ');
    default:
      return selection.kind;
  }
}

describe('ranges of a complete response (RFC 9110 §14.1.2, §14.2)', () => {
  const rows: readonly (readonly [string, string | readonly string[], string, number?])[] = [
    ['first and last', 'bytes=0-99', '0-100 bytes 0-99/1000'],
    ['one byte', 'bytes=0-0', '0-1 bytes 0-0/1000'],
    ['the last byte', 'bytes=999-999', '999-1000 bytes 999-999/1000'],
    ['open', 'bytes=900-', '900-1000 bytes 900-999/1000'],
    ['suffix', 'bytes=-100', '900-1000 bytes 900-999/1000'],
    ['a suffix longer than the content', 'bytes=-5000', '0-1000 bytes 0-999/1000'],
    ['a last position beyond the end', 'bytes=990-99999999999999999999999', '990-1000 bytes 990-999/1000'],
    ['the unit in any case', 'Bytes=0-1', '0-2 bytes 0-1/1000'],
    ['empty members and blanks', 'bytes= , 0-1 ,', '0-2 bytes 0-1/1000'],
    ['several', 'bytes=0-1,5-6,-1', '0-2 5-7 999-1000'],
    ['several, in the order asked', 'bytes=500-600,0-9', '500-601 0-10'],
    ['overlapping become one', 'bytes=0-10,5-20', '0-21 bytes 0-20/1000'],
    ['touching become one', 'bytes=5-9,0-4', '0-10 bytes 0-9/1000'],
    ['one that overlaps stands where its first member stood', 'bytes=500-600,0-9,550-700', '500-701 0-10'],
    ['one that begins earlier too', 'bytes=500-600,0-9,450-550', '450-601 0-10'],
    ['satisfiable ones count', 'bytes=2000-,0-1', '0-2 bytes 0-1/1000'],
    ['beyond the end', 'bytes=1000-', 'Content-Range: bytes */1000'],
    ['a suffix of nothing', 'bytes=-0', 'Content-Range: bytes */1000'],
    ['all beyond the end', 'bytes=1000-1001,5000-', 'Content-Range: bytes */1000'],
    ['of empty content', 'bytes=0-', 'Content-Range: bytes */0', 0],
    ['a suffix of empty content is all of it', 'bytes=-5', 'full', 0],
    ['no Range', [], 'full'],
    ['another unit', 'lines=0-1', 'full'],
    ['no unit', '0-1', 'full'],
    ['the last before the first', 'bytes=5-4', 'full'],
    ['one bad member spoils the set', 'bytes=0-1,x', 'full'],
    ['a negative position', 'bytes=--1', 'full'],
    ['a blank inside', 'bytes=0 - 1', 'full'],
    ['a dash alone', 'bytes=-', 'full'],
    ['nothing', 'bytes=', 'full'],
    ['two lines', ['bytes=0-1', 'bytes=2-3'], 'full'],
    [
      'sixteen ranges',
      `bytes=${Array.from({ length: 16 }, (_, i) => `${i * 2}-${i * 2}`).join()}`,
      Array.from({ length: 16 }, (_, i) => `${i * 2}-${i * 2 + 1}`).join(' '),
    ],
    ['seventeen ranges', `bytes=${'0-0,'.repeat(16)}5-5`, 'full'],
    ['an endless list', `bytes=${','.repeat(2000)}0-0`, 'full'],
  ];
  for (const [name, range, expected, bytes = BODY_BYTES] of rows) {
    it(name, () => {
      expect(shortly(typeof range === 'string' ? [range] : range, [], {}, bytes)).toBe(expected);
    });
  }

  it('counts only where there is content to take it from', () => {
    expect(shortly(['bytes=0-1'], [], { status: 404 }, BODY_BYTES)).toBe('full');
  });
});

describe('If-Range (RFC 9110 §13.1.5)', () => {
  const dated = (date: string, lastModified: number): Partial<StoredMeta> => ({
    lastModified,
    lines: ['Date', date],
  });
  const rows: readonly (readonly [string, readonly string[], Partial<StoredMeta>, boolean])[] = [
    ['the strong tag', ['"a"'], { etag: '"a"' }, true],
    ['another tag', ['"b"'], { etag: '"a"' }, false],
    ['a weak tag never', ['W/"a"'], { etag: 'W/"a"' }, false],
    ['a strong tag for a weak one', ['"a"'], { etag: 'W/"a"' }, false],
    ['no tag stored', ['"a"'], {}, false],
    ['a list', ['"a", "b"'], { etag: '"a"' }, false],
    ['two lines', ['"a"', '"a"'], { etag: '"a"' }, false],
    ['the date, a second before Date', [EARLIER], dated(T0_DATE, T0 - 1000), true],
    ['the date, of the same second as Date', [T0_DATE], dated(T0_DATE, T0), false],
    ['a later date is not the same', [T0_DATE], dated(T0_DATE, T0 - 1000), false],
    ['rubbish', ['a'], { etag: '"a"' }, false],
  ];
  it.each(rows)('%s', (_name, ifRange, meta, holds) => {
    expect(shortly(['bytes=0-1'], ifRange, meta, BODY_BYTES)).toBe(holds ? '0-2 bytes 0-1/1000' : 'full');
  });
});

describe('a stored part (RFC 9111 §3.3)', () => {
  const part: Partial<StoredMeta> = { status: 206, partial: { start: 100, end: 200, complete: 1000 } };
  const open: Partial<StoredMeta> = { status: 206, partial: { start: 100, end: 200, complete: undefined } };
  const rows: readonly (readonly [string, readonly string[], Partial<StoredMeta>, string])[] = [
    ['within', ['bytes=110-119'], part, '10-20 bytes 110-119/1000'],
    ['all of it', ['bytes=100-199'], part, '0-100 bytes 100-199/1000'],
    ['reaching out', ['bytes=110-200'], part, 'incomplete'],
    ['before', ['bytes=0-1'], part, 'incomplete'],
    ['a suffix', ['bytes=-10'], part, 'incomplete'],
    ['no Range', [], part, 'incomplete'],
    ['beyond the whole', ['bytes=1000-'], part, 'Content-Range: bytes */1000'],
    ['of unknown length, within', ['bytes=110-119'], open, '10-20 bytes 110-119/*'],
    ['of unknown length, open', ['bytes=110-'], open, 'incomplete'],
    ['of unknown length, suffix', ['bytes=-1'], open, 'incomplete'],
    ['of unknown length, beyond', ['bytes=500-600'], open, 'incomplete'],
  ];
  it.each(rows)('%s', (_name, range, meta, expected) => {
    expect(shortly(range, [], meta, 100)).toBe(expected);
  });

  it('replaces the Content-Range it was stored with', () => {
    const meta = storedMeta({ ...part, lines: ['content-range', 'bytes 100-199/1000', 'ETag', '"a"'] });
    const selection = selectRanges(['bytes=110-119'], [], meta, 100);
    expect(selection).toMatchObject({ lines: ['ETag', '"a"', 'Content-Range', 'bytes 110-119/1000'] });
  });

  it.each<[string, readonly string[], unknown]>([
    ['no Range', [], { start: 0, end: undefined }],
    ['open', ['bytes=5-'], { start: 5, end: undefined }],
    ['first and last', ['bytes=5-8'], { start: 5, end: 9 }],
    ['beyond the end', ['bytes=5-5000'], { start: 5, end: 1000 }],
    ['suffix', ['bytes=-10'], { start: 990, end: undefined }],
    ['several', ['bytes=1-2,5-6'], undefined],
  ])('is completed by one run: %s', (_name, range, expected) => {
    expect(wantedRun(range, [], storedMeta(part))).toEqual(expected);
  });
});

describe('multipart/byteranges (RFC 9110 §14.6)', () => {
  it('writes each part with its type and range, and counts its own length', () => {
    const meta = storedMeta({ lines: ['Date', T0_DATE, 'content-type', 'text/css', 'ETag', '"a"'] });
    const selection = selectRanges(['bytes=0-1,500-501'], [], meta, BODY_BYTES, () => 'B');
    if (selection.kind !== 'multipart') throw new Error(selection.kind);
    const body =
      selection.parts.map((part) => `${part.head}${'x'.repeat(part.end - part.start)}`).join('') +
      selection.tail;
    expect(body).toBe(
      '--B\r\nContent-Type: text/css\r\nContent-Range: bytes 0-1/1000\r\n\r\nxx\r\n' +
        '--B\r\nContent-Type: text/css\r\nContent-Range: bytes 500-501/1000\r\n\r\nxx\r\n--B--\r\n',
    );
    expect(selection.length).toBe(body.length);
    expect(selection.lines).toEqual([
      'Date',
      T0_DATE,
      'ETag',
      '"a"',
      'Content-Type',
      'multipart/byteranges; boundary=B',
    ]);
  });

  it('takes a new boundary each time', () => {
    const boundary = () => {
      const selection = selectRanges(['bytes=0-1,5-6'], [], storedMeta(), BODY_BYTES);
      return selection.kind === 'multipart' ? selection.boundary : '';
    };
    const first = boundary();
    expect(first).toMatch(/^[0-9a-z-]{20,70}$/);
    expect(boundary()).not.toBe(first);
  });
});

describe('any Range field', () => {
  const spec = fc.oneof(
    fc.tuple(fc.nat(2000), fc.option(fc.nat(2000))).map(([first, last]) => `${first}-${last ?? ''}`),
    fc.nat(2000).map((length) => `-${length}`),
    fc.string({ maxLength: 4 }),
  );
  const range = fc.oneof(
    fc.array(spec, { maxLength: 20 }).map((specs) => `bytes=${specs.join(',')}`),
    fc.string(),
  );

  it('selects nothing outside the content, and no byte twice', () => {
    fc.assert(
      fc.property(range, fc.nat(1500), fc.boolean(), (value, bytes, asPart) => {
        const meta = storedMeta(
          asPart ? { status: 206, partial: { start: 100, end: 100 + bytes, complete: 3000 } } : {},
        );
        const selection = selectRanges([value], [], meta, bytes);
        const taken =
          selection.kind === 'single'
            ? [selection]
            : selection.kind === 'multipart'
              ? [...selection.parts]
              : [];
        taken.sort((a, b) => a.start - b.start);
        let at = 0;
        for (const { start, end } of taken) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(bytes);
      }),
    );
  });

  it('has at most sixteen ranges, each in order', () => {
    fc.assert(
      fc.property(range, (value) => {
        const specs = parseRange([value]) ?? [];
        expect(specs.length).toBeLessThanOrEqual(16);
        for (const one of specs) {
          if (one.kind === 'from')
            expect(one.last ?? Number.MAX_SAFE_INTEGER).toBeGreaterThanOrEqual(one.first);
        }
      }),
    );
  });
});
