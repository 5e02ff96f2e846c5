#!/usr/bin/env node
// The command line: names of commands and flags, exit codes. No logic; the rooms that have it are loaded when asked for.

import './heap.ts';
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { OriginsOptions } from './cli/origins.ts';
import type { PurgeOptions } from './cli/purge.ts';
import type { WhereOptions } from './cli/where.ts';

const program = new Command('holdfast')
  .description(packageJson.description)
  .version(packageJson.version)
  .showHelpAfterError('Try: holdfast --help')
  .addHelpText('after', '\nWithout a command: run. Settings, their defaults and bounds: docs/settings.md');

program
  .command('run', { isDefault: true })
  .description('start the edge; ends on SIGTERM or SIGINT once the responses in flight are out')
  .option('--config <file>', 'settings; flags beat them, they beat the defaults')
  .option('--listen <host:port>', 'where clients connect (127.0.0.1:8080)')
  .option('--origin <url>', 'the server that the edge stands before, or "demo" for the bundled site')
  .option('--memory <size>', 'stored responses in memory, such as 256MB, 262144KB or plain bytes (256MB)')
  .option('--disk <dir>', 'directory of the tier on disk, or "none" (var/cache)')
  .option('--disk-size <size>', 'stored responses on disk (10GB)')
  .option('--admin <host:port>', 'where health and metrics are served, or "none" (127.0.0.1:8081)')
  .option('--workers <n>', 'threads that serve clients, or "auto": one for each core (auto)')
  .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (info)')
  .option('--access-log <on|off>', 'one log line per request (on)')
  .action(async ({ config, ...flags }: Record<string, string>) => {
    await orFaults(async () => {
      const { loadConfig, overridesOf } = await import('./config.ts');
      const { run } = await import('./run.ts');
      const overrides = overridesOf(flags);
      return run(() => loadConfig(config, overrides));
    });
  });

program
  .command('validate')
  .description('check a settings file and say all that is wrong with it')
  .requiredOption('--config <file>', 'the file')
  .action(async ({ config }: { config: string }) => {
    await orFaults(async () => {
      const { loadConfig } = await import('./config.ts');
      const { checkScripts } = await import('./site/check-scripts.ts');
      await checkScripts(loadConfig(config, []), config);
      process.stdout.write(`${config}: no faults\n`);
      return 0;
    });
  });

program
  .command('hash')
  .description('make a line for a file of users; the password is the first line of standard input')
  .argument('<user>', 'name of the user')
  .action(async (user: string) => {
    await orFaults(async () => {
      const { hashCommand } = await import('./cli/hash.ts');
      return hashCommand(user);
    });
  });

program
  .command('reload')
  .description('have a running edge read its settings anew; it keeps the old ones when there is a fault')
  .option('--admin <host:port>', 'its admin listener (127.0.0.1:8081)')
  .option('--config <file>', "the edge's settings file, for its address and its token")
  .option('--token <token>', 'bearer token; better given as HOLDFAST_TOKEN')
  .action(async (options: WhereOptions) => {
    await orFaults(async () => {
      const { reloadCommand } = await import('./cli/reload.ts');
      return reloadCommand(withToken(options));
    });
  });

/** Where a command finds the edge. */
function ofEdge(command: Command): Command {
  return command
    .option('--edge <host:port>', 'where the edge listens, if not at the host of the URL')
    .option('--admin <host:port>', 'its admin listener (127.0.0.1:8081)')
    .option('--config <file>', "the edge's settings file, for its addresses and its token")
    .option(
      '--token <token>',
      'bearer token; better given as HOLDFAST_TOKEN, which other users of the host do not see',
    )
    .option('--json', 'for programs: JSON on standard output');
}

/** The flags, with the token from the environment where none is given. */
function withToken<T extends WhereOptions>(options: T): T & { token: string | undefined } {
  return { ...options, token: options.token ?? process.env.HOLDFAST_TOKEN };
}

ofEdge(
  program
    .command('purge')
    .description('remove what is stored for URLs, in every variant and tier; or by prefix, host or tag')
    .argument('[url...]', 'as clients ask for it, such as http://127.0.0.1:8080/style.css')
    .option('--prefix <url...>', 'all that begins so, such as "http://www.example.org/img/*"')
    .option('--host <host...>', 'all of a host, with its port unless it is the usual one')
    .option('--tag <tag...>', 'all that has the tag (Surrogate-Key, Cache-Tag, xkey, Cache-Groups)')
    .option('--everything', 'all there is')
    .option('--soft', 'make stale instead of removing: validated before or behind its next use')
    .option('--ignore-query', 'the URLs with any query')
    .option('--refresh', 'make stale, and fetch again behind what is asked for most')
    .option('--dry-run', 'only count what would match')
    .option('--wait', 'until the counts are exact, and all is fetched again'),
).action(async (urls: string[], options: PurgeOptions) => {
  await orFaults(async () => {
    const { purgeCommand } = await import('./cli/purge.ts');
    return purgeCommand(urls, withToken(options));
  });
});

ofEdge(
  program
    .command('inspect')
    .description('show what is stored for a URL: variants, ages, tags, tiers, sizes')
    .argument('<url>', 'as clients ask for it'),
).action(async (url: string, options: WhereOptions & { json?: boolean }) => {
  await orFaults(async () => {
    const { inspectCommand } = await import('./cli/inspect.ts');
    return inspectCommand(url, withToken(options));
  });
});

ofEdge(
  program
    .command('origins')
    .description('show groups of origins and how their servers are; drain a server and bring it back')
    .argument('[group]', 'only this group')
    .option('--drain <url>', 'no new requests for this server of the group')
    .option('--down <url>', 'the same for a server that is broken')
    .option('--up <url>', 'requests again'),
).action(async (group: string | undefined, options: WhereOptions & OriginsOptions) => {
  await orFaults(async () => {
    const { originsCommand } = await import('./cli/origins.ts');
    return originsCommand(group, withToken(options));
  });
});

ofEdge(
  program
    .command('warm')
    .description('get URLs through the edge, so that they are stored')
    .argument('<file|sitemap>', 'a file with one URL a line ("-": standard input), or the URL of a sitemap')
    .option('--concurrency <n>', 'requests at a time (8)'),
).action(async (from: string, options: WhereOptions & { concurrency?: string; json?: boolean }) => {
  await orFaults(async () => {
    const { warmCommand } = await import('./cli/warm.ts');
    return warmCommand(from, withToken(options));
  });
});

/** Sets the exit code; faults of the settings are one message on standard error. */
async function orFaults(action: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await action();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ConfigError') throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exitCode = 1;
  }
}

await program.parseAsync();
