import { conformance } from './runner.ts';
import { authorization } from './tables/authorization.ts';
import { requestDirectives } from './tables/request-directives.ts';
import { responseDirectives } from './tables/response-directives.ts';
import { vary } from './tables/vary.ts';

conformance(responseDirectives, requestDirectives, authorization, vary);
