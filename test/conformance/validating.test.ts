import { conformance } from './runner.ts';
import { conditional } from './tables/conditional.ts';
import { head } from './tables/head.ts';
import { invalidation } from './tables/invalidation.ts';
import { validation } from './tables/validation.ts';

conformance(conditional, validation, head, invalidation);
