// Several variants of one URL: which is chosen, validated, replaced, given up (RFC 9111 §4.1).

import { ask, fetched, later, now, optimal, type Row, required, type Table, withSettings } from '../row.ts';

const VARY = 'RFC 9111 §4.1';
const A1 = { 'X-A': '1' };
const A2 = { 'X-A': '2' };
const A1B1 = { 'X-A': '1', 'X-B': '1' };
const A1B2 = { 'X-A': '1', 'X-B': '2' };
const CACHED = { 'Cache-Control': 'max-age=100' };
const VARIES = { ...CACHED, Vary: 'X-A' };

const several: readonly Row[] = [
  optimal(
    'vary-several',
    VARY,
    'several variants are kept',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, 'fetched', ask(A2)),
    later(1, { outcome: 'hit', from: 1 }, ask(A1)),
    later(1, { outcome: 'hit', from: 2 }, ask(A2)),
  ),
  optimal(
    'vary-several-absent',
    VARY,
    'one of them for the absent field',
    fetched(VARIES),
    later(1, 'fetched', ask(A2)),
    later(1, { outcome: 'hit', from: 1 }),
    later(1, { outcome: 'hit', from: 2 }, ask(A2)),
  ),
  required(
    'vary-several-third',
    VARY,
    'a third value matches neither',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, 'fetched', ask(A2)),
    later(1, 'asked', ask({ 'X-A': '3' })),
  ),
  required(
    'vary-replaces',
    VARY,
    'a new response replaces the one of its variant',
    fetched({ 'Cache-Control': 'max-age=10', Vary: 'X-A' }, {}, { headers: A1 }),
    later(20, 'fetched', ask(A1)),
    later(1, 'hit', ask(A1)),
  ),
  optimal(
    'vary-replaces-one',
    VARY,
    'and no other',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, 'fetched', { ...ask(A2), origin: { headers: { 'Cache-Control': 'max-age=10', Vary: 'X-A' } } }),
    later(20, 'fetched', ask(A2)),
    later(1, { outcome: 'hit', from: 1 }, ask(A1)),
  ),
  required(
    'vary-grows',
    VARY,
    'a later response that varies by more is not for all',
    fetched(VARIES, {}, { headers: A1B1 }),
    later(1, 'fetched', {
      request: { headers: { 'X-A': '2', 'X-B': '1' } },
      origin: { headers: { ...CACHED, Vary: 'X-A, X-B' } },
    }),
    later(1, 'asked', ask({ 'X-A': '2', 'X-B': '2' })),
  ),
  optimal(
    'vary-grows-both',
    VARY,
    'each is selected by its own Vary',
    fetched(VARIES, {}, { headers: A1B1 }),
    later(1, 'fetched', {
      request: { headers: { 'X-A': '2', 'X-B': '1' } },
      origin: { headers: { ...CACHED, Vary: 'X-A, X-B' } },
    }),
    later(1, { outcome: 'hit', from: 1 }, ask(A1B2)),
    later(1, { outcome: 'hit', from: 2 }, ask({ 'X-A': '2', 'X-B': '1' })),
  ),
  optimal(
    'vary-most-recent',
    'RFC 9111 §4',
    'of several that match the most recent is chosen',
    fetched({ ...CACHED, Vary: 'X-A' }, {}, { headers: A1B1 }),
    later(1, 'fetched', {
      request: { headers: { ...A1B2, 'Cache-Control': 'no-cache' } },
      origin: { headers: { ...CACHED, Vary: 'X-B' } },
    }),
    later(1, { outcome: 'hit', from: 2 }, ask(A1B2)),
  ),
  optimal(
    'vary-omitted',
    VARY,
    'a response without Vary does not outdo one that varies',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, 'fetched', { origin: { headers: CACHED } }),
    later(1, { outcome: 'hit', from: 1 }, ask(A1)),
  ),
  optimal(
    'vary-omitted-default',
    VARY,
    'it serves the requests that no other matches',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, 'fetched', { origin: { headers: CACHED } }),
    later(1, { outcome: 'hit', from: 2 }),
  ),
  optimal(
    'vary-status',
    'RFC 9211 §2.2',
    'Cache-Status tells a vary-miss from a uri-miss',
    now(
      { outcome: 'fetched', cacheStatus: { fwd: 'uri-miss' } },
      { ...ask(A1), origin: { headers: VARIES } },
    ),
    later(1, { outcome: 'fetched', cacheStatus: { fwd: 'vary-miss' } }, ask(A2)),
  ),
  optimal(
    'vary-validation',
    'RFC 9111 §4.3.1',
    'for a new variant the stored ones are offered for validation',
    fetched({ ...VARIES, ETag: '"a"' }, {}, { headers: A1 }),
    later(
      1,
      { outcome: 'validated', from: 1, forwarded: { 'If-None-Match': '"a"' } },
      { ...ask(A2), origin: { status: 304, headers: { ETag: '"a"', Vary: 'X-A' } } },
    ),
  ),
  optimal(
    'vary-validation-several',
    'RFC 9111 §4.3.1',
    'all of them',
    fetched({ ...VARIES, ETag: '"a"' }, {}, { headers: A1 }),
    later(1, 'fetched', { ...ask(A2), origin: { headers: { ...VARIES, ETag: '"b"' } } }),
    later(
      1,
      { outcome: 'validated', from: 1, forwarded: { 'If-None-Match': /^(?:"a", "b"|"b", "a")$/ } },
      { ...ask({ 'X-A': '3' }), origin: { status: 304, headers: { ETag: '"a"', Vary: 'X-A' } } },
    ),
  ),
  required(
    'vary-validation-200',
    'RFC 9111 §4.3.3',
    'a 200 to it is what is delivered',
    fetched({ ...VARIES, ETag: '"a"' }, {}, { headers: A1 }),
    later(1, 'fetched', { ...ask(A2), origin: { headers: { ...VARIES, ETag: '"b"' } } }),
    later(1, { outcome: 'hit', from: 1 }, ask(A1)),
  ),
  required(
    'vary-passed-on',
    VARY,
    'Vary is passed on',
    fetched(VARIES, {}, { headers: A1 }),
    later(1, { outcome: 'hit', headers: { Vary: 'X-A' } }, ask(A1)),
  ),
  ...withSettings(
    { cache: { maxVariants: 2 } },
    optimal(
      'vary-cap',
      VARY,
      'beyond maxVariants the oldest variant is given up',
      fetched(VARIES, {}, { headers: A1 }),
      later(1, 'fetched', ask(A2)),
      later(1, 'fetched', ask({ 'X-A': '3' })),
      later(1, { outcome: 'hit', from: 2 }, ask(A2)),
      later(1, { outcome: 'hit', from: 3 }, ask({ 'X-A': '3' })),
      later(1, 'asked', ask(A1)),
    ),
  ),
  ...withSettings(
    { cache: { key: { extraFields: ['X-A'] } } },
    required(
      'vary-extra-field',
      VARY,
      'a field that the operator adds to the key tells variants apart',
      fetched(CACHED, {}, { headers: A1 }),
      later(1, 'asked', ask(A2)),
    ),
    optimal(
      'vary-extra-field-hit',
      VARY,
      'and matches by its value',
      fetched(CACHED, {}, { headers: A1 }),
      later(1, 'fetched', ask(A2)),
      later(1, { outcome: 'hit', from: 1 }, ask(A1)),
    ),
  ),
];

export const variants: Table = { topic: 'Variants', rows: several };
