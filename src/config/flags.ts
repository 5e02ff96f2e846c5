// Flags of the command line as settings that beat the file. Only names and on/off are decided here; what is allowed
// is the schema's.

/** A setting given on the command line. */
export interface Override {
  readonly flag: string;
  readonly path: readonly [string, ...string[]];
  readonly value: unknown;
  /** What the flag takes where that differs from what the file takes. */
  readonly allowed?: string;
}

/** What the command line says, by flag without the dashes, in camel case. */
export type Flags = Readonly<Record<string, string | undefined>>;

interface Flag {
  readonly path: readonly [string, ...string[]];
  readonly read?: (text: string) => unknown;
  readonly allowed?: string;
}

const FLAGS: Readonly<Record<string, Flag>> = {
  listen: { path: ['listen'] },
  origin: { path: ['origin'] },
  memory: { path: ['memory'] },
  disk: { path: ['disk', 'dir'] },
  diskSize: { path: ['disk', 'size'] },
  admin: { path: ['admin'] },
  workers: { path: ['workers'], read: (text) => (/^\d+$/.test(text) ? Number(text) : text) },
  logLevel: { path: ['log', 'level'] },
  accessLog: {
    path: ['log', 'access'],
    read: (text) => (text === 'on' ? true : text === 'off' ? false : text),
    allowed: '"on" or "off"',
  },
};

export function overridesOf(flags: Flags): readonly Override[] {
  return Object.entries(FLAGS).flatMap(([name, { path, read, allowed }]) => {
    const text = flags[name];
    if (text === undefined) return [];
    const flag = `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
    return [
      {
        flag,
        path,
        value: read === undefined ? text : read(text),
        ...(allowed === undefined ? {} : { allowed }),
      },
    ];
  });
}

/** A copy of `json` with the overrides in it. What is no object cannot be overridden and stays as it is. */
export function withOverrides(json: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((result, { path, value }) => put(result, path, value), json);
}

function put(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  if (json !== undefined && !isObject) return json;
  const present: unknown = isObject ? Reflect.get(json, key) : undefined;
  return { ...(isObject ? json : {}), [key]: put(present, rest, value) };
}
