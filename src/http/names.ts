// What a field's name says of itself, worked out once for each name that comes often: the same few come with every response.

export interface FieldName {
  readonly lower: string;
  /** RFC 9110 §5.1. */
  readonly isToken: boolean;
  /** The name as a line begins with it. */
  readonly start: string;
  /** Belongs to the writer of HTTP/1.1: Connection, Keep-Alive, Content-Length, Transfer-Encoding. */
  readonly isFraming: boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
]);
const MAX_NAMES = 1024;
/** Longer ones are seldom common. */
const MAX_LENGTH = 64;

const known = new Map<string, FieldName>();

export function fieldName(name: string): FieldName {
  const found = known.get(name);
  if (found !== undefined) return found;
  const lower = name.toLowerCase();
  const made = { lower, isToken: TOKEN.test(name), start: `${name}: `, isFraming: FRAMING.has(lower) };
  if (name.length > MAX_LENGTH || !made.isToken) return made;
  // What is common comes back at once; what is not would fill the table for good.
  if (known.size >= MAX_NAMES) known.clear();
  // Flat: a name cut from a head would keep the head in memory.
  known.set(Buffer.from(name, 'latin1').toString('latin1'), made);
  return made;
}
