// What the gate lets in, as plain data. config/access.ts makes it; the files of this room read it. No secret in it is in
// clear but those that must be: the keys of signed tokens.

import type { Pattern } from '../config/patterns.ts';
import type { Rate } from './buckets.ts';

/** What of a request a rule is about; a condition left out holds for every request. */
export interface RequestMatch {
  readonly paths: readonly Pattern[] | undefined;
  readonly methods: readonly string[] | undefined;
}

export interface AccessRules {
  readonly addresses: AddressRules | undefined;
  /** All others get 405. */
  readonly methods: readonly string[] | undefined;
  readonly deny: readonly DenyRule[];
  /** Paths with a segment that begins with a dot are not there (but for `/.well-known/`, RFC 8615). */
  readonly hideDotfiles: boolean;
  /** undefined leaves it to the listener. */
  readonly maxBodyBytes: number | undefined;
  readonly rateLimits: readonly RateRule[];
  readonly probes: ProbeRules | undefined;
  readonly auth: AuthRules | undefined;
}

/** Lets everything in. */
export const NO_RULES: AccessRules = {
  addresses: undefined,
  methods: undefined,
  deny: [],
  hideDotfiles: false,
  maxBodyBytes: undefined,
  rateLimits: [],
  probes: undefined,
  auth: undefined,
};

export interface AddressRules {
  /** CIDR texts. Empty allows all that `deny` does not name. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly status: 403 | 404;
}

export interface DenyRule extends RequestMatch {
  readonly status: 403 | 404 | 405 | 410;
}

export interface RateRule extends RequestMatch {
  readonly name: string;
  /** Whom a bucket belongs to: the client's network, the value of a field (lower-case name), or everybody who asks for the path. */
  readonly key:
    | { readonly kind: 'address' }
    | { readonly kind: 'path' }
    | { readonly kind: 'field'; readonly name: string };
  readonly rate: Rate;
  /** Only requests that go to the origin count. */
  readonly forwardedOnly: boolean;
  /** Says who would be refused, refuses nobody. */
  readonly dryRun: boolean;
}

export interface ProbeRules {
  readonly block: boolean;
  /** Sum of the scores of the rules that match, from which on a request is one. */
  readonly threshold: number;
  readonly exclude: readonly string[];
  /** Lower-case names of the fields that are looked at. */
  readonly fields: readonly string[];
}

export interface AuthRules {
  readonly realm: string;
  readonly users: readonly User[];
  readonly tokens: readonly BearerToken[];
  readonly jwt: JwtRules | undefined;
  /** Another service decides; then none of the above. */
  readonly ask: AskRules | undefined;
  /** Authorization goes to the origin. */
  readonly forwardAuthorization: boolean;
  /** Lower-case name of the field that tells the origin who it is; undefined tells nothing. */
  readonly userField: string | undefined;
  /** Claims of a JWT by the lower-case field that tells the origin of them. */
  readonly claimFields: Readonly<Record<string, string>>;
  /** A CORS preflight passes: browsers send it without credentials. */
  readonly allowPreflight: boolean;
  /** Wrong credentials from one network; beyond it 429 without looking. */
  readonly failures: Rate | undefined;
}

export interface AskRules {
  readonly url: string;
  readonly timeoutMs: number;
  /** Lower-case names of fields of its answer that go on with the request. */
  readonly fields: readonly string[];
  /** How long a yes counts; 0 asks each time. */
  readonly rememberMs: number;
}

export interface User {
  readonly name: string;
  /** bcrypt `$2b$…`, or scrypt `$scrypt$ln=15,r=8,p=1$salt$hash` in the PHC's form. */
  readonly hash: string;
}

export interface BearerToken {
  readonly name: string;
  /** SHA-256 of the token, hexadecimal, lower-case. */
  readonly sha256: string;
}

/** Where the keys of signed tokens are. */
export type JwtKey =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'pem'; readonly pem: string }
  | { readonly kind: 'jwks'; readonly json: string }
  | { readonly kind: 'url'; readonly url: string };

export interface JwtRules {
  readonly key: JwtKey;
  /** Nothing else is accepted, whatever a token says of itself. */
  readonly algorithms: readonly string[];
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  /** Claims that must be there, each with one of these values (one of the words, for a text of several); empty: any value. */
  readonly required: Readonly<Record<string, readonly string[]>>;
  readonly toleranceSeconds: number;
  /** The claim that names the user. */
  readonly userClaim: string;
  /** Name of the cookie that may hold the token where there is no Authorization. */
  readonly cookie: string | undefined;
}
