// `holdfast hash`: a line for a file of users, made of a password that is read from standard input and never shown.

import { randomBytes, scryptSync } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { ConfigError } from '../config.ts';
import { formatScrypt } from '../gate/auth/password-hash.ts';

/** 32 MB and some 0.1 s for each check. */
const COST = { cost: 2 ** 15, blockSize: 8, parallelization: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** @returns the exit code. @throws ConfigError for a name or a password that cannot be one. */
export async function hashCommand(user: string): Promise<number> {
  if (user === '' || user.length > 255 || /[:\p{Cc}]/u.test(user)) {
    const allowed = '1 to 255 characters without ":"';
    throw new ConfigError([{ path: 'USER', value: JSON.stringify(user), allowed }], 'flags');
  }
  const password = await readPassword();
  if (password === '' || Buffer.byteLength(password) > 1024) {
    const allowed = '1 to 1024 bytes on the first line of standard input';
    throw new ConfigError([{ path: 'password', value: '(hidden)', allowed }], 'standard input');
  }
  const salt = randomBytes(SALT_BYTES);
  const hash = scryptSync(password, salt, HASH_BYTES, { ...COST, maxmem: 64 * 1024 * 1024 });
  process.stdout.write(`${user}:${formatScrypt({ ...COST, salt, hash })}\n`);
  return 0;
}

/** The first line. At a terminal it is asked for, and not echoed. */
async function readPassword(): Promise<string> {
  const terminal = process.stdin.isTTY === true;
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal });
  if (terminal) process.stderr.write('Password: ');
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (terminal) process.stderr.write('\n');
  }
}
