// One HTTP request of a command line tool: to the address given, for the Host of the URL, bounded in time and size.

import { type Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Address, formatAddress } from '../config.ts';

export interface Question {
  readonly method: string;
  readonly url: URL;
  /** Where to connect; else the URL's own host. */
  readonly to?: Address | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
  /** Of content that is kept; more is an error, or let go when `skim` says so. */
  readonly maxBytes?: number;
  /** Content is read and not kept. */
  readonly skim?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Content received, kept or not. */
  readonly bytes: number;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** @throws Error that names the address when there is no whole answer. */
export async function ask(question: Question): Promise<Answer> {
  const to = dial(question.to ?? addressOf(question.url));
  try {
    return await send(question, to);
  } catch (error) {
    throw new Error(`no answer from ${formatAddress(to)}: ${messageOf(error)}`);
  }
}

function send(question: Question, to: Address): Promise<Answer> {
  const { method, url, headers = {}, body, agent, maxBytes = MAX_BYTES, skim = false } = question;
  // An address that was named is an edge's: it speaks http.
  const secure = url.protocol === 'https:' && question.to === undefined;
  const request = secure ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      method,
      host: to.host,
      port: to.port,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...headers },
      ...(secure ? { servername: url.hostname } : {}),
      agent: secure ? false : (agent ?? false),
      timeout: TIMEOUT_MS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`nothing for ${TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (skim) return;
        chunks.push(chunk);
        if (bytes > maxBytes) response.destroy(new Error('a longer answer than is taken'));
      });
      response.on('end', () => {
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks), bytes });
      });
    });
    outgoing.end(body);
  });
}

/** An http or https URL, or undefined. */
export function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function addressOf(url: URL): Address {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/** A program that listens on all interfaces is reached on this host. */
function dial({ host, port }: Address): Address {
  return { host: host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port };
}
