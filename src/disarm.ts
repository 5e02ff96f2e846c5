// What a client could do by its fields to those of others: have Connection take away what the cache tells responses apart by
// or what the edge writes for origins (RFC 9110 §7.6.1), and write the edge's own fields in a spelling that applications read
// as the same (X_Forwarded_For becomes HTTP_X_FORWARDED_FOR like X-Forwarded-For). Pure.

import { HOP_BY_HOP } from './cache/stored-fields.ts';
import { Fields } from './http/fields.ts';
import { REQUEST_REWRITTEN } from './origin/forwarded.ts';
import { CERTIFICATE_FIELDS } from './tls/entrance.ts';

/**
 * Of connections: they never go further, named or not. And what proxies and edges tell each other: read whatever Connection
 * says, so that nobody can hide behind a proxy that passes a client's Connection on.
 */
const ANYWAY: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...REQUEST_REWRITTEN, 'close']);
const OWN: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...REQUEST_REWRITTEN, ...CERTIFICATE_FIELDS]);

/** The fields as everything behind may have them: what Connection names is gone, and Connection names it no more; themselves where nothing is to be done. */
export function disarmed(fields: Fields): Fields {
  const gone = new Set<string>();
  const options = fields.has('connection') ? optionsOf(fields) : [];
  const kept = options.filter((option) => ANYWAY.has(option.toLowerCase()));
  if (kept.length < options.length) for (const option of options) gone.add(option.toLowerCase());
  for (const name of ANYWAY) gone.delete(name);
  for (const name of fields.names())
    if (name.includes('_') && OWN.has(name.replaceAll('_', '-'))) gone.add(name);
  if (gone.size === 0) return fields;
  const rest = fields.without(gone);
  if (kept.length === options.length) return rest;
  return kept.length === 0
    ? rest.without(new Set(['connection']))
    : new Fields([...rest.without(new Set(['connection'])).lines, 'Connection', kept.join(', ')]);
}

function optionsOf(fields: Fields): readonly string[] {
  return (fields.get('connection') ?? '')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '');
}
