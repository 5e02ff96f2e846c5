// The part of autocannon 9 that the bench uses; the package has no types of its own.

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface AutocannonRequest {
    setupRequest?: (
      request: Record<string, unknown>,
      context: Record<string, unknown>,
    ) => Record<string, unknown> | undefined;
    onResponse?: (
      status: number,
      body: string,
      context: Record<string, unknown>,
      headers: Record<string, string | string[]>,
    ) => void;
  }

  interface AutocannonOptions {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    /** Requests on their way on each connection. */
    pipelining?: number;
    requests: AutocannonRequest[];
  }

  interface AutocannonResult {
    errors: number;
    timeouts: number;
    /** Seconds. */
    duration: number;
    requests: { average: number; total: number };
    /** Bytes. */
    throughput: { total: number };
  }

  interface AutocannonInstance extends EventEmitter, PromiseLike<AutocannonResult> {
    stop(): void;
  }

  export default function autocannon(options: AutocannonOptions): AutocannonInstance;
}
