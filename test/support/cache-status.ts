// The Cache-Status field (RFC 9211) as tests read it: an independent, strict parser of the structured field (RFC 9651).

/** The member that the nearest cache wrote: the last of the list (RFC 9211 §2). Absent parameters are left out. */
export interface CacheStatus {
  readonly name: string;
  readonly hit: boolean;
  readonly fwd?: string;
  readonly fwdStatus?: number;
  /** Seconds; negative when stale. */
  readonly ttl?: number;
  readonly stored: boolean;
  readonly collapsed: boolean;
  readonly key?: string;
  readonly detail?: string;
}

type Item = string | number | boolean;

const TOKEN = /^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/;
const STRING = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/;
const INTEGER = /^-?\d{1,15}(?![\d.])/;
const BOOLEAN = /^\?([01])/;
const PARAMETER_NAME = /^[a-z*][a-z0-9_.*-]*/;

/** @throws Error when the field is absent, is not a structured field, or says both hit and fwd. */
export function cacheStatus(response: { readonly headers: Readonly<Record<string, string>> }): CacheStatus {
  const value = response.headers['cache-status'];
  if (value === undefined) throw new Error('the response has no Cache-Status');
  const last = cacheStatusList(value).at(-1);
  if (last === undefined) throw new Error('Cache-Status is empty');
  return last;
}

/** Every member, from the cache nearest the origin to the one nearest the client. */
export function cacheStatusList(value: string): readonly CacheStatus[] {
  let rest = value.trim();
  const fail = (what: string): never => {
    throw new Error(`Cache-Status ${JSON.stringify(value)}: ${what} at ${JSON.stringify(rest)}`);
  };
  const eat = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(rest);
    if (match !== null) rest = rest.slice(match[0].length);
    return match;
  };
  const item = (): Item => {
    const text = eat(STRING);
    if (text !== null) return (text[1] ?? '').replace(/\\(.)/g, '$1');
    const truth = eat(BOOLEAN);
    if (truth !== null) return truth[1] === '1';
    const digits = eat(INTEGER) ?? eat(TOKEN) ?? fail('no item');
    return INTEGER.test(digits[0]) ? Number(digits[0]) : digits[0];
  };
  const members: CacheStatus[] = [];
  while (rest !== '') {
    const name = item();
    if (typeof name !== 'string') return fail('the name is neither token nor string');
    const parameters = new Map<string, Item>();
    while (eat(/^; */) !== null) {
      const parameter = (eat(PARAMETER_NAME) ?? fail('no parameter name'))[0];
      parameters.set(parameter, eat(/^=/) === null ? true : item());
    }
    members.push(member(name, parameters, fail));
    if (rest !== '' && (eat(/^[ \t]*,[ \t]*/) === null || rest === '')) fail('no comma between members');
  }
  return members;
}

function member(name: string, from: ReadonlyMap<string, Item>, fail: (what: string) => never): CacheStatus {
  const flag = (key: string): boolean => {
    const value = from.get(key) ?? false;
    return typeof value === 'boolean' ? value : fail(`${key} is not a boolean`);
  };
  const number = (key: string): number | undefined => {
    const value = from.get(key);
    return value === undefined || typeof value === 'number' ? value : fail(`${key} is not an integer`);
  };
  const text = (key: string): string | undefined => {
    const value = from.get(key);
    return value === undefined || typeof value === 'string' ? value : fail(`${key} is not text`);
  };
  const hit = flag('hit');
  const [fwd, fwdStatus, ttl] = [text('fwd'), number('fwd-status'), number('ttl')];
  const [key, detail] = [text('key'), text('detail')];
  if (hit && fwd !== undefined) fail('both hit and fwd');
  return {
    name,
    hit,
    stored: flag('stored'),
    collapsed: flag('collapsed'),
    ...(fwd === undefined ? {} : { fwd }),
    ...(fwdStatus === undefined ? {} : { fwdStatus }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(key === undefined ? {} : { key }),
    ...(detail === undefined ? {} : { detail }),
  };
}
