import { describe, expect, it } from 'vitest';
import { dateOf, endToEnd, storedLines } from '../../src/cache/stored-fields.ts';
import { Fields } from '../../src/http/fields.ts';
import { NOW } from './assessing.ts';

const DATE = 'Sun, 06 Nov 2033 08:49:37 GMT';

describe('endToEnd', () => {
  it('leaves out what is for this connection only, in any case, and keeps the order of the rest', () => {
    const fields = Fields.from({
      'X-First': '1',
      Connection: ['close, X-Named', ' x-other ,'],
      'x-named': 'a',
      'X-OTHER': 'b',
      'Keep-Alive': 'timeout=5',
      'Proxy-Connection': 'close',
      'Proxy-Authenticate': 'Basic',
      'Proxy-Authentication-Info': 'x',
      'Proxy-Authorization': 'x',
      TE: 'trailers',
      Trailer: 'X',
      'Transfer-Encoding': 'chunked',
      Upgrade: 'h2c',
      'Content-Length': '5',
      Age: '7',
      'Set-Cookie': ['a=b', 'c=d'],
    });
    expect(endToEnd(fields)).toEqual(['X-First', '1', 'Age', '7', 'Set-Cookie', 'a=b', 'Set-Cookie', 'c=d']);
  });

  it('gives the same lines back where there is nothing to leave out', () => {
    const fields = Fields.from({ A: '1' });
    expect(endToEnd(fields)).toBe(fields.lines);
  });
});

describe('storedLines', () => {
  it('also leaves out Age, Warning and what the caller names', () => {
    const fields = Fields.from({
      Date: DATE,
      Age: '1',
      Warning: '110 - "x"',
      'X-User': 'u',
      Connection: 'x',
      X: '1',
      Y: '2',
    });
    expect(storedLines(fields, NOW, ['x-user'])).toEqual(['Date', DATE, 'Y', '2']);
  });

  it.each([
    ['missing', {}],
    ['broken', { Date: 'now' }],
    ['named by Connection', { Date: 'Sun, 06 Nov 2022 08:49:37 GMT', Connection: 'date' }],
    ['ambiguous', { Date: [DATE, 'Sun, 06 Nov 2022 08:49:37 GMT'] }],
  ])('replaces a Date that is %s by the time of receipt', (_, table) => {
    expect(storedLines(Fields.from(table), NOW)).toEqual(['Date', DATE]);
  });
});

it('dateOf takes lines that agree for one', () => {
  expect(dateOf(Fields.from({ Date: [DATE, DATE] }), NOW)).toBe(NOW);
});
