// The places in a row's texts: dates relative to the manual clock, the row's own path and URL.

export interface Places {
  /** Epoch ms, whole seconds. */
  readonly startedAt: number;
  readonly now: number;
  readonly path: string;
  readonly url: string;
}

const PLACE = /\{(t|now)(?:([+-]\d+))?(?:\|(850|asctime|lower|upper))?\}|\{(path|url)\}/g;

export function fill(text: string, places: Places): string {
  return text.replace(PLACE, (_place, base?: string, seconds?: string, form?: string, name?: string) => {
    if (name === 'path' || name === 'url') return places[name];
    const at = (base === 't' ? places.startedAt : places.now) + Number(seconds ?? 0) * 1000;
    return format(at, form);
  });
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

function format(at: number, form: string | undefined): string {
  const date = new Date(at);
  const imf = date.toUTCString();
  const [, day = '', month = '', year = '', time = ''] = imf.split(' ');
  if (form === '850') return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
  if (form === 'asctime') return `${imf.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`;
  if (form === 'lower') return imf.toLowerCase();
  return form === 'upper' ? imf.toUpperCase() : imf;
}
