// Header fields as a value: immutable, in wire order, names as received.
// Owns lookup by lower-case name and list combination (RFC 9110 §5.3). Knows no field's meaning.

import { fieldName } from './names.ts';

/** Field lines as they go on the wire: name, value, name, value, … */
export type FieldLines = readonly string[];

const NONE: readonly string[] = [];

/** An immutable set of field lines with lookup by lower-case name. Values are latin1 strings, OWS trimmed. */
export class Fields {
  static readonly empty: Fields = new Fields([]);
  readonly lines: FieldLines;
  /** The lower-case name of each line. Few enough to be searched: a map would cost more than it saves. */
  #names: readonly string[] | undefined;

  constructor(lines: FieldLines) {
    this.lines = lines;
  }

  /** From an object of names and values; a list becomes several lines. */
  static from(entries: Readonly<Record<string, string | readonly string[]>>): Fields {
    const lines: string[] = [];
    for (const [name, value] of Object.entries(entries)) {
      for (const one of typeof value === 'string' ? [value] : value) lines.push(name, one);
    }
    return new Fields(lines);
  }

  /** Every line's value for a lower-case name, in order; empty when absent. */
  all(name: string): readonly string[] {
    const names = this.#lowerNames();
    let found: string[] | undefined;
    for (let i = names.indexOf(name); i !== -1; i = names.indexOf(name, i + 1)) {
      const value = this.lines[2 * i + 1] as string;
      if (found === undefined) found = [value];
      else found.push(value);
    }
    return found ?? NONE;
  }

  /** The lines of a lower-case name combined with ", " (RFC 9110 §5.3), or undefined when absent. */
  get(name: string): string | undefined {
    const names = this.#lowerNames();
    const first = names.indexOf(name);
    if (first === -1) return undefined;
    return names.indexOf(name, first + 1) === -1 ? this.lines[2 * first + 1] : this.all(name).join(', ');
  }

  has(name: string): boolean {
    return this.#lowerNames().includes(name);
  }

  /** Lower-case names present, each once, in order of first appearance. */
  names(): Iterable<string> {
    return new Set(this.#lowerNames());
  }

  /** A copy without the lines whose lower-case name is in `names`. */
  without(names: ReadonlySet<string>): Fields {
    const lower = this.#lowerNames();
    let kept: string[] | undefined;
    for (let i = 0; i < lower.length; i++) {
      if (names.has(lower[i] as string)) kept ??= this.lines.slice(0, 2 * i);
      else kept?.push(this.lines[2 * i] as string, this.lines[2 * i + 1] as string);
    }
    return kept === undefined ? this : new Fields(kept);
  }

  /** A copy with all lines of `name` replaced by one. */
  with(name: string, value: string): Fields {
    return new Fields([...this.without(new Set([name.toLowerCase()])).lines, name, value]);
  }

  #lowerNames(): readonly string[] {
    if (this.#names === undefined) {
      const names: string[] = [];
      for (let i = 0; i < this.lines.length; i += 2) names.push(fieldName(this.lines[i] as string).lower);
      this.#names = names;
    }
    return this.#names;
  }
}
