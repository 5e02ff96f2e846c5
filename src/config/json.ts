// Where a JSON text is wrong. JSON.parse says so for some faults only, and takes the last of duplicate keys silently;
// this scan names line and column of the first fault and refuses duplicates. It makes no values.

/** The first fault of a JSON text. Line and column count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

/** @returns undefined when `text` is one JSON value (RFC 8259) without duplicate names in any object. */
export function findJsonFault(text: string): JsonFault | undefined {
  const scan = new Scan(text);
  try {
    scan.document();
    return undefined;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const before = text.slice(0, scan.at).split('\n');
    return { line: before.length, column: (before.at(-1) ?? '').length + 1, problem: error.message };
  }
}

class Stop extends Error {}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const DEEPEST = 64;

class Scan {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value(0);
    if (this.at < this.#text.length) throw this.#unexpected('the end of the file');
  }

  #value(depth: number): void {
    this.#take(SPACE);
    if (depth > DEEPEST) throw new Stop('nested too deeply');
    const next = this.#text[this.at];
    if (next === '{') this.#object(depth);
    else if (next === '[') this.#array(depth);
    else if (next === '"') this.#string('a string');
    else if (this.#take(SCALAR) === undefined) throw this.#unexpected('a value');
    this.#take(SPACE);
  }

  #object(depth: number): void {
    const names = new Set<string>();
    this.#skip('{');
    if (this.#skip('}')) return;
    do {
      this.#take(SPACE);
      const start = this.at;
      const name: unknown = JSON.parse(this.#string('a name in double quotes'));
      if (typeof name === 'string' && names.has(name)) {
        this.at = start;
        throw new Stop(`the name ${JSON.stringify(name)} is there twice`);
      }
      names.add(String(name));
      if (!this.#skip(':')) throw this.#unexpected('":"');
      this.#value(depth + 1);
    } while (this.#skip(','));
    if (!this.#skip('}')) throw this.#unexpected('"," or "}"');
  }

  #array(depth: number): void {
    this.#skip('[');
    if (this.#skip(']')) return;
    do this.#value(depth + 1);
    while (this.#skip(','));
    if (!this.#skip(']')) throw this.#unexpected('"," or "]"');
  }

  #string(expected: string): string {
    const found = this.#take(STRING);
    if (found !== undefined) return found;
    throw this.#text[this.at] === '"'
      ? new Stop('a string that does not end, or holds a bad escape')
      : this.#unexpected(expected);
  }

  /** Steps over `mark` and the space around it. */
  #skip(mark: string): boolean {
    this.#take(SPACE);
    if (this.#text[this.at] !== mark) return false;
    this.at += 1;
    this.#take(SPACE);
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    return found;
  }

  #unexpected(expected: string): Stop {
    const found = this.#text[this.at];
    return new Stop(
      `expected ${expected}, found ${found === undefined ? 'the end of the file' : JSON.stringify(found)}`,
    );
  }
}
