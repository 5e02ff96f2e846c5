// The variables of a FastCGI request: RFC 3875 §4.1 and those that nginx's fastcgi_params has taught applications to expect.
// Pure. Whatever a client sends comes under HTTP_ and under no other name.

import type { FieldLines } from '../../http/fields.ts';
import type { Script } from './script.ts';

export interface ParamsInput {
  readonly method: string;
  /** `/path?query` as sent. */
  readonly target: string;
  /** Field lines of the request to the origin. */
  readonly lines: FieldLines;
  /** Bytes of the content; undefined without. */
  readonly contentLength: number | undefined;
  /** The client's address. */
  readonly client: string;
  readonly script: Script;
  readonly root: string;
  /** The operator's own, over all others. */
  readonly extra: Readonly<Record<string, string>>;
}

/**
 * Left out of HTTP_*. `Proxy` would become HTTP_PROXY, which programs take for a setting (httpoxy); the others have variables of
 * their own, or speak of the connection.
 */
const NOT_PASSED: ReadonlySet<string> = new Set(['proxy', 'content-length', 'content-type', 'connection']);

/** Names and values, one character a byte. */
export function cgiParams(input: ParamsInput): ReadonlyMap<string, string> {
  const { method, target, lines, script, root, client } = input;
  const fields = fieldParams(lines);
  const query = target.indexOf('?');
  const secure = (fields.get('HTTP_X_FORWARDED_PROTO') ?? '').toLowerCase() === 'https';
  const { host, port } = hostAndPort(fields.get('HTTP_HOST') ?? '', secure);
  const params = new Map<string, string>([
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'holdfast'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SERVER_NAME', host],
    ['SERVER_PORT', port],
    ['REMOTE_ADDR', client],
    ['REQUEST_METHOD', method],
    ['REQUEST_SCHEME', secure ? 'https' : 'http'],
    ['REQUEST_URI', target],
    ['QUERY_STRING', query === -1 ? '' : target.slice(query + 1)],
    ['DOCUMENT_ROOT', root],
    ['DOCUMENT_URI', script.name + script.pathInfo],
    ['SCRIPT_NAME', script.name],
    ['SCRIPT_FILENAME', script.filename],
    ['PATH_INFO', script.pathInfo],
    ['CONTENT_TYPE', valueOfLine(lines, 'content-type')],
    ['CONTENT_LENGTH', String(input.contentLength ?? '')],
    // php-cgi runs nothing without it (cgi.force_redirect).
    ['REDIRECT_STATUS', '200'],
  ]);
  if (script.pathInfo !== '') params.set('PATH_TRANSLATED', root + script.pathInfo);
  if (secure) params.set('HTTPS', 'on');
  for (const [name, value] of fields) params.set(name, value);
  for (const [name, value] of Object.entries(input.extra)) params.set(name, value);
  return params;
}

/**
 * The fields as HTTP_* (RFC 3875 §4.1.18). Only letters, digits and "-" are passed: a name with "_" would take the place of
 * the field with "-", which the edge may have written itself (X_Forwarded_For).
 */
function fieldParams(lines: FieldLines): Map<string, string> {
  const params = new Map<string, string>();
  for (let i = 0; i < lines.length; i += 2) {
    const field = (lines[i] ?? '').toLowerCase();
    const value = lines[i + 1] ?? '';
    if (NOT_PASSED.has(field) || !/^[a-z0-9-]+$/.test(field)) continue;
    const name = `HTTP_${field.toUpperCase().replaceAll('-', '_')}`;
    const before = params.get(name);
    // RFC 6265 §5.4: cookies are put together with ";".
    const between = field === 'cookie' ? '; ' : ', ';
    params.set(name, before === undefined ? value : `${before}${between}${value}`);
  }
  return params;
}

function valueOfLine(lines: FieldLines, name: string): string {
  for (let i = 0; i < lines.length; i += 2) if (lines[i]?.toLowerCase() === name) return lines[i + 1] ?? '';
  return '';
}

/** Host as SERVER_NAME and SERVER_PORT (RFC 3875 §4.1.14, §4.1.15). */
function hostAndPort(authority: string, secure: boolean): { readonly host: string; readonly port: string } {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(authority) ?? [];
  return { host, port: port ?? (secure ? '443' : '80') };
}
