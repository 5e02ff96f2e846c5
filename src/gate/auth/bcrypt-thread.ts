// The thread that checks bcrypt hashes (passwords.ts), one after another. The only file that imports bcryptjs.

import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

if (parentPort === null) throw new Error('gate/auth/bcrypt-thread.ts runs in a worker thread only');
const port = parentPort;

port.on('message', ([password, hash]: readonly [string, string]) => {
  port.postMessage(isRight(password, hash));
});

function isRight(password: string, hash: string): boolean {
  try {
    return compareSync(password, hash);
  } catch {
    return false;
  }
}
