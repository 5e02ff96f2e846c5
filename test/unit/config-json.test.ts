import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault } from '../../src/config/json.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('a JSON fault', () => {
  it.each([
    ['{\n  "a": 1,\n  "b" 2\n}', 3, 7, 'expected ":", found "2"'],
    ['{"a": 1,}', 1, 9, 'expected a name in double quotes, found "}"'],
    ['{"a": [1 2]}', 1, 10, 'expected "," or "]", found "2"'],
    ['{"a": 1', 1, 8, 'expected "," or "}", found the end of the file'],
    ['', 1, 1, 'expected a value, found the end of the file'],
    ['{"a": yes}', 1, 7, 'expected a value, found "y"'],
    ["{'a': 1}", 1, 2, 'expected a name in double quotes, found "\'"'],
    ['{} x', 1, 4, 'expected the end of the file, found "x"'],
    ['{"a": "x\n"}', 1, 7, 'a string that does not end, or holds a bad escape'],
    ['{"a": 1,\n "b": 2,\n "\\u0061": 3}', 3, 2, 'the name "a" is there twice'],
    ['// settings\n{}', 1, 1, 'expected a value, found "/"'],
  ])('in %j is named with its place', (text, line, column, problem) => {
    expect(findJsonFault(text)).toEqual({ line, column, problem });
  });

  it('is found for nesting that would exhaust the stack', () => {
    expect(findJsonFault('['.repeat(100_000))?.problem).toBe('nested too deeply');
  });

  it('is found exactly where JSON.parse fails', () => {
    const text = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.string({ unit: fc.constantFrom(...'{}[]",:\\ \n01.-+eEtrufalsn\u0001é') }),
      fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, junk]) => {
        const place = at % (json.length + 1);
        return json.slice(0, place) + junk + json.slice(place + 1);
      }),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const fault = findJsonFault(candidate);
        if (fault?.problem.endsWith('is there twice') === true) return;
        expect(fault === undefined).toBe(parses(candidate));
      }),
      { numRuns: 2000 },
    );
  });
});
