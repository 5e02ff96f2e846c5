// Where the edge is that a command speaks to, and what it shows there: flags first, then the edge's settings file, then the
// defaults of a local edge.

import { type Address, ConfigError, type Fault, formatAddress, loadConfig, parseAddress } from '../config.ts';
import { type Answer, ask } from './ask.ts';

export interface WhereOptions {
  /** host:port of the client listener. */
  readonly edge?: string | undefined;
  /** host:port of the admin listener. */
  readonly admin?: string | undefined;
  /** The edge's settings file. */
  readonly config?: string | undefined;
  readonly token?: string | undefined;
}

export interface Where {
  /** undefined: the URL's own host. */
  readonly edge: Address | undefined;
  readonly admin: Address;
  readonly token: string | undefined;
}

const LOCAL_ADMIN: Address = { host: '127.0.0.1', port: 8081 };

/** @throws ConfigError with the faults given and those of the options. */
export function whereIs(options: WhereOptions, others: readonly Fault[] = []): Where {
  const faults = [...others];
  const address = (flag: 'edge' | 'admin'): Address | undefined => {
    const text = options[flag];
    if (text === undefined) return undefined;
    const parsed = parseAddress(text);
    if (parsed !== undefined) return parsed;
    const allowed = `host:port such as "127.0.0.1:${flag === 'edge' ? 8080 : 8081}"`;
    faults.push({ path: `--${flag}`, value: JSON.stringify(text), allowed });
    return undefined;
  };
  const edge = address('edge');
  const admin = address('admin');
  if (faults.length > 0) throw new ConfigError(faults, 'flags');
  const config = options.config === undefined ? undefined : loadConfig(options.config, []);
  return {
    edge: edge ?? config?.listen,
    admin: admin ?? config?.admin ?? LOCAL_ADMIN,
    token: options.token ?? config?.purge.token,
  };
}

export function authorization(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** A request to the admin listener. @throws Error when nothing answers. */
export function askAdmin(
  { admin, token }: Where,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return ask({
    method,
    url: new URL(path, 'http://admin.invalid'),
    to: admin,
    headers: { host: formatAddress({ ...admin, host: admin.host ?? '127.0.0.1' }), ...authorization(token) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'refused (401): this edge wants a token; give it as HOLDFAST_TOKEN, or with --token or --config',
  403: 'refused (403): neither this address nor the token may purge; see purge.allow and purge.token',
  405: 'refused (405): purging is switched off there, or that is no holdfast',
};

/** What an answer that is none means; `what` it should have been. */
export function notAnswered(at: Address, { status, body }: Answer, what: string): string {
  const said = parseJson(body);
  const error = typeof said === 'object' && said !== null && 'error' in said ? String(said.error) : undefined;
  const from = formatAddress(at);
  const refused = REFUSALS[status];
  if (refused !== undefined) return `${from} ${refused}`;
  if (error !== undefined) return `${from} answered ${status}: ${error}`;
  const start = body
    .toString()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return `${from} answered ${status} without ${what}; is it a holdfast? ${start}`;
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** Says on standard error what went wrong. @returns the exit code */
export function fail(message: string): number {
  process.stderr.write(`holdfast: ${message}\n`);
  return 1;
}
