// One run of the program as its operator sees it: started, announced, drained on a signal, its exit code.

import { type Config, formatAddress } from './config.ts';
import { inheritedSockets } from './inherited.ts';
import { keepCodeSoon } from './library.ts';
import { createLog } from './observe/log.ts';
import type { Running } from './start.ts';
import { lookAround, warningsOf } from './surroundings.ts';
import { freshThreads } from './workers/fresh.ts';

/**
 * Runs until SIGTERM or SIGINT, drains, and returns the exit code. A second signal ends at once. SIGHUP reads the settings anew.
 * @param load reads the settings. @throws ConfigError
 */
export async function run(load: () => Config): Promise<number> {
  const config = load();
  const inherited = inheritedSockets(process.env, process.pid);
  // These load the program on other cores, while this thread loads and opens the rest.
  const fresh = freshThreads(config);
  const { start } = await import('./start.ts');
  const { log, flush } = createLog({ level: config.log.level });
  const stopped = firstSignal();
  const running = await start(config, log, { load, inherited, fresh });
  for (const warning of warningsOf(lookAround(), config, running.workers)) log.warn(warning);
  process.on('SIGHUP', () => void running.reload('SIGHUP'));
  announce(config, running);
  keepCodeSoon();
  log.info({ signal: await stopped }, 'draining');
  await running.close();
  log.info('stopped');
  flush();
  return 0;
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals > 1) process.exit(1);
        resolve(signal);
      });
    }
  });
}

/** For the person at the terminal; standard output is the log's. */
function announce(config: Config, { listening, tls, forward, admin, originUrl }: Running): void {
  const url = `http://${formatAddress(listening)}`;
  const path = config.origin.kind === 'demo' ? '/style.css' : '/';
  const origin = config.origin.kind === 'demo' ? `the bundled demonstration site (${originUrl})` : originUrl;
  const lines = [
    `holdfast listens on ${url} in front of ${origin}`,
    ...(tls === undefined ? [] : [`and on https://${formatAddress(tls)}`]),
    ...(forward === undefined ? [] : [`forward proxy on http://${formatAddress(forward)}`]),
    ...(admin === undefined ? [] : [`health and metrics on http://${formatAddress(admin)}/metrics`]),
    '',
    'Try:',
    `  curl -si ${url}${path} | grep -iE '^(HTTP|age|x-cache|cache-status)'   # the first is a MISS`,
    `  curl -si ${url}${path} | grep -iE '^(HTTP|age|x-cache|cache-status)'   # the second a HIT`,
    `  curl -X PURGE ${url}${path}                                            # forget it; the answer is the receipt`,
    '',
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}
