// Reading into a buffer that is reused, for sockets that a server has accepted. Node offers this for sockets that one makes
// oneself (`onread`), not for accepted ones; what is set here on them is found by making one. The only file that touches
// what is not public in node:net. Where it is not found, sockets emit 'data' as ever.

import { Socket } from 'node:net';

interface Keys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Where a socket keeps its `onread` buffer and callback; undefined where this Node does otherwise. */
function findKeys(): Keys | undefined {
  // Elsewhere the system may hold a socket's buffer while nothing is there to be read, so it cannot be shared.
  if (process.platform === 'win32') return undefined;
  const onread = { buffer: new Uint8Array(1), callback: () => true };
  const probe = new Socket({ onread });
  const keys = Object.getOwnPropertySymbols(probe);
  const buffer = keys.find((key) => Reflect.get(probe, key) === onread.buffer);
  const callback = keys.find((key) => Reflect.get(probe, key) === onread.callback);
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}

const KEYS = findKeys();

/**
 * From now on the socket's bytes come in `buffer`, which many sockets may share: they are there until `onRead` returns.
 * `pause`, `resume`, 'end' and 'close' work as they do for every socket.
 * @returns false where that cannot be had
 */
export function readInto(socket: Socket, buffer: Buffer, onRead: (length: number) => void): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (KEYS === undefined || !isReader(handle)) return false;
  Reflect.set(socket, KEYS.buffer, buffer);
  Reflect.set(socket, KEYS.callback, (length: number) => {
    onRead(length);
    return true;
  });
  handle.useUserBuffer(buffer);
  return true;
}

function isReader(handle: unknown): handle is { useUserBuffer(buffer: Buffer): void } {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    'useUserBuffer' in handle &&
    typeof handle.useUserBuffer === 'function'
  );
}
