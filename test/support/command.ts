// Runs the command line as a user would, in a process of its own, and gives back what it said and its exit code.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `holdfast ...args` from the checkout. `env` is added to an environment without tokens; `input` is what it reads. */
export function holdfast(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Ended> {
  return node(['src/main.ts', ...args], env, input);
}

/** `node ...args` in the checkout's root. */
export function node(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Ended> {
  const options = { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}
