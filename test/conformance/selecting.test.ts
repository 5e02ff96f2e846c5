import { conformance } from './runner.ts';
import { FILES } from './tables.ts';

conformance(...FILES.selecting);
