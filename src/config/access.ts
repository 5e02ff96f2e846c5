// From the settings of `access` to AccessRules: reads the files they name, puts a route's parts over the global ones, and
// reports every fault. Reading happens once per start and reload.

import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type AccessRules,
  type AuthRules,
  type JwtKey,
  type JwtRules,
  NO_RULES,
  type RateRule,
} from '../gate/access-rules.ts';
import type { AccessSet } from './access-schema.ts';
import { LINES, type RateSetting } from './access-words.ts';
import type { Fault } from './faults.ts';
import { why } from './why.ts';

type Parts = { -readonly [K in keyof AccessRules]?: AccessRules[K] };
type AuthSet = NonNullable<AccessSet['auth']>;
type JwtSet = NonNullable<AuthSet['jwt']>;

/** Adds to `faults`. @param path of the section, for them. @param base what is left out is as there */
export function accessRules(
  set: AccessSet | undefined,
  path: string,
  base: AccessRules | undefined,
  faults: Fault[],
): AccessRules | undefined {
  if (set === undefined) return base;
  return { ...NO_RULES, ...base, ...parts(set, path, faults) };
}

function parts(set: AccessSet, path: string, faults: Fault[]): Parts {
  const result: Parts = {};
  const { addresses, methods, deny, dotfiles, maxBody, rateLimits, probes, auth } = set;
  if (addresses !== undefined) {
    const { allow, deny, allowFile, denyFile, status } = addresses;
    const more = (name: string, file: string | undefined): readonly string[] =>
      file === undefined ? [] : linesOf(file, `${path}.addresses.${name}`, LINES.range, faults);
    result.addresses = {
      allow: [...allow, ...more('allowFile', allowFile)],
      deny: [...deny, ...more('denyFile', denyFile)],
      status: status === 404 ? 404 : 403,
    };
    // A list that was meant to hold somebody must not let everybody in.
    if (allowFile !== undefined && result.addresses.allow.length === 0)
      faults.push({
        path: `${path}.addresses.allowFile`,
        value: `${JSON.stringify(allowFile)}: no address in it`,
        allowed: 'a file with addresses',
      });
  }
  if (methods !== undefined) result.methods = methods;
  if (deny !== undefined)
    result.deny = deny.map(({ paths, methods, status }) => ({
      paths,
      methods,
      status: status as 403 | 404 | 405 | 410,
    }));
  if (dotfiles !== undefined) result.hideDotfiles = dotfiles === 'deny';
  if (maxBody !== undefined) result.maxBodyBytes = maxBody === 'none' ? undefined : maxBody;
  if (rateLimits !== undefined) result.rateLimits = rateLimits.map(rateRule);
  if (probes !== undefined) {
    const { mode, threshold, exclude, fields } = probes;
    result.probes = mode === 'off' ? undefined : { block: mode === 'block', threshold, exclude, fields };
  }
  if (auth !== undefined) result.auth = auth.required ? authRules(auth, `${path}.auth`, faults) : undefined;
  return result;
}

function rateRule(set: NonNullable<AccessSet['rateLimits']>[number]): RateRule {
  const { name, paths, methods, key, rate, burst, counts, dryRun } = set;
  return {
    name,
    paths,
    methods,
    key,
    rate: bucketRate(rate, burst),
    forwardedOnly: counts === 'forwarded',
    dryRun,
  };
}

function bucketRate({ perSecond, count }: RateSetting, burst = count): RateRule['rate'] {
  return { perSecond, burst };
}

function authRules(set: AuthSet, path: string, faults: Fault[]): AuthRules {
  const { basic, bearer, jwt, ask, failures } = set;
  const users = [
    ...(basic?.users ?? []),
    ...(basic?.file === undefined ? [] : linesOf(basic.file, `${path}.basic.file`, LINES.user, faults)),
  ];
  const tokens = [
    ...(bearer?.tokens ?? []),
    ...(bearer?.file === undefined ? [] : linesOf(bearer.file, `${path}.bearer.file`, LINES.token, faults)),
  ];
  if (basic !== undefined && users.length === 0 && faults.length === 0)
    faults.push({ path: `${path}.basic`, value: 'no user', allowed: 'a user in users or file' });
  if (bearer !== undefined && tokens.length === 0 && faults.length === 0)
    faults.push({ path: `${path}.bearer`, value: 'no token', allowed: 'a token in tokens or file' });
  return {
    realm: set.realm,
    users,
    tokens,
    jwt: jwt && jwtRules(jwt, `${path}.jwt`, faults),
    ask: ask && {
      url: ask.url,
      timeoutMs: ask.timeout,
      fields: ask.fields,
      rememberMs: ask.remember,
    },
    forwardAuthorization: set.forwardAuthorization,
    userField: set.userField,
    claimFields: set.claimFields,
    allowPreflight: set.allowPreflight,
    failures: failures && bucketRate(failures),
  };
}

