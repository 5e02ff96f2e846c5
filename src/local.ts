// Responses that the edge makes itself: short, plain, never stored by anybody.

import type { FieldLines } from './http/fields.ts';
import type { Responder, ResponseHead } from './http/message.ts';
import { reasonPhrase } from './http/reason.ts';

/** Answers with a short plain-text body. */
export function sendText(
  responder: Responder,
  status: number,
  sentence: string,
  lines: FieldLines = [],
): number {
  const body = Buffer.from(`${status} ${reasonPhrase(status)}\n${sentence}\n`);
  responder.send(local(status, 'text/plain; charset=utf-8', lines, body.length), body);
  return body.length;
}

/** Answers with a JSON body. */
export function sendJson(
  responder: Responder,
  status: number,
  value: unknown,
  lines: FieldLines = [],
): number {
  const body = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  responder.send(local(status, 'application/json', lines, body.length), body);
  return body.length;
}

function local(status: number, type: string, lines: FieldLines, length: number): ResponseHead {
  return { status, lines: ['Content-Type', type, 'Cache-Control', 'no-store', ...lines], length };
}
