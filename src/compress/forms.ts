// Encoded forms among stored responses: which records are forms, of what, and what a client is shown of a response and of a
// form of it. A form is used with the fields of the response it was made of, so that what freshens, purges or invalidates that
// one needs no second word for its forms. Pure.

import type { Stored } from '../../storage/store.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { carriesTags, TAG_FIELDS } from '../cache/tags.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { codedTag } from './coded-tag.ts';
import type { Coding } from './coding.ts';

type Record = Stored<StoredMeta>;
type Records = readonly Record[];

/** The variant under which a form of a variant is stored. */
export function formVariant(variant: string, coding: Coding): string {
  return `${variant}#${coding}`;
}

/** Arrays of the memory tier stay the same until something of their key changes. */
const known = new WeakMap<Records, Records>();

/** The stored responses of a key without their forms; the same array where there are none. */
export function withoutForms(records: Records): Records {
  for (const { meta } of records) {
    if (meta.coded === undefined) continue;
    let plain = known.get(records);
    if (plain === undefined) {
      plain = records.filter((one) => one.meta.coded === undefined);
      known.set(records, plain);
    }
    return plain;
  }
  return records;
}

/** The form of a response among what is stored under its key. */
export function formOf(records: Records, content: string, coding: Coding): Record | undefined {
  for (const record of records) {
    if (record.meta.content === content && record.meta.coded?.coding === coding) return record;
  }
  return undefined;
}

/** The forms that are stored beside a variant, of whatever bytes. */
export function formsOf(records: Records, variant: string): Records {
  return records.filter(
    ({ meta, variant: own }) => meta.coded !== undefined && own === formVariant(variant, meta.coded.coding),
  );
}

/** The meta to store a form with: what purges and sweeps look at. The rest is that of its response, whenever it is used. */
export function formMeta(of: StoredMeta, coded: NonNullable<StoredMeta['coded']>): StoredMeta {
  return { ...of, lines: carriesTags(of.lines) ? tagLines(of.lines) : [], coded };
}

function tagLines(lines: FieldLines): FieldLines {
  return kept(lines, (name) => TAG_FIELDS.has(name) || name === 'cache-groups');
}

/** Fields that speak of the bytes as the origin sent them (RFC 9530, RFC 3230, RFC 1864). */
const OF_THE_BYTES: ReadonlySet<string> = new Set(['content-md5', 'content-digest', 'repr-digest', 'digest']);

/** A response that has forms, as clients are shown it: they are told by what it varies. */
export function shownMeta(meta: StoredMeta): StoredMeta {
  return { ...meta, lines: withVary(meta.lines) };
}

/** A form as clients are shown it. @param of the response it was made of, as it is now */
export function shownFormMeta(of: StoredMeta, coded: NonNullable<StoredMeta['coded']>): StoredMeta {
  const { coding, mark } = coded;
  const etag = codedTag(of.etag, coding, mark);
  const lines = kept(withVary(of.lines), (name) => !OF_THE_BYTES.has(name));
  return { ...of, coded, etag, lines: [...withEtag(lines, etag), 'Content-Encoding', coding] };
}

/** The same response under another of its tags, for the 304 to a client that has it by that. */
export function renamed(meta: StoredMeta, etag: string): StoredMeta {
  return { ...meta, etag, lines: withEtag(meta.lines, etag) };
}

/** The lines with one entity tag for another. */
export function withEtag(lines: FieldLines, etag: string | undefined): FieldLines {
  if (etag === undefined) return lines;
  return lines.map((text, i) => (i % 2 === 1 && lines[i - 1]?.toLowerCase() === 'etag' ? etag : text));
}

/** The lines with Accept-Encoding in Vary (RFC 9110 §12.5.5). */
export function withVary(lines: FieldLines): FieldLines {
  const fields = new Fields(lines);
  const vary = fields.get('vary');
  if (vary === undefined || vary.trim() === '') return fields.with('Vary', 'Accept-Encoding').lines;
  return /(?:^|,)[\t ]*(?:accept-encoding|\*)[\t ]*(?:,|$)/i.test(vary)
    ? lines
    : fields.with('Vary', `${vary}, Accept-Encoding`).lines;
}

function kept(lines: FieldLines, test: (name: string) => boolean): FieldLines {
  const out: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const [name = '', value = ''] = lines.slice(i, i + 2);
    if (test(name.toLowerCase())) out.push(name, value);
  }
  return out;
}

/** What an operator is shown: forms with the fields of their responses, without those that belong to nothing any more. */
export function describable(records: Records): Records {
  return records.flatMap((record) => {
    const { coded, content } = record.meta;
    if (coded === undefined) return [record];
    const of = records.find(({ meta }) => meta.coded === undefined && meta.content === content);
    if (of === undefined) return [];
    const { key, variant, body, tier } = record;
    return [{ key, variant, body, tier, meta: shownFormMeta(of.meta, coded) }];
  });
}
