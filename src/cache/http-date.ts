// HTTP-date (RFC 9110 §5.6.7): the three forms in, IMF-fixdate out. A value that fits none of the forms is no date.
//
// Deliberate: names and zone match in any case, as RFC 9111 §4.2 asks of caches; a zone other than GMT is no date
// (same clause); spaces, digits and punctuation are exact; the day name must be one, but need not fit the date,
// since it carries nothing.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH = MONTHS.join('|');
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';

const IMF = new RegExp(`^(?:mon|tue|wed|thu|fri|sat|sun), (\\d\\d) (${MONTH}) (\\d{4}) ${TIME} gmt$`, 'i');
const RFC850 = new RegExp(
  `^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\\d\\d)-(${MONTH})-(\\d\\d) ${TIME} gmt$`,
  'i',
);
const ASCTIME = new RegExp(
  `^(?:mon|tue|wed|thu|fri|sat|sun) (${MONTH}) (\\d\\d| \\d) ${TIME} (\\d{4})$`,
  'i',
);

/** Longest form: "Wednesday, 08-Nov-94 08:49:37 GMT". */
const MAX_LENGTH = 33;
const FIFTY_YEARS = 50;

/**
 * Parses an HTTP-date.
 * @param now epoch ms; decides the century of the two-digit year of the RFC 850 form.
 * @returns epoch ms, or undefined for anything that is not one valid date.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const imf = IMF.exec(text);
  if (imf !== null) {
    const [, day, month, year, hour, minute, second] = imf;
    const at = instant(Number(year), month, day, hour, minute, second);
    if (at !== undefined) remember(parsed, text, at);
    return at;
  }
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month, day, hour, minute, second, year] = asctime;
    return instant(Number(year), month, day, hour, minute, second);
  }
  const rfc850 = RFC850.exec(text);
  if (rfc850 === null) return undefined;
  const [, day, month, year, hour, minute, second] = rfc850;
  const thisYear = new Date(now).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + Number(year);
  for (const candidate of [guess + 100, guess, guess - 100]) {
    const at = instant(candidate, month, day, hour, minute, second);
    if (at !== undefined && at <= yearsLater(now, FIFTY_YEARS)) return at;
  }
  return undefined;
}

/** Formats epoch ms as IMF-fixdate; fractions of a second are cut off. Instants outside years 0-9999 are moved to the border. */
export function formatHttpDate(at: number): string {
  const second = Math.floor(at / 1000);
  const known = formatted.get(second);
  if (known !== undefined) return known;
  const text = new Date(Math.min(Math.max(at, MIN_DATE), MAX_DATE)).toUTCString();
  remember(formatted, second, text);
  return text;
}

/** The same few dates come again and again: this second's, and those of what is asked for most. */
const parsed = new Map<string, number>();
const formatted = new Map<number, string>();
const MAX_KNOWN = 256;

function remember<K, V>(known: Map<K, V>, key: K, value: V): void {
  if (known.size === MAX_KNOWN) known.clear();
  known.set(key, value);
}

const MIN_DATE = Date.parse('0000-01-01T00:00:00Z');
const MAX_DATE = Date.parse('9999-12-31T23:59:59Z');

function instant(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  hourText: string | undefined,
  minuteText: string | undefined,
  secondText: string | undefined,
): number | undefined {
  const month = MONTHS.indexOf((monthName ?? '').toLowerCase());
  const day = Number(dayText);
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const second = Number(secondText);
  if (hour > 23 || minute > 59 || second > 60 || day < 1) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCDate() !== day) return undefined;
  // A leap second becomes the second before it: the nearest time that is not later (RFC 9111 §4.2).
  date.setUTCHours(hour, minute, Math.min(second, 59));
  return date.getTime();
}

function yearsLater(at: number, years: number): number {
  const date = new Date(at);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date.getTime();
}
