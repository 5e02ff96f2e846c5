// How the demonstration origin answers for a resource: content negotiation, conditions, one range. Pure.

import type { Coding, Representation, Resource } from './site.ts';

/** Request fields by lower-case name. */
export type RequestFields = Readonly<Record<string, string | undefined>>;

export interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** The answer to a GET; HEAD sends its head. `status` is that of the whole, 404 for the page that says so. */
export function answer(resource: Resource, request: RequestFields, status: 200 | 404 = 200): Answer {
  const { coding, representation } = negotiate(resource, request['accept-encoding']);
  const { body, etag } = representation;
  const fields: Record<string, string> = {
    'cache-control': resource.cacheControl,
    etag,
    'last-modified': new Date(resource.lastModifiedAt).toUTCString(),
    ...(resource.codings.size > 1 ? { vary: 'Accept-Encoding' } : {}),
  };
  if (status === 200 && isUnchanged(resource, etag, request)) return { status: 304, fields, body: NOTHING };
  fields['content-type'] = resource.type;
  fields['accept-ranges'] = 'bytes';
  if (coding !== 'identity') fields['content-encoding'] = coding;
  const range = status === 200 ? rangeOf(resource, representation, request) : undefined;
  if (range === undefined) return { status, fields, body };
  if (range === 'unsatisfiable') {
    return { status: 416, fields: { 'content-range': `bytes */${body.length}` }, body: NOTHING };
  }
  fields['content-range'] = `bytes ${range.start}-${range.end - 1}/${body.length}`;
  return { status: 206, fields, body: body.subarray(range.start, range.end) };
}

/** RFC 9110 §12.5.3: the coding with the greatest weight, ours first among equals. */
function negotiate(resource: Resource, accepted = ''): { coding: Coding; representation: Representation } {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    if (name !== '')
      weights.set(name, /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0);
  }
  const found: { coding: Coding; representation: Representation; weight: number }[] = [];
  for (const coding of ['br', 'gzip', 'identity'] as const) {
    const representation = resource.codings.get(coding);
    const fallback = coding === 'identity' ? 0.001 : 0;
    const weight = weights.get(coding) ?? weights.get('*') ?? fallback;
    if (representation !== undefined) found.push({ coding, representation, weight });
  }
  const best = found.reduce((a, b) => (b.weight > a.weight ? b : a));
  const identity = found.find(({ coding }) => coding === 'identity');
  return best.weight > 0 || identity === undefined ? best : identity;
}

/** RFC 9110 §13.1.2 and §13.1.3; If-Modified-Since counts only without If-None-Match. */
function isUnchanged(resource: Resource, etag: string, request: RequestFields): boolean {
  const tags = request['if-none-match'];
  if (tags !== undefined) {
    return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
  }
  const since = Date.parse(request['if-modified-since'] ?? '');
  return resource.lastModifiedAt <= since;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** One range (RFC 9110 §14.2); several, or an If-Range that does not match, get the whole: undefined. */
function rangeOf(
  resource: Resource,
  { body, etag }: Representation,
  request: RequestFields,
): Range | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.range ?? '');
  const condition = request['if-range'];
  if (condition !== undefined && condition !== etag && Date.parse(condition) !== resource.lastModifiedAt)
    return undefined;
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const suffix = match[1] === '';
  const start = suffix ? Math.max(0, body.length - Number(match[2])) : Number(match[1]);
  const end = suffix || match[2] === '' ? body.length : Math.min(body.length, Number(match[2]) + 1);
  if (!suffix && match[2] !== '' && Number(match[2]) < start) return undefined;
  return start < body.length && start < end ? { start, end } : 'unsatisfiable';
}
