// Every table, in the order of the document. A test file has one origin and one clock; several files run at once.

import type { Table } from './row.ts';
import { age } from './tables/age.ts';
import { authorization } from './tables/authorization.ts';
import { cacheGroups } from './tables/cache-groups.ts';
import { cacheStatusTable } from './tables/cache-status.ts';
import { collapsing } from './tables/collapsing.ts';
import { completingTable } from './tables/completing.ts';
import { conditional } from './tables/conditional.ts';
import { conditionalRules } from './tables/conditional-rules.ts';
import { expiresTable } from './tables/expires.ts';
import { framingTable } from './tables/framing.ts';
import { freshening } from './tables/freshening.ts';
import { head } from './tables/head.ts';
import { headerStorage } from './tables/header-storage.ts';
import { ifRange } from './tables/if-range.ts';
import { invalidation } from './tables/invalidation.ts';
import { keys } from './tables/keys.ts';
import { maxAge } from './tables/max-age.ts';
import { methods } from './tables/methods.ts';
import { mustRevalidate } from './tables/must-revalidate.ts';
import { noVarySearch } from './tables/no-vary-search.ts';
import { partial } from './tables/partial.ts';
import { qualifiedTable } from './tables/qualified.ts';
import { ranges } from './tables/ranges.ts';
import { requestDirectives } from './tables/request-directives.ts';
import { requestFreshness } from './tables/request-freshness.ts';
import { responseDirectives } from './tables/response-directives.ts';
import { routes } from './tables/routes.ts';
import { setCookie } from './tables/set-cookie.ts';
import { staleIfError } from './tables/stale-if-error.ts';
import { staleWhileRevalidate } from './tables/stale-while-revalidate.ts';
import { statuses } from './tables/statuses.ts';
import { targeted } from './tables/targeted.ts';
import { targetedParsing } from './tables/targeted-parsing.ts';
import { validation } from './tables/validation.ts';
import { variants } from './tables/variants.ts';
import { vary } from './tables/vary.ts';

/** The tables of each test file. */
export const FILES = {
  freshness: [maxAge, expiresTable, age, statuses, requestFreshness],
  storing: [responseDirectives, qualifiedTable, requestDirectives, authorization, setCookie, headerStorage],
  selecting: [keys, noVarySearch, vary, variants, methods, framingTable, routes],
  validating: [conditional, conditionalRules, validation, freshening, head, invalidation, cacheGroups],
  parts: [ranges, ifRange, partial, completingTable],
  serving: [
    targeted,
    targetedParsing,
    mustRevalidate,
    staleWhileRevalidate,
    staleIfError,
    cacheStatusTable,
    collapsing,
  ],
} as const satisfies Record<string, readonly Table[]>;

export const tables: readonly Table[] = Object.values(FILES).flat();
