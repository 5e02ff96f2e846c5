// Explicit freshness by Cache-Control: max-age and s-maxage, and how the field is read.

import {
  cc,
  deviating,
  fetched,
  later,
  notReused,
  optimal,
  type Row,
  required,
  reused,
  type Table,
} from '../row.ts';

const LIFETIME = 'RFC 9111 §4.2.1';
const DELTA = 'RFC 9111 §1.2.2';
const SYNTAX = 'RFC 9111 §5.2';

function lifetimes(name: 'max-age' | 's-maxage', clause: string): readonly Row[] {
  return [
    required(
      `${name}-over`,
      clause,
      `${name} ends after as many seconds`,
      fetched(cc(`${name}=100`)),
      later(100, 'asked'),
    ),
    required(
      `${name}-zero`,
      clause,
      `${name}=0 is stale at once`,
      fetched(cc(`${name}=0`)),
      later(0, 'asked'),
    ),
    ...reused(name, clause, 99, [
      ['fresh', cc(`${name}=100`), `${name} is fresh for as many seconds`],
      [
        'beats-past-expires',
        { 'Cache-Control': `${name}=100`, Expires: '{t-1000}' },
        `${name} counts, Expires in the past does not`,
      ],
      [
        'beats-zero-expires',
        { 'Cache-Control': `${name}=100`, Expires: '0' },
        `${name} counts, Expires: 0 does not`,
      ],
    ]),
    ...reused(name, SYNTAX, 99, [
      ['upper-case', cc(`${name.toUpperCase()}=100`), `${name} in upper case`],
      [
        'mixed-case',
        cc(`${name.replace(/[am]/g, (letter) => letter.toUpperCase())}=100`),
        `${name} in mixed case`,
      ],
      ['quoted', cc(`${name}="100"`), `${name} as a quoted string is read like a token`],
      ['two-lines', cc('public', `${name}=100`), `${name} on a second field line`],
      ['unknown-before', cc(`unknown, ${name}=100`), `an unknown directive before ${name} is ignored`],
      [
        'unknown-after',
        cc(`${name}=100, unknown=7`),
        `an unknown directive with an argument after ${name} is ignored`,
      ],
      [
        'unknown-quoted',
        cc(`unknown="a, b", ${name}=100`),
        `a comma in the quoted argument of an unknown directive separates nothing`,
      ],
      [
        'inside-other-zero',
        cc(`unknown="${name}=0", ${name}=100`),
        `${name} in another directive's argument does not count`,
      ],
      [
        'name-suffix',
        cc(`x-${name}=0, ${name}=100`),
        `a directive whose name ends in ${name} is another one`,
      ],
      [
        'name-prefix',
        cc(`${name}-x=0, ${name}=100`),
        `a directive whose name begins with ${name} is another one`,
      ],
    ]),
    ...reused(name, DELTA, 99, [['leading-zeros', cc(`${name}=0000100`), `${name} with leading zeros`]]),
    ...reused(name, DELTA, 86_400, [
      ['2-31-less-1', cc(`${name}=2147483647`), `${name} of 2^31 - 1`],
      ['2-31', cc(`${name}=2147483648`), `${name} of 2^31`],
      ['huge', cc(`${name}=99999999999999999999`), `${name} beyond every integer counts as the greatest`],
    ]),
    ...notReused(name, LIFETIME, 10, [
      ['negative', cc(`${name}=-100`), `a negative ${name} is stale`],
      ['plus', cc(`${name}=+100`), `${name} with a plus sign is stale`],
      ['float', cc(`${name}=100.0`), `${name} with a decimal point is stale`],
      ['exponent', cc(`${name}=1e3`), `${name} with an exponent is stale`],
      ['hex', cc(`${name}=0x64`), `${name} in hexadecimal is stale`],
      ['unit', cc(`${name}=100s`), `${name} with a unit is stale`],
      ['letter-before', cc(`${name}=a100`), `${name} that begins with a letter is stale`],
      ['letter-after', cc(`${name}=100a`), `${name} that ends in a letter is stale`],
      ['empty', cc(`${name}=`), `an empty ${name} is stale`],
      ['bare', cc(name), `${name} without an argument is stale`],
      ['quoted-empty', cc(`${name}=""`), `${name} with an empty string is stale`],
      ['quoted-negative', cc(`${name}="-100"`), `a quoted negative ${name} is stale`],
      ['single-quotes', cc(`${name}='100'`), `${name} in single quotes is stale`],
      ['blank-before', cc(`${name} =100`), `${name} with a blank before the equals sign is stale`],
      ['blank-after', cc(`${name}= 100`), `${name} with a blank after the equals sign is stale`],
      ['colon', cc(`${name}:100`), `${name} with a colon names no lifetime`],
      ['semicolon', cc(`${name}=100; public`), `${name} that runs into a semicolon is stale`],
      [
        'inside-other',
        cc(`unknown="${name}=100"`),
        `${name} in another directive's quoted argument names no lifetime`,
      ],
      [
        'inside-other-escaped',
        cc(`unknown="\\", ${name}=100, \\""`),
        `${name} between escaped quotes is part of the argument`,
      ],
      [
        'inside-other-last',
        cc(`${name}=1, unknown="${name}=100"`),
        `a later ${name} in another's argument does not count`,
      ],
      ['repeat-stale-first', cc(`${name}=1, ${name}=100`), `of two ${name} the second never counts`],
      [
        'repeat-stale-first-lines',
        cc(`${name}=1`, `${name}=100`),
        `of two ${name} on two lines the second never counts`,
      ],
      [
        'repeat-invalid-first',
        cc(`${name}=x, ${name}=100`),
        `an invalid first ${name} is not mended by a second`,
      ],
    ]),
    ...reused(name, LIFETIME, 50, [
      ['repeat-fresh-first', cc(`${name}=100, ${name}=1`), `of two ${name} the first counts`],
      [
        'repeat-fresh-first-lines',
        cc(`${name}=100`, `${name}=1`),
        `of two ${name} on two lines the first counts`,
      ],
      ['repeat-same', cc(`${name}=100, ${name}=100`), `${name} twice the same`],
    ]),
    required(
      `${name}-ignores-expires`,
      'RFC 9111 §5.3',
      `Expires does not lengthen ${name}`,
      fetched({ 'Cache-Control': `${name}=1`, Expires: '{t+1000}' }),
      later(50, 'asked'),
    ),
    required(
      `${name}-invalid-ignores-expires`,
      'RFC 9111 §5.3',
      `Expires does not stand in for an invalid ${name}`,
      fetched({ 'Cache-Control': `${name}=x`, Expires: '{t+1000}' }),
      later(50, 'asked'),
    ),
    required(
      `${name}-invalid-no-heuristic`,
      'RFC 9111 §4.2.2',
      `nothing is guessed in place of an invalid ${name}`,
      fetched({ 'Cache-Control': `${name}=x`, 'Last-Modified': '{t-1000000}' }),
      later(50, 'asked'),
    ),
  ];
}

