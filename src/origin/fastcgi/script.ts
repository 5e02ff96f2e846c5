// Which script a path names: decoded once, dot segments resolved, split at the extension, never outside the root.
// Pure; whether the file is there is asked of `isFile`, which the caller brings.

export interface ScriptRules {
  /** Directory of the scripts as the FastCGI server sees it, without "/" at its end; latin1, one character a byte. */
  readonly root: string;
  /** Script of a directory. */
  readonly index: string;
  /** What a script's name ends with, such as ".php". */
  readonly extensions: readonly string[];
  /** Script that answers what is no script itself, such as "/index.php". */
  readonly fallback: string | undefined;
}

/** A script and its part of the request. Latin1, decoded. */
export interface Script {
  /** From the root: "/blog/index.php". Is SCRIPT_NAME. */
  readonly name: string;
  /** root + name. */
  readonly filename: string;
  /** What follows the script in the path, "" or "/…". */
  readonly pathInfo: string;
  /** The path as decoded and resolved. */
  readonly path: string;
}

/** Asks for a file by its name (latin1); undefined where the root is on another machine. */
export type FileTest = ((filename: string) => Promise<boolean>) | undefined;

export type Found =
  | { readonly kind: 'script'; readonly script: Script }
  /** The path itself is wrong: a broken escape, a null byte, above the root. */
  | { readonly kind: 'bad-path' }
  | { readonly kind: 'no-script' };

const NONE = { kind: 'no-script' } as const;

/** @param path of the request target, without the query */
export async function findScript(path: string, rules: ScriptRules, isFile: FileTest): Promise<Found> {
  const decoded = resolvedPath(path);
  if (decoded === undefined) return { kind: 'bad-path' };
  const { index, fallback } = rules;
  const script = (name: string, pathInfo = ''): Found => ({
    kind: 'script',
    script: { name, filename: rules.root + name, pathInfo, path: decoded },
  });
  const exists = async (name: string): Promise<boolean> =>
    isFile === undefined ? isPlainPlace(name) : isFile(rules.root + name);

  const named = split(decoded, rules.extensions);
  // No fallback: what looks like a script and is none is nothing, as with nginx's `try_files $uri =404`.
  if (named !== undefined) return (await exists(named.name)) ? script(named.name, named.pathInfo) : NONE;
  // Where it cannot be seen whether a directory has an index, the fallback answers for it.
  const mayHaveIndex = decoded.endsWith('/') && (isFile !== undefined || fallback === undefined);
  if (mayHaveIndex && (await exists(decoded + index))) return script(decoded + index);
  return fallback === undefined ? NONE : script(fallback);
}

/** Decoded once, dot and empty segments resolved; undefined for what is no path of a file. */
export function resolvedPath(path: string): string | undefined {
  if (!path.startsWith('/') || /%(?![0-9a-f]{2})/i.test(path)) return undefined;
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Control characters and backslashes are in no name of a file that is to be served.
  if (!/^[\x20-\x5b\x5d-\x7e\x80-\xff]*$/.test(decoded)) return undefined;
  const segments = decoded.split('/');
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined) return undefined;
  }
  const last = segments.at(-1);
  const isDirectory = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${isDirectory ? '/' : ''}`;
}

/** Splits behind the first segment that ends with an extension and has something before it. Case counts: x.PHP is no script. */
function split(
  path: string,
  extensions: readonly string[],
): { readonly name: string; readonly pathInfo: string } | undefined {
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const name = end === -1 ? path : path.slice(0, end);
    const segment = name.slice(name.lastIndexOf('/') + 1);
    if (extensions.some((one) => segment.length > one.length && segment.endsWith(one)))
      return { name, pathInfo: path.slice(name.length) };
    if (end === -1) return undefined;
  }
}

/**
 * INVARIANT: `/upload.jpg/x.php` is not run. A responder that repairs paths (PHP's cgi.fix_pathinfo) would look for x.php,
 * not find it, and run upload.jpg. Where the files cannot be looked at, no directory of a script may look like a file.
 */
function isPlainPlace(name: string): boolean {
  return !name.slice(0, name.lastIndexOf('/')).includes('.');
}
