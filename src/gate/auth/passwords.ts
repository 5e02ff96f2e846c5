// Whether a password fits its hash. Hashing is made to be slow, so it happens elsewhere: scrypt in Node's own threads,
// bcrypt in one thread of ours; and only so many at a time. The request thread never hashes a password.

import { scrypt, timingSafeEqual } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { MOST_SCRYPT_BYTES, parseScrypt, type ScryptHash } from './password-hash.ts';

/** Checks that wait at the most; beyond it nothing is begun. */
const MOST_WAITING = 64;

/** Too many passwords are being checked. */
export class Busy extends Error {}

let waiting = 0;

/** @throws Busy (rejects) when too many are being checked already. */
export async function fits(password: string, hash: string): Promise<boolean> {
  if (waiting >= MOST_WAITING) throw new Busy('Too many passwords are being checked.');
  waiting++;
  try {
    const forScrypt = parseScrypt(hash);
    return await (forScrypt === undefined ? bcrypt.ask(password, hash) : fitsScrypt(password, forScrypt));
  } finally {
    waiting--;
  }
}

function fitsScrypt(password: string, { salt, hash, ...cost }: ScryptHash): Promise<boolean> {
  const options = { ...cost, maxmem: 2 * MOST_SCRYPT_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, key) => {
      if (error !== null) reject(error);
      else resolve(timingSafeEqual(key, hash));
    });
  });
}

/** The thread, begun when it is first needed; it keeps nobody from ending. */
class BcryptThread {
  #worker: Worker | undefined;
  #waiting: ((answer: boolean | Error) => void)[] = [];

  ask(password: string, hash: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      this.#worker ??= this.#begin();
      this.#worker.postMessage([password, hash]);
    });
  }

  #begin(): Worker {
    const worker = new Worker(new URL('./bcrypt-thread.ts', import.meta.url));
    worker.unref();
    worker.on('message', (fits: boolean) => this.#waiting.shift()?.(fits));
    const end = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const tell of this.#waiting.splice(0)) tell(error);
    };
    worker.on('error', end);
    worker.on('exit', () => end(new Error('the thread for passwords ended')));
    return worker;
  }
}

const bcrypt = new BcryptThread();
