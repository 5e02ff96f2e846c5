#!/usr/bin/env node
// The launcher: plain JavaScript that any Node reads. Starts main.ts where this Node can, with the code that is kept between
// runs; else itself with the Node that `npm ci` put into node_modules, passing signals on and the exit code back.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const OLDEST = 26;
const bundled = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= OLDEST) {
  const { keepCode } = await import('./code-cache.js');
  keepCode();
  await import('./main.ts');
} else if (existsSync(bundled)) {
  // In its own process group the child gets a Ctrl-C once, from here: a second signal would end it without draining.
  const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    detached: true,
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`holdfast: cannot start ${bundled}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
} else {
  console.error(
    `holdfast: needs Node ${OLDEST} or newer; this is ${process.versions.node}. Run npm ci in the checkout, which brings one.`,
  );
  process.exitCode = 1;
}
