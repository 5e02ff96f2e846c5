// What Redis answers, read without belief in its shape: what is something else becomes an empty list, a text, a zero.

import type { Reply } from './redis-connection.ts';

export function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

export function textOf(reply: Reply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply ?? '');
}

export function numberOf(reply: Reply | undefined): number {
  const number = Number(textOf(reply));
  return Number.isFinite(number) ? number : 0;
}
