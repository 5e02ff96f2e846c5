// The peers' origin, a process of its own: `node bench/peers/origin.ts PORT`. As little work as an origin can be: raw
// sockets, responses composed once per size. `/keep/BYTES/…` may be stored for an hour, `/pass/BYTES/…` never;
// `/count` tells how many requests it has answered.

import { createServer, type Socket } from 'node:net';

const DATE = new Date().toUTCString();
const END = '\r\n\r\n';
const TARGET = /^GET (?:http:\/\/[^/]+)?\/(keep|pass)\/(\d{1,8})\/?/;
const composed = new Map<string, Buffer>();
let answered = 0;

function response(kind: string, bytes: number): Buffer {
  const key = `${kind}/${bytes}`;
  let whole = composed.get(key);
  if (whole === undefined) {
    const lines = [
      'HTTP/1.1 200 OK',
      `Date: ${DATE}`,
      'Content-Type: text/plain',
      `Cache-Control: ${kind === 'keep' ? 'public, max-age=3600' : 'no-store'}`,
      ...(kind === 'keep' ? [`ETag: "${bytes}"`, 'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT'] : []),
      `Content-Length: ${bytes}`,
    ];
    whole = Buffer.concat([Buffer.from(lines.join('\r\n') + END), Buffer.alloc(bytes, 'holdfast ')]);
    composed.set(key, whole);
  }
  return whole;
}

function answer(head: string): Buffer | string {
  const [, kind, bytes] = TARGET.exec(head) ?? [];
  if (kind !== undefined && bytes !== undefined) {
    answered++;
    return response(kind, Number(bytes));
  }
  const body = head.startsWith('GET /count') ? String(answered) : '';
  const status = body === '' ? '404 Not Found' : '200 OK';
  return `HTTP/1.1 ${status}\r\nCache-Control: no-store\r\nContent-Length: ${body.length}${END}${body}`;
}

function serve(socket: Socket): void {
  let held = '';
  socket.on('data', (bytes: Buffer) => {
    held += bytes.toString('latin1');
    for (let end = held.indexOf(END); end !== -1; end = held.indexOf(END)) {
      socket.write(answer(held.slice(0, end)));
      held = held.slice(end + END.length);
    }
  });
  socket.on('error', () => socket.destroy());
}

createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1');
