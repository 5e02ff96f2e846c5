// Writes what is made from the schema: config.schema.json and docs/settings.md. Run by `npm run schema`.

import { writeFileSync } from 'node:fs';
import { jsonSchema, settingsPage } from './describe.ts';

const root = new URL('../../', import.meta.url);

writeFileSync(new URL('config.schema.json', root), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
writeFileSync(new URL('docs/settings.md', root), settingsPage());
