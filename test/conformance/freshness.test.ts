import { conformance } from './runner.ts';
import { age } from './tables/age.ts';
import { expiresTable } from './tables/expires.ts';
import { maxAge } from './tables/max-age.ts';
import { statuses } from './tables/statuses.ts';

conformance(maxAge, expiresTable, age, statuses);