function jwtRules(set: JwtSet, path: string, faults: Fault[]): JwtRules | undefined {
  const key = jwtKey(set, path, faults);
  if (key === undefined) return undefined;
  const fitting = algorithmsFor(key);
  const algorithms = set.algorithms ?? fitting.preset;
  const odd = algorithms.find((one) => !fitting.all.test(one));
  if (odd !== undefined || algorithms.length === 0)
    faults.push({
      path: `${path}.algorithms`,
      value: JSON.stringify(algorithms),
      allowed: `algorithms that fit the key: ${fitting.preset.join(', ')} or their kin`,
    });
  return {
    key,
    algorithms,
    issuers: set.issuers,
    audiences: set.audiences,
    required: set.required,
    toleranceSeconds: set.tolerance / 1000,
    userClaim: set.userClaim,
    cookie: set.cookie,
  };
}

function jwtKey(set: JwtSet, path: string, faults: Fault[]): JwtKey | undefined {
  if (set.jwksUrl !== undefined) return { kind: 'url', url: set.jwksUrl };
  const [name, file, allowed] =
    set.secretFile !== undefined
      ? (['secretFile', set.secretFile, 'a file with 32 bytes or more'] as const)
      : set.publicKeyFile !== undefined
        ? ([
            'publicKeyFile',
            set.publicKeyFile,
            'a file with a public key or certificate (PEM) of RSA, EC or Ed25519',
          ] as const)
        : (['jwksFile', set.jwksFile ?? '', 'a file with a set of public keys (RFC 7517)'] as const);
  const text = textOf(file, `${path}.${name}`, allowed, faults);
  if (text === undefined) return undefined;
  const key: JwtKey =
    name === 'secretFile'
      ? { kind: 'secret', secret: text.replace(/\r?\n$/, '') }
      : name === 'publicKeyFile'
        ? { kind: 'pem', pem: text }
        : { kind: 'jwks', json: text };
  if (isUsable(key)) return key;
  faults.push({
    path: `${path}.${name}`,
    value: `${JSON.stringify(file)}: nothing of the kind in it`,
    allowed,
  });
  return undefined;
}

function isUsable(key: JwtKey): boolean {
  switch (key.kind) {
    // RFC 7518 §3.2: as long as the hash's output.
    case 'secret':
      return Buffer.byteLength(key.secret) >= 32;
    case 'pem':
      return !key.pem.includes('PRIVATE KEY') && algorithmsFor(key).preset.length > 0;
    case 'jwks':
      return isKeySet(key.json);
    case 'url':
      return true;
    default:
      return key satisfies never;
  }
}

interface Fitting {
  readonly preset: readonly string[];
  readonly all: RegExp;
}

/** The algorithms that a key is for: a public key never checks what is signed with a secret (RFC 8725 §3.1). */
function algorithmsFor(key: JwtKey): Fitting {
  if (key.kind === 'secret') return { preset: ['HS256'], all: /^HS/ };
  if (key.kind !== 'pem') return { preset: ['RS256', 'ES256', 'EdDSA'], all: /^(?:RS|PS|ES|EdDSA)/ };
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(key.pem);
    if (asymmetricKeyType === 'rsa') return { preset: ['RS256'], all: /^[RP]S/ };
    if (asymmetricKeyType === 'ed25519') return { preset: ['EdDSA'], all: /^EdDSA$/ };
    const curve = CURVES[asymmetricKeyDetails?.namedCurve ?? ''];
    if (curve !== undefined) return { preset: [curve], all: new RegExp(`^${curve}$`) };
  } catch {
    // Not a key: it fits nothing.
  }
  return { preset: [], all: /^$/ };
}

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

function isKeySet(json: string): boolean {
  try {
    const { keys } = JSON.parse(json);
    return (
      Array.isArray(keys) &&
      keys.length > 0 &&
      keys.every((key) => typeof key?.kty === 'string' && key.kty !== 'oct')
    );
  } catch {
    return false;
  }
}

/** A file's lines, without comments; those that mean nothing are faults. */
export function linesOf<T>(
  file: string,
  path: string,
  { parse, allowed }: { readonly parse: (line: string) => T | undefined; readonly allowed: string },
  faults: Fault[],
): readonly T[] {
  const text = textOf(file, path, `a file with, line by line, ${allowed}`, faults) ?? '';
  return text.split('\n').flatMap((line, i) => {
    const content = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (content === '') return [];
    const parsed = parse(content);
    if (parsed !== undefined) return [parsed];
    faults.push({ path, value: `${JSON.stringify(file)}, line ${i + 1}`, allowed });
    return [];
  });
}

function textOf(file: string, path: string, allowed: string, faults: Fault[]): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    faults.push({ path, value: `${JSON.stringify(file)}: ${why(error)}`, allowed });
    return undefined;
  }
}
