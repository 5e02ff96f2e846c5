// The Cache-Control field (RFC 9111 §5.2), requests' and responses'. Strict and fail-closed: what cannot be read
// never makes a response more storable or fresher. Knows what directives say, not what follows from it (policy.ts).
//
// Two kinds of fault: a freshness directive whose value is no delta-seconds is `'invalid'` (stale, but storable and
// fit to be validated, §4.2.1); a member outside the grammar makes the field `malformed` (nothing is stored).
// Deliberate leniency: empty members; unknown directives with any argument free of blanks, quotes and semicolons.
// Duplicates: the first value counts (§4.2.1); flags add up.

/** A delta-seconds argument: seconds, capped at 2^31; 'invalid' for a value that is none; undefined = absent. */
export type Delta = number | 'invalid' | undefined;

export interface CacheControl {
  /** A member does not fit the grammar, so a directive may be hidden in it. */
  readonly malformed: boolean;
  readonly noStore: boolean;
  /** Unqualified; a qualified form whose list is empty, broken or names what a stored response needs counts as this. */
  readonly noCache: boolean;
  /** Lower-case names of the qualified form `no-cache="…"`. */
  readonly noCacheFields: readonly string[];
  /** Unqualified, as for noCache. */
  readonly private: boolean;
  readonly privateFields: readonly string[];
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly onlyIfCached: boolean;
  readonly immutable: boolean;
  readonly maxAge: Delta;
  readonly sMaxage: Delta;
  readonly staleWhileRevalidate: Delta;
  readonly staleIfError: Delta;
  /** Infinity for `max-stale` without an argument (§5.2.1.2). */
  readonly maxStale: Delta;
  readonly minFresh: Delta;
}

export type MutableCacheControl = { -readonly [K in keyof CacheControl]: CacheControl[K] };

/** RFC 9111 §1.2.2: what is larger counts as this. */
export const MAX_DELTA_SECONDS = 2 ** 31;

const BLANK: CacheControl = Object.freeze({
  malformed: false,
  noStore: false,
  noCache: false,
  noCacheFields: [],
  private: false,
  privateFields: [],
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  noTransform: false,
  onlyIfCached: false,
  immutable: false,
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  maxStale: undefined,
  minFresh: undefined,
});

export function blankCacheControl(): MutableCacheControl {
  return { ...BLANK };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DIGITS = /^[0-9]+$/;
const QUOTED = '"((?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*)"';
/** Visible characters but DQUOTE, comma and semicolon: wider than a token, for arguments that are ignored or invalid anyway. */
const PLAIN = '([\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x7e\\x80-\\xff]*)';
const MEMBER = new RegExp(
  `[ \\t]*([!#$%&'*+\\-.^_\`|~0-9A-Za-z]+)(?:([ \\t]*)=([ \\t]*)(?:${QUOTED}|${PLAIN}))?[ \\t]*(?=,|$)`,
  'y',
);
const EMPTY = /[ \t]*(?=,|$)/y;

/** Reads all Cache-Control lines of a message. Never throws. A quoted string never reaches from one line into the next. */
export function parseCacheControl(lines: readonly string[]): CacheControl {
  if (lines.length === 0) return BLANK;
  const control = blankCacheControl();
  for (const line of lines) readLine(control, line);
  return control;
}

/** RFC 9111 §1.2.2. Only digits; more than 2^31 counts as 2^31. */
export function parseDeltaSeconds(text: string): number | 'invalid' {
  return DIGITS.test(text) ? Math.min(Number(text), MAX_DELTA_SECONDS) : 'invalid';
}

function readLine(control: MutableCacheControl, line: string): void {
  let at = 0;
  while (at <= line.length) {
    EMPTY.lastIndex = at;
    if (EMPTY.test(line)) {
      at = EMPTY.lastIndex + 1;
      continue;
    }
    MEMBER.lastIndex = at;
    const found = MEMBER.exec(line);
    if (found === null) {
      control.malformed = true;
      const comma = line.indexOf(',', at);
      if (comma === -1) return;
      at = comma + 1;
      continue;
    }
    at = MEMBER.lastIndex + 1;
    const [, name = '', before, after, quoted, plain] = found;
    const argument = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
    const spaced = before !== undefined && (before !== '' || after !== '');
    applyDirective(control, name.toLowerCase(), argument, spaced);
  }
}

/** One directive. `spaced`: blanks around the equals sign, which no delta-seconds survives. */
function applyDirective(
  control: MutableCacheControl,
  name: string,
  argument: string | undefined,
  spaced: boolean,
): void {
  switch (name) {
    case 'no-store':
      control.noStore = true;
      return;
    case 'no-cache':
      applyNoCache(control, argument === undefined ? undefined : fieldNames(argument));
      return;
    case 'private':
      applyPrivate(control, argument === undefined ? undefined : fieldNames(argument));
      return;
    case 'must-revalidate':
      control.mustRevalidate = true;
      return;
    case 'proxy-revalidate':
      control.proxyRevalidate = true;
      return;
    case 'no-transform':
      control.noTransform = true;
      return;
    case 'only-if-cached':
      control.onlyIfCached = true;
      return;
    case 'immutable':
      control.immutable = true;
      return;
    // These two allow more, so an argument that no clause gives them makes them unknown.
    case 'public':
      if (argument === undefined) control.public = true;
      return;
    case 'must-understand':
      if (argument === undefined) control.mustUnderstand = true;
      return;
    case 'max-age':
      control.maxAge ??= delta(argument, spaced);
      return;
    case 's-maxage':
      control.sMaxage ??= delta(argument, spaced);
      return;
    case 'stale-while-revalidate':
      control.staleWhileRevalidate ??= delta(argument, spaced);
      return;
    case 'stale-if-error':
      control.staleIfError ??= delta(argument, spaced);
      return;
    case 'min-fresh':
      control.minFresh ??= delta(argument, spaced);
      return;
    case 'max-stale':
      control.maxStale ??= argument === undefined ? Number.POSITIVE_INFINITY : delta(argument, spaced);
      return;
    default:
      // RFC 9111 §5.2.3: unrecognised directives are ignored.
      return;
  }
}

/** Records `no-cache`, qualified when `names` is a usable list. */
export function applyNoCache(control: MutableCacheControl, names: readonly string[] | undefined): void {
  if (names === undefined) control.noCache = true;
  else control.noCacheFields = [...control.noCacheFields, ...names];
}

/** Records `private`, qualified when `names` is a usable list. */
export function applyPrivate(control: MutableCacheControl, names: readonly string[] | undefined): void {
  if (names === undefined) control.private = true;
  else control.privateFields = [...control.privateFields, ...names];
}

/**
 * The argument of a qualified directive (RFC 9111 §5.2.2.4, §5.2.2.7) as lower-case names.
 * @returns undefined where the unqualified meaning must be taken: an empty or broken list, or one that names a field
 *   without which the stored content means something else.
 */
export function fieldNames(argument: string): readonly string[] | undefined {
  const names = argument
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return names.every(isSeparable) ? names : undefined;
}

const INSEPARABLE: ReadonlySet<string> = new Set(['vary', 'cache-control', 'expires', 'date']);

function isSeparable(name: string): boolean {
  return TOKEN.test(name) && !INSEPARABLE.has(name) && !name.startsWith('content-');
}

function delta(argument: string | undefined, spaced: boolean): number | 'invalid' {
  return argument === undefined || spaced ? 'invalid' : parseDeltaSeconds(argument);
}
