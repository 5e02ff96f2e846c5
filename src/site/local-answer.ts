// Answers that the settings give themselves, without cache and origin: redirects and fixed responses. Pure.

import { canonicalPath, type Pattern } from '../config/patterns.ts';
import type { FieldLines } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import { reasonPhrase } from '../http/reason.ts';
import { fillTemplate, type Template } from './template.ts';

/** The settings' form: plain data. */
export type LocalConfig =
  | { readonly kind: 'redirect'; readonly status: number; readonly to: Template }
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly contentType: string;
      /** In base64. */
      readonly body: string;
      readonly retryAfterSeconds: number | undefined;
    };

export interface LocalAnswer {
  readonly status: number;
  readonly lines: FieldLines;
  readonly body: Buffer;
  /** Token for Cache-Status's detail and the log. */
  readonly detail: LocalConfig['kind'];
}

type ClientOf = (request: Request) => { readonly address: string };

/** @param patterns of the route's path */
export function localAnswer(
  config: LocalConfig,
  patterns: readonly Pattern[],
  clientOf: ClientOf,
): (request: Request) => LocalAnswer {
  switch (config.kind) {
    case 'redirect': {
      const { status, to } = config;
      return (request) => {
        const path = canonicalPath(request.target);
        const location = local(
          fillTemplate(to, { request, patterns, path, client: clientOf(request).address }),
        );
        const body = Buffer.from(`${status} ${reasonPhrase(status)}\n${location}\n`, 'latin1');
        const lines = ['Content-Type', 'text/plain; charset=utf-8', 'Location', location];
        return { status, lines, body, detail: 'redirect' };
      };
    }
    case 'respond': {
      const { status, contentType, retryAfterSeconds } = config;
      const lines = ['Content-Type', contentType];
      if (retryAfterSeconds !== undefined) lines.push('Retry-After', String(retryAfterSeconds));
      // An answer for the moment is not to outlive it in other caches.
      if (status >= 400) lines.push('Cache-Control', 'no-store');
      const answer = { status, lines, body: Buffer.from(config.body, 'base64'), detail: 'respond' } as const;
      return () => answer;
    }
    default:
      return config satisfies never;
  }
}

/** A path stays one: with two slashes at its beginning it would name another host. */
function local(location: string): string {
  return location.startsWith('/') ? location.replace(/^[/\\]+/, '/') : location;
}

/** The target that is asked for in place of the client's; its query stays unless the template brings one. */
export function rewritten(
  template: Template,
  patterns: readonly Pattern[],
  clientOf: ClientOf,
  request: Request,
  target: string,
): string {
  if (!target.startsWith('/')) return target;
  const path = canonicalPath(target);
  const to = local(
    fillTemplate(template, {
      ...{ request: { ...request, target }, patterns, path },
      client: clientOf(request).address,
    }),
  );
  const mark = target.indexOf('?');
  return mark === -1 || to.includes('?') ? to : `${to}${target.slice(mark)}`;
}
