import { conformance } from './runner.ts';
import { headerStorage } from './tables/header-storage.ts';
import { stale } from './tables/stale.ts';
import { targeted } from './tables/targeted.ts';

conformance(targeted, stale, headerStorage);
