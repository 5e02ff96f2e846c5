import { conformance } from './runner.ts';
import { partial } from './tables/partial.ts';
import { ranges } from './tables/ranges.ts';

conformance(ranges, partial);
