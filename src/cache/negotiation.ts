// Canonical forms of Accept-Encoding and Accept-Language (RFC 9110 §12.4.2, §12.5.3, §12.5.4), so that requests that
// mean the same compare equal (RFC 9111 §4.1). Values outside the grammar are given back as undefined, never guessed.

/** A member of a weighted list: a lower-case coding or language range with its quality in thousandths. */
export interface Weighted {
  readonly range: string;
  readonly quality: number;
}

const MEMBER = /^([!#$%&'*+\-.^_`|~0-9a-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;
const WHOLE = 1000;

/** Reads a weighted list; undefined for a member outside the grammar or a range named twice. */
export function parseWeighted(value: string): readonly Weighted[] | undefined {
  const members: Weighted[] = [];
  const seen = new Set<string>();
  for (const part of value.toLowerCase().split(',')) {
    const text = part.trim();
    if (text === '') continue;
    const found = MEMBER.exec(text);
    const range = found?.[1];
    if (range === undefined || seen.has(range)) return undefined;
    seen.add(range);
    members.push({ range, quality: found?.[2] === undefined ? WHOLE : Math.round(Number(found[2]) * WHOLE) });
  }
  return members;
}

/** Codings in a fixed order with their qualities; x-gzip and x-compress by their modern names (RFC 9110 §8.4.1). */
export function canonicalEncodings(value: string): string | undefined {
  const members = parseWeighted(
    value.toLowerCase().replace(/(^|[,\s])x-(gzip|compress)(?=[,;\s]|$)/g, '$1$2'),
  );
  return members === undefined ? undefined : render([...members].sort(byRange));
}

/** Language ranges, most wanted first; equals in a fixed order, since their order says nothing (RFC 9110 §12.5.4). */
export function canonicalLanguages(value: string): string | undefined {
  const members = parseWeighted(value);
  if (members === undefined) return undefined;
  return render([...members].sort((a, b) => b.quality - a.quality || byRange(a, b)));
}

/**
 * Whether no language could be wanted more than `tag`: the ranges that match it (RFC 4647 §3.3.1, the longest counts)
 * give it the highest quality that the request gives to anything.
 */
export function isMostWantedLanguage(tag: string, acceptLanguage: string): boolean {
  const members = parseWeighted(acceptLanguage);
  if (members === undefined || members.length === 0) return false;
  const language = tag.toLowerCase();
  let best: Weighted | undefined;
  let highest = 0;
  for (const member of members) {
    highest = Math.max(highest, member.quality);
    const matches =
      member.range === '*' || language === member.range || language.startsWith(`${member.range}-`);
    if (matches && (best === undefined || specificity(member.range) > specificity(best.range))) best = member;
  }
  return best !== undefined && best.quality > 0 && best.quality === highest;
}

function specificity(range: string): number {
  return range === '*' ? 0 : range.length;
}

function byRange(a: Weighted, b: Weighted): number {
  return a.range < b.range ? -1 : a.range > b.range ? 1 : 0;
}

function render(members: readonly Weighted[]): string {
  return members
    .map(({ range, quality }) => (quality === WHOLE ? range : `${range};q=${quality / WHOLE}`))
    .join(',');
}
