// The name that somebody may have meant who wrote another one. Pure.

/** The known name that is nearest to a mistyped one: as good as the same, or two slips away at most; undefined when none is. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const plain = plainOf(typed);
  if (plain.length > 40) return undefined;
  const most = Math.min(2, Math.floor(plain.length / 3));
  let found: { readonly name: string; readonly slips: number } | undefined;
  for (const name of known) {
    const slips = slipsBetween(plain, plainOf(name));
    if (slips <= most && (found === undefined || slips < found.slips)) found = { name, slips };
  }
  return found?.name;
}

/** `stale_if_error`, `stale-if-error` and `staleIfError` are the same. */
function plainOf(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}

/** Letters too many, too few, wrong, or two that have changed places (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (isSame ? 0 : 1));
      const hasSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (hasSwapped) least = Math.min(least, at(before, j - 2) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
