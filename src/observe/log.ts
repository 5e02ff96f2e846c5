// The log: pino, JSON lines on standard output, buffered for the access log. The only file that imports pino.

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  /** Where lines go; standard output unless told. */
  readonly to?: DestinationStream;
}

/** Lines are gathered up to 8 KB or 250 ms, so that a log line costs a request no system call. */
export function createLog(options: LogOptions): { log: Log; flush: () => void } {
  if (options.to !== undefined) {
    return { log: pino(settings(options.level), options.to), flush: () => undefined };
  }
  const stream = destination({ fd: 1, sync: false, minLength: 8192, periodicFlush: 250 });
  return {
    log: pino(settings(options.level), stream),
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // The other end of standard output has gone: nothing to flush to.
      }
    },
  };
}

function settings(level: string) {
  return { level, base: null, timestamp: stdTimeFunctions.isoTime, redact: ['token', 'authorization'] };
}
