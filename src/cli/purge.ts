// `holdfast purge URL`: one PURGE request to an edge, its receipt for a person to read, an exit code.
// Owns the client side only; what a purge does is src/admin's.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import { type Address, ConfigError, type Fault, formatAddress, loadConfig, parseAddress } from '../config.ts';

export interface PurgeOptions {
  /** host:port of the edge; else the `listen` of `config`, else the URL's own host. */
  readonly edge?: string | undefined;
  readonly config?: string | undefined;
  /** Else the token of `config`. */
  readonly token?: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 30_000;
const LONGEST_ANSWER_BYTES = 1024 * 1024;

const count = z.object({ responses: z.number(), bytes: z.number() });
const receipt = z.object({
  id: z.string(),
  at: z.string(),
  matched: z.record(z.string(), count),
  fenced: z.number(),
  durable: z.boolean().optional(),
  detail: z.string().optional(),
});

/**
 * @returns the exit code: 0 when the purge was taken, also where nothing was stored.
 * @throws ConfigError for a malformed URL, edge or settings file.
 */
export async function purgeCommand(given: string, options: PurgeOptions): Promise<number> {
  const url = parseUrl(given);
  const edge = options.edge === undefined ? undefined : parseAddress(options.edge);
  const faults: Fault[] = [];
  if (url === undefined)
    faults.push({ path: 'URL', value: JSON.stringify(given), allowed: 'an http or https URL' });
  if (options.edge !== undefined && edge === undefined) {
    faults.push({
      path: '--edge',
      value: JSON.stringify(options.edge),
      allowed: 'host:port such as "127.0.0.1:8080"',
    });
  }
  if (url === undefined || faults.length > 0) throw new ConfigError(faults, 'flags');
  const config = options.config === undefined ? undefined : loadConfig(options.config, []);
  const to = dial(edge ?? config?.listen ?? addressOf(url));
  try {
    const answer = await send(url, to, options.token ?? config?.purge.token);
    return report(url, to, answer);
  } catch (error) {
    return fail(
      `no answer from ${formatAddress(to)}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function parseUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

function addressOf(url: URL): Address {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/** An edge that listens on all interfaces is reached on this host. */
function dial({ host, port }: Address): Address {
  return { host: host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port };
}

function send(url: URL, to: Address, token: string | undefined): Promise<Answer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      method: 'PURGE',
      host: to.host,
      port: to.port,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(url.protocol === 'https:' ? { servername: url.hostname } : {}),
      agent: false,
      timeout: TIMEOUT_MS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`nothing for ${TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > LONGEST_ANSWER_BYTES) response.destroy(new Error('an answer too long for a receipt'));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    outgoing.end();
  });
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'refused (401): this edge wants a token; give it as HOLDFAST_TOKEN, or with --token or --config',
  403: 'refused (403): neither this address nor the token may purge; see purge.allow and purge.token',
  405: 'refused (405): purging is switched off there, or that is no holdfast',
};

function report(url: URL, to: Address, { status, body }: Answer): number {
  const refused = REFUSALS[status];
  if (refused !== undefined) return fail(`${formatAddress(to)} ${refused}`);
  const parsed = receipt.safeParse(parseJson(body));
  if ((status !== 200 && status !== 404) || !parsed.success) {
    const start = body
      .replace(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, 200);
    return fail(`${formatAddress(to)} answered ${status} without a receipt; is it a holdfast? ${start}`);
  }
  const { matched, fenced, id, at, durable, detail } = parsed.data;
  const tiers = Object.entries(matched).map(
    ([tier, { responses, bytes }]) => `${tier} ${responses} (${bytes} bytes)`,
  );
  const lines = [
    status === 200 ? `purged ${url.href}` : `nothing stored for ${url.href}`,
    `  stored responses removed: ${tiers.join(', ')}`,
    `  fetches in flight fenced: ${fenced}`,
    `  receipt: ${id}, ${at}`,
    ...(durable === false ? ['  not written to disk: it holds now, but would not survive a restart'] : []),
    ...(detail === undefined ? [] : [`  detail: ${detail}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fail(message: string): number {
  process.stderr.write(`holdfast: ${message}\n`);
  return 1;
}
