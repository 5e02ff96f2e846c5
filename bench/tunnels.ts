// How many WebSockets go through one worker, how long a message takes there and back, and what a tunnel costs in memory.
// node bench/tunnels.ts [connections] [messages each]. Origin, edge and clients are one machine's; the edge is a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';

const count = Number(process.argv[2] ?? 1000);
const each = Number(process.argv[3] ?? 20);
const OPENING_AT_A_TIME = 100;

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: true });
server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const bound = http.address();
const origin = typeof bound === 'object' && bound !== null ? bound.port : 0;

const dir = await mkdtemp(join(tmpdir(), 'holdfast-tunnels-'));
const port = 20_000 + Math.floor(Math.random() * 20_000);
const config = {
  listen: `127.0.0.1:${port}`,
  admin: `127.0.0.1:${port + 1}`,
  origin: `http://127.0.0.1:${origin}`,
  disk: { dir: 'none' },
  log: { level: 'warn' },
};
await writeFile(join(dir, 'config.json'), JSON.stringify(config));
const main = join(import.meta.dirname, '../src/main.ts');
const edge = spawn(process.execPath, [main, 'run', '--config', join(dir, 'config.json')], {
  stdio: 'ignore',
});

try {
  await answering(`http://127.0.0.1:${port + 1}/healthz`);
  const before = await residentBytes(edge);
  const openedAt = performance.now();
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const some = Array.from(
      { length: Math.min(OPENING_AT_A_TIME, count - sockets.length) },
      () => new WebSocket(`ws://127.0.0.1:${port}/`),
    );
    await Promise.all(some.map((socket) => once(socket, 'open')));
    sockets.push(...some);
  }
  const opened = performance.now() - openedAt;
  const idle = await residentBytes(edge);
  const took: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    sockets.map(async (socket, i) => {
      const message = `${i} ${'x'.repeat(200)}`;
      for (let sent = 0; sent < each; sent++) {
        const at = performance.now();
        socket.send(message);
        const [data] = await once(socket, 'message');
        if (String(data) !== message) throw new Error('another message came back');
        took.push(performance.now() - at);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  took.sort((a, b) => a - b);
  const at = (share: number): string => `${(took[Math.floor(took.length * share)] ?? 0).toFixed(1)} ms`;
  const busy = await residentBytes(edge);
  const out = [
    `${count} WebSockets opened in ${(opened / 1000).toFixed(2)} s`,
    `${took.length} messages there and back in ${seconds.toFixed(2)} s: ${Math.round(took.length / seconds)} /s, median ${at(0.5)}, 99 % ${at(0.99)}`,
    `memory of the edge: ${mb(before)} before, ${mb(idle)} with all open (${((idle - before) / count / 1024).toFixed(1)} KB each), ${mb(busy)} after the messages`,
  ];
  process.stdout.write(`${out.join('\n')}\n`);
  for (const socket of sockets) socket.terminate();
} finally {
  edge.kill('SIGKILL');
  server.close();
  http.closeAllConnections();
  http.close();
  await rm(dir, { recursive: true, force: true });
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return;
    await wait(50);
  }
  throw new Error('the edge did not start');
}

async function residentBytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

function mb(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MB`;
}
