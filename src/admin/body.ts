// The content of a request to the admin listener: text, bounded.

import type { Request } from '../http/message.ts';

export const MAX_BODY_BYTES = 1024 * 1024;

/** @returns undefined when it is too large */
export async function readBody({ body }: Request): Promise<string | undefined> {
  if ((body?.length ?? 0) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body?.stream ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
