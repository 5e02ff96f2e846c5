// The grammar of password hashes: bcrypt as htpasswd writes it, scrypt in the PHC's form. Pure.

const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/;
const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Memory that one check may take. */
export const MOST_SCRYPT_BYTES = 256 * 1024 * 1024;

export interface ScryptHash {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** The hash in the spelling that is checked; undefined for any other form. */
export function parseHash(text: string): string | undefined {
  // The three letters mean the same algorithm where it is without faults.
  if (BCRYPT.test(text)) return `$2b$${text.slice(4)}`;
  return parseScrypt(text) === undefined ? undefined : text;
}

export function parseScrypt(text: string): ScryptHash | undefined {
  const [, ln, r, p, salt = '', hash = ''] = SCRYPT.exec(text) ?? [];
  const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
  const isBounded = cost >= 2 ** 10 && blockSize >= 1 && parallelization >= 1 && parallelization <= 16;
  if (!isBounded || 128 * cost * blockSize > MOST_SCRYPT_BYTES) return undefined;
  return {
    cost,
    blockSize,
    parallelization,
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

export function formatScrypt({ cost, blockSize, parallelization, salt, hash }: ScryptHash): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}$${saltText}$${hashText}`;
}
