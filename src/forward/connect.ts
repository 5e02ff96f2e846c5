// A connection for CONNECT: dialled like any other of the forward proxy, and handed over raw. Owns the wait for it.

import { connect, type Socket } from 'node:net';
import { nameFailure, OriginFailure } from '../origin/failure.ts';
import { type AddressCheck, checkedLookup, literalFault } from './dial.ts';
import type { Resolve } from './resolver.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly check: AddressCheck;
  readonly resolve: Resolve;
  readonly timeoutMs: number;
}

type Done = (failure: OriginFailure | undefined, socket: Socket | undefined) => void;

/** Calls back once, never at once, unless given up before. @returns what gives it up */
export function dialTunnel(
  { host, port, check, resolve, timeoutMs }: ConnectOptions,
  done: Done,
): () => void {
  let over = false;
  let socket: Socket | undefined;
  const finish: Done = (...result) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    if (result[0] !== undefined) socket?.destroy();
    done(...result);
  };
  const timer = setTimeout(() => finish(new OriginFailure('connect-timeout'), undefined), timeoutMs);
  const fault = literalFault(host, check, port);
  if (fault !== undefined) process.nextTick(() => finish(nameFailure(fault, false), undefined));
  else {
    const dialled = connect({
      host,
      port,
      lookup: checkedLookup(resolve, check, port),
      autoSelectFamily: true,
      allowHalfOpen: true,
      noDelay: true,
    });
    socket = dialled;
    dialled.on('error', (error) => finish(nameFailure(error, false), undefined));
    dialled.on('connect', () => finish(undefined, dialled));
  }
  return () => {
    over = true;
    clearTimeout(timer);
    socket?.destroy();
  };
}
