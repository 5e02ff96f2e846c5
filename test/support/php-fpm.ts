// A php-fpm of the test's own: private configuration, unix socket and scripts in a directory of its own, stopped when the
// test is over. Where there is none on the machine, the tests that need one say so, loudly, and do nothing else.

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface PhpFpm {
  /** fastcgi:///path/of.sock */
  readonly url: string;
  /** Of the scripts. */
  readonly root: string;
  stop(): Promise<void>;
}

const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];

const binary = ((): string | undefined => {
  const found = FOLDERS.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => /^php-fpm[\d.]*$/.test(name))
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  }).find((name) => spawnSync(name, ['-v'], { stdio: 'ignore' }).status === 0);
  if (found === undefined)
    console.warn('\n  php-fpm is not to be found: what needs it is NOT TESTED. apt-get install php-fpm\n');
  return found;
})();

export const hasPhpFpm = binary !== undefined;

/**
 * Starts php-fpm with these scripts (name and content). @param pool further lines of the pool's configuration
 */
export async function startPhpFpm(scripts: Readonly<Record<string, string>>, pool = ''): Promise<PhpFpm> {
  if (binary === undefined) throw new Error('no php-fpm');
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-php-'));
  await chmod(folder, 0o755);
  const [root, sessions, socket] = [join(folder, 'www'), join(folder, 'sessions'), join(folder, 'php.sock')];
  await mkdir(root);
  await mkdir(sessions);
  await chmod(sessions, 0o777);
  for (const [name, content] of Object.entries(scripts)) await writeFile(join(root, name), content);
  const isRoot = process.getuid?.() === 0;
  const configuration = join(folder, 'fpm.conf');
  await writeFile(
    configuration,
    `[global]
error_log = ${join(folder, 'fpm.log')}
daemonize = no
[www]
${isRoot ? 'user = nobody\ngroup = nogroup\nlisten.mode = 0666' : ''}
listen = ${socket}
pm = static
pm.max_children = 3
php_admin_value[session.save_path] = ${sessions}
php_admin_value[post_max_size] = 200M
php_admin_flag[display_errors] = off
${pool}
`,
  );
  const child = spawn(binary, ['-n', '-F', '-y', configuration], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !(await listens(socket)); tries++) {
    if (tries > 200 || child.exitCode !== null) {
      await stop();
      throw new Error('php-fpm did not start');
    }
    await wait(25);
  }
  return { url: `fastcgi://${socket}`, root, stop };
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
