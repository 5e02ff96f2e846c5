// What the schema says of itself, for people and for editors: config.schema.json and the table of docs/settings.md.
// Pure; config/generate.ts writes the files.

import { z } from 'zod';
import { schema } from './schema.ts';

/** The part of JSON Schema that our schema turns into. */
interface Node {
  description?: string;
  allowed?: string;
  default?: unknown;
  type?: string;
  properties?: Record<string, Node>;
  items?: Node;
  anyOf?: Node[];
  additionalProperties?: boolean | Node;
  $schema?: string;
}

/** A JSON Schema (2020-12) of config.json. Descriptions end with what is allowed. */
export function jsonSchema(): unknown {
  return describe(inputSchema());
}

/** docs/settings.md, whole. */
export function settingsPage(): string {
  const rows = tableRows(inputSchema(), '');
  return `${INTRODUCTION}\n| setting | allowed | default | what it does |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function inputSchema(): Node {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) as Node;
}

function describe(node: Node): Node {
  const { allowed, ...rest } = node;
  const result: Node = rest;
  if (allowed !== undefined && node.description)
    result.description = `${node.description} Allowed: ${allowed}.`;
  else if (node.description === '') delete result.description;
  if (node.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [name, describe(child)]),
    );
  }
  if (node.items !== undefined) result.items = describe(node.items);
  if (node.anyOf !== undefined) result.anyOf = node.anyOf.map(describe);
  if (typeof node.additionalProperties === 'object')
    result.additionalProperties = describe(node.additionalProperties);
  return result;
}

/** One row per setting; sections give none of their own. The cache settings of a route are those of `cache`. */
function tableRows(node: Node, path: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (at === 'routes[].cache') return [row(at, 'as under `cache`, but for `debug`', child)];
    if (at === 'routes[].access') return [row(at, 'as under `access`', child)];
    if (child.properties !== undefined) return tableRows(child, at);
    const own = row(at, child.allowed ?? '', child);
    const { additionalProperties: named } = child;
    if (typeof named === 'object' && named.properties !== undefined)
      return [own, ...tableRows(named, `${at}.NAME`)];
    return child.items?.properties === undefined ? [own] : [own, ...tableRows(child.items, `${at}[]`)];
  });
}

function row(path: string, allowed: string, { default: preset, description = '' }: Node): string {
  const shown = preset === undefined ? 'none' : `\`${JSON.stringify(preset).replaceAll(',', ', ')}\``;
  return `| \`${path}\` | ${[allowed, shown, description].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const INTRODUCTION = `# Settings

<!-- Made by \`npm run schema\` from src/config/schema.ts; a test checks that it is current. -->

holdfast reads one JSON file: \`holdfast run --config config.json\`. Flags beat the file, the file beats the defaults. A key that is
not in this table is a fault. All faults are reported at once, and the start ends with exit code 1. \`holdfast validate --config
config.json\` reports the same without starting. \`"$schema": "./config.schema.json"\` in the file lets editors complete it.

- **Sizes** are \`"256MB"\`, \`"1.5GB"\`, \`"262144KB"\`, or plain bytes (a number or digits). 1 KB is 1024 bytes.
- **Durations** are \`"500ms"\`, \`"30s"\`, \`"5m"\`, \`"1h"\`, \`"1d"\`; the unit is never left out.
- **Addresses** are \`"127.0.0.1:8080"\`, \`"localhost:8080"\`, \`"[::1]:8080"\`; \`":8080"\` is all interfaces, port 0 a free port.
- **Paths of files** are seen from the working directory.

| flag of \`holdfast run\` | setting |
|---|---|
| \`--listen HOST:PORT\` | \`listen\` |
| \`--origin URL\` | \`origin\` |
| \`--memory SIZE\` | \`memory\` |
| \`--disk DIR\\|none\` | \`disk.dir\` |
| \`--disk-size SIZE\` | \`disk.size\` |
| \`--admin HOST:PORT\\|none\` | \`admin\` |
| \`--workers N\` | \`workers\` |
| \`--log-level LEVEL\` | \`log.level\` |
| \`--access-log on\\|off\` | \`log.access\` |

A route names the requests that it is for and the cache settings that differ for them. The first that matches holds, and only
that one:

\`\`\`json
{
  "$schema": "./config.schema.json",
  "origin": "http://127.0.0.1:3000",
  "routes": [
    { "match": { "path": "/admin/*" }, "cache": { "bypass": true } },
    { "match": { "host": "*.example.org", "path": "*.css" }, "cache": { "ttl": "1h", "stripSetCookie": true } },
    { "match": { "path": "/search" }, "cache": { "key": { "query": "sort", "denyParams": ["utm_*"] } } }
  ]
}
\`\`\`

\`match.path\` sees the path without its query, escapes of unreserved characters decoded and dot and empty segments resolved, so that
\`//admin/x\` and \`/%61dmin/x\` are \`/admin/x\` to it. \`*\` stands for any run of characters, \`/\` included.
`;
