// The access list of the forward proxy: rules in the operator's order, the first that holds decides, and without one nobody
// gets through. Knows who asks for what by name and port; which address may be dialled is dial.ts's. Pure.

import { type AddressTest, addressTest } from '../origin/forwarded.ts';

/** A rule as plain data; a condition left out holds for everything. */
export interface AclRule {
  readonly action: 'allow' | 'deny';
  /** CIDR texts. */
  readonly from: readonly string[] | undefined;
  /** Names, or '*' for anybody who has given a right password. */
  readonly users: readonly string[] | undefined;
  readonly methods: readonly string[] | undefined;
  readonly hosts: readonly HostRule[] | undefined;
  readonly ports: readonly PortRange[] | undefined;
  /** CIDR texts: special addresses that may be dialled under this rule. */
  readonly reach: readonly string[];
}

/** `below`: names below `name`; `at`: `name` itself. */
export interface HostRule {
  readonly name: string;
  readonly at: boolean;
  readonly below: boolean;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Ports that every allowed request keeps to, whatever its rule says. */
export interface SafePorts {
  readonly connect: readonly PortRange[];
  readonly http: readonly PortRange[];
}

export interface Asked {
  readonly client: string;
  readonly method: string;
  /** Lower-case, without brackets and without a dot at its end. */
  readonly host: string;
  readonly port: number;
}

export type AclVerdict =
  /** `rule` counts from 1. */
  | { readonly kind: 'allow'; readonly rule: number }
  | { readonly kind: 'deny'; readonly rule: number }
  /** No rule holds. */
  | { readonly kind: 'none' }
  | { readonly kind: 'port' }
  /** Whether a rule holds depends on who asks, which is not known. */
  | { readonly kind: 'who' };

export class Acl {
  readonly #rules: readonly { readonly rule: AclRule; readonly from: AddressTest | undefined }[];
  readonly #ports: SafePorts;

  constructor(rules: readonly AclRule[], ports: SafePorts) {
    this.#rules = rules.map((rule) => ({ rule, from: rule.from && addressTest(rule.from) }));
    this.#ports = ports;
  }

  /** @param user undefined where nobody has said who asks */
  decide(asked: Asked, user: string | undefined): AclVerdict {
    const { client, method, host, port } = asked;
    const safe = method === 'CONNECT' ? this.#ports.connect : this.#ports.http;
    if (!inRanges(safe, port)) return { kind: 'port' };
    for (const [index, { rule, from }] of this.#rules.entries()) {
      const holds =
        (from === undefined || from(client)) &&
        (rule.methods === undefined || rule.methods.includes(method)) &&
        (rule.ports === undefined || inRanges(rule.ports, port)) &&
        (rule.hosts === undefined || rule.hosts.some((one) => matchesHostRule(one, host)));
      if (!holds) continue;
      if (rule.users !== undefined) {
        if (user === undefined) return { kind: 'who' };
        if (!rule.users.includes('*') && !rule.users.includes(user)) continue;
      }
      return { kind: rule.action, rule: index + 1 };
    }
    return { kind: 'none' };
  }
}

export function matchesHostRule({ name, at, below }: HostRule, host: string): boolean {
  if (host === name) return at;
  return below && host.endsWith(`.${name}`);
}

export function inRanges(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => port >= first && port <= last);
}
