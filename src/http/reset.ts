// Ends a connection with a reset, so that nobody takes what came for all there was.

import type { Socket } from 'node:net';

/** @param tcp the socket under `socket` where that is one of TLS, which knows no reset; else the same */
export function reset(socket: Socket, tcp: Socket): void {
  // While an end is on its way the system takes no reset, and Node loses the socket; but then the end came after the whole.
  if (socket.writableEnded || tcp.writableEnded) tcp.destroy();
  else tcp.resetAndDestroy();
}