const reading: readonly Row[] = [
  ...reused('cc', 'RFC 9110 §5.6.1', 99, [
    ['leading-comma', cc(',max-age=100'), 'an empty list member before'],
    ['trailing-comma', cc('max-age=100,'), 'an empty list member after'],
    ['commas', cc(', ,public,, max-age=100 ,'), 'several empty list members'],
    ['no-blanks', cc('public,max-age=100'), 'no blank after the comma'],
    ['tabs', cc('public\t,\tmax-age=100'), 'tabs around the comma'],
    ['padded', cc('   max-age=100   '), 'blanks around the value'],
    ['empty-line', cc('', 'max-age=100'), 'an empty line before'],
  ]),
  ...reused('cc', 'RFC 9111 §5.2.3', 99, [
    ['extension', cc('max-age=100, community="UCI"'), 'an extension directive is ignored'],
    [
      'extension-odd',
      cc('max-age=100, x=a/b:c@d'),
      'an argument that is no token, of an unknown directive, is ignored',
    ],
    [
      'extension-no-store',
      cc('max-age=100, unknown="no-store"'),
      'no-store in the argument of another directive does not count',
    ],
    [
      'extension-private',
      cc('max-age=100, unknown="private, no-cache"'),
      'private in the argument of another directive does not count',
    ],
    [
      'extension-escaped',
      cc('max-age=100, unknown="\\", no-store, \\""'),
      'no-store between escaped quotes is part of the argument',
    ],
    [
      'no-store-suffix',
      cc('max-age=100, x-no-store, no-store-x'),
      'names that contain no-store are other directives',
    ],
  ]),
  ...notReused('cc', SYNTAX, 10, [
    ['no-comma', cc('max-age=100 no-store'), 'no-store after a missing comma is not overlooked'],
    ['no-comma-private', cc('max-age=100 private'), 'private after a missing comma is not overlooked'],
    [
      'quote-hides-nothing',
      cc('unknown="', 'no-store, max-age=100'),
      'an unclosed quote on one line hides nothing on the next',
    ],
    ['escape', cc('max-age="10\\0"', 'no-store'), 'no-store beside a quoted-pair'],
  ]),
  required(
    's-maxage-shorter',
    'RFC 9111 §5.2.2.10',
    's-maxage beats a longer max-age',
    fetched(cc('max-age=1000, s-maxage=1')),
    later(50, 'asked'),
  ),
  optimal(
    's-maxage-longer',
    'RFC 9111 §5.2.2.10',
    's-maxage beats a shorter max-age',
    fetched(cc('max-age=1, s-maxage=100')),
    later(99, 'hit'),
  ),
  required(
    's-maxage-zero-max-age',
    'RFC 9111 §5.2.2.10',
    's-maxage=0 beats max-age',
    fetched(cc('max-age=100, s-maxage=0')),
    later(1, 'asked'),
  ),
  required(
    's-maxage-invalid',
    LIFETIME,
    'max-age does not stand in for an invalid s-maxage',
    fetched(cc('s-maxage=x, max-age=100')),
    later(10, 'asked'),
  ),
  required(
    'cc-absent',
    'RFC 9111 §4.2',
    'a response that names no lifetime is not reused',
    fetched({}),
    later(0, 'asked'),
  ),
  required(
    'cc-empty',
    'RFC 9111 §4.2',
    'nor one with an empty Cache-Control',
    fetched(cc('')),
    later(0, 'asked'),
  ),
  required(
    'cc-public-only',
    'RFC 9111 §5.2.2.9',
    'public alone names no lifetime',
    fetched(cc('public')),
    later(0, 'asked'),
  ),
  deviating(
    'A Cache-Control that cannot be read to its end is taken for no-store: a restriction may be hidden in it.',
    optimal(
      'cc-unclosed',
      SYNTAX,
      'an unclosed quote after max-age',
      fetched(cc('max-age=100, unknown="x')),
      later(10, 'asked'),
    ),
  ),
];

export const maxAge: Table = {
  topic: 'Cache-Control lifetimes',
  rows: [
    ...lifetimes('max-age', 'RFC 9111 §5.2.2.1'),
    ...lifetimes('s-maxage', 'RFC 9111 §5.2.2.10'),
    ...reading,
  ],
};
