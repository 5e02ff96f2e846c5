// The Request value that the handler sees, from a head and what comes after it.

import type { Readable } from 'node:stream';
import type { Head } from './head.ts';
import type { Peer, Request } from './message.ts';

export function toRequest(
  head: Head,
  content: Readable | undefined,
  scheme: 'http' | 'https',
  peer: Peer,
  receivedAt: number,
): Request {
  const { block } = head;
  return {
    method: head.method,
    target: head.target,
    scheme: head.scheme ?? scheme,
    authority: head.authority,
    version: head.version,
    fields: block.fields,
    body:
      content === undefined
        ? null
        : { length: block.chunked ? undefined : block.contentLength, stream: content },
    peer,
    receivedAt,
  };
}
