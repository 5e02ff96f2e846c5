// Reads a V8 CPU profile: each function's own share of the time that was not idle. Pure.

/** The part of the format that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  /** Of all time that was not idle. */
  readonly share: number;
}

/**
 * Functions by their own time, most first.
 * @param lastMicros of the profile count: the start of the program is no part of the load
 * @param root of the checkout, left out of names
 */
export function selfTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  lastMicros: number,
  root: string,
): readonly SelfTime[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      url === ''
        ? functionName
        : `${functionName === '' ? '(anonymous)' : functionName}  ${url.replace(`file://${root}/`, '')}:${lineNumber + 1}`,
    ]),
  );
  const micros = new Map<string, number>();
  let total = 0;
  let left = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  samples.forEach((id, i) => {
    const name = names.get(id) ?? '?';
    const delta = timeDeltas[i] ?? 0;
    left -= delta;
    if (left > lastMicros || name === '(idle)' || name === '(root)') return;
    total += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  });
  return [...micros]
    .map(([name, own]) => ({ name, share: own / total }))
    .toSorted((a, b) => b.share - a.share);
}
