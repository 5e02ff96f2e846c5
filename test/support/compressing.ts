// The stage of the compression scenarios: text that is worth compressing, what came back decoded, and waiting for what is made
// behind.

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { get, type Response, type SendOptions } from './client.ts';
import type { TestEdge } from './edge.ts';
import { metricsOf, settled } from './scene.ts';

export const ALL = { compress: { encodings: ['zstd', 'br', 'gzip'] } };
export const GZIP = { compress: { encodings: ['gzip'] } };

/** A page of so many bytes, different for each seed. */
export function page(seed: string | number, bytes = 5000): string {
  let text = '';
  for (let i = 0; text.length < bytes; i += 1)
    text += `<li class="item">${seed}: ${i * 7919} green bottles</li>\n`;
  return text.slice(0, bytes);
}

/** The content as the origin sent it, whatever it was encoded with. */
export function decoded({ headers, body }: Response): string {
  const coding = headers['content-encoding'];
  if (coding === undefined) return body.toString();
  if (coding === 'gzip') return gunzipSync(body).toString();
  if (coding === 'br') return brotliDecompressSync(body).toString();
  if (coding === 'zstd') return zstdDecompressSync(body).toString();
  throw new Error(`encoded with ${coding}`);
}

/** A GET that accepts these encodings. */
export function ask(
  edge: TestEdge,
  path: string,
  accept?: string,
  headers: Readonly<Record<string, string>> = {},
  options: SendOptions = {},
): Promise<Response> {
  const accepting = accept === undefined ? {} : { 'Accept-Encoding': accept };
  return get(edge.url, path, { ...options, headers: { ...accepting, ...headers } });
}

/** Resolves when nothing is fetched and nothing waits to be compressed. */
export async function compressed(edge: TestEdge): Promise<void> {
  await settled(edge);
  while ((await metricsOf(edge)).get('holdfast_compression_queue') !== 0);
}

/** The response that a client with this Accept-Encoding gets once its form has been made. */
export async function askUntilMade(
  edge: TestEdge,
  path: string,
  accept: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  await ask(edge, path, accept, headers);
  await compressed(edge);
  await ask(edge, path, accept, headers);
  await compressed(edge);
  return ask(edge, path, accept, headers);
}

/** Resolves when `holds` does, asked again and again. The test's own time limit bounds it. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
