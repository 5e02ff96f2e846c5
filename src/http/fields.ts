// Header fields as a value: immutable, in wire order, names as received.
// Owns lookup by lower-case name and list combination (RFC 9110 §5.3). Knows no field's meaning.

/** Field lines as they go on the wire: name, value, name, value, … */
export type FieldLines = readonly string[];

const NONE: readonly string[] = [];

/** An immutable set of field lines with lookup by lower-case name. Values are latin1 strings, OWS trimmed. */
export class Fields {
  static readonly empty: Fields = new Fields([]);
  readonly lines: FieldLines;
  #index: Map<string, readonly string[]> | undefined;

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
    return this.#lookup().get(name) ?? NONE;
  }

  /** The lines of a lower-case name combined with ", " (RFC 9110 §5.3), or undefined when absent. */
  get(name: string): string | undefined {
    const values = this.#lookup().get(name);
    if (values === undefined) return undefined;
    return values.length === 1 ? values[0] : values.join(', ');
  }

  has(name: string): boolean {
    return this.#lookup().has(name);
  }

  /** Lower-case names present, each once, in order of first appearance. */
  names(): Iterable<string> {
    return this.#lookup().keys();
  }

  /** A copy without the lines whose lower-case name is in `names`. */
  without(names: ReadonlySet<string>): Fields {
    const kept: string[] = [];
    for (let i = 0; i < this.lines.length; i += 2) {
      const name = this.lines[i] as string;
      if (!names.has(name.toLowerCase())) kept.push(name, this.lines[i + 1] as string);
    }
    return kept.length === this.lines.length ? this : new Fields(kept);
  }

  /** A copy with all lines of `name` replaced by one. */
  with(name: string, value: string): Fields {
    return new Fields([...this.without(new Set([name.toLowerCase()])).lines, name, value]);
  }

  #lookup(): Map<string, readonly string[]> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, string[]>();
    for (let i = 0; i < this.lines.length; i += 2) {
      const name = (this.lines[i] as string).toLowerCase();
      const value = this.lines[i + 1] as string;
      const present = index.get(name);
      if (present === undefined) index.set(name, [value]);
      else present.push(value);
    }
    this.#index = index;
    return index;
  }
}
