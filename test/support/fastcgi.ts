// A scripted FastCGI responder over real sockets: decodes requests by its own reading of the specification, and writes
// records, whole, cut or wrong, as the test says.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ConnectionSet } from './listen.ts';

export interface FastCgiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly keepConnection: boolean;
  /** 1 for the first connection to this responder, 2 for the second, … */
  readonly connection: number;
  /** The whole content; rejects when the request is aborted or the connection closed before its end. */
  content(): Promise<Buffer>;
  /** Resolves when FCGI_ABORT_REQUEST has come or the connection is closed. */
  readonly gone: Promise<'aborted' | 'closed'>;
}

export interface FastCgiReply {
  readonly socket: Socket;
  /** Standard output, in records of at most `size` bytes, each with `padding`. */
  stdout(content: string | Buffer, options?: { size?: number; padding?: number }): void;
  stderr(content: string | Buffer): void;
  end(appStatus?: number, protocolStatus?: number): void;
}

export interface FastCgiResponder {
  /** fastcgi://127.0.0.1:port, or fastcgi:///path */
  readonly url: string;
  readonly requests: readonly FastCgiRequest[];
  readonly connections: number;
  readonly open: number;
  close(): Promise<void>;
}

export type FastCgiHandler = (request: FastCgiRequest, reply: FastCgiReply) => unknown;

/** Calls `handler` when the variables of a request are there. @param path of a unix socket */
export async function fastCgiResponder(handler: FastCgiHandler, path?: string): Promise<FastCgiResponder> {
  const connections = new ConnectionSet();
  const requests: FastCgiRequest[] = [];
  const server = createServer((socket) => {
    connections.add(socket);
    serve(socket, connections.numberOf(socket), (request) => {
      requests.push(request);
      handler(request, replyOn(socket, request.keepConnection));
    });
  });
  return {
    url: await listenOn(server, path),
    requests,
    get connections() {
      return connections.accepted;
    },
    get open() {
      return connections.open;
    },
    close: () => connections.close(server),
  };
}

async function listenOn(server: Server, path: string | undefined): Promise<string> {
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null) throw new Error('not listening');
  return typeof bound === 'string' ? `fastcgi://${bound}` : `fastcgi://127.0.0.1:${bound.port}`;
}

/** A record with its header; `content` may be wrong in any way. */
export function record(type: number, content: Buffer = Buffer.alloc(0), padding = 0, id = 1): Buffer {
  const header = Buffer.from([
    1,
    type,
    id >> 8,
    id & 255,
    content.length >> 8,
    content.length & 255,
    padding,
    0,
  ]);
  return Buffer.concat([header, content, Buffer.alloc(padding, 0xaa)]);
}

export function endRecord(appStatus = 0, protocolStatus = 0): Buffer {
  const content = Buffer.alloc(8);
  content.writeUInt32BE(appStatus);
  content[4] = protocolStatus;
  return record(3, content);
}

function replyOn(socket: Socket, keepConnection: boolean): FastCgiReply {
  return {
    socket,
    stdout: (content, { size = 65_535, padding = 0 } = {}) => {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; at += size)
        socket.write(record(6, bytes.subarray(at, at + size), padding));
    },
    stderr: (content) => void socket.write(record(7, Buffer.from(content))),
    end: (appStatus, protocolStatus) => {
      socket.write(Buffer.concat([record(6), endRecord(appStatus, protocolStatus)]));
      if (!keepConnection) socket.end();
    },
  };
}

interface Current {
  readonly params: Buffer[];
  readonly content: Buffer[];
  readonly keepConnection: boolean;
  readonly whole: PromiseWithResolvers<Buffer>;
  readonly gone: PromiseWithResolvers<'aborted' | 'closed'>;
}

/** One request after the other; what is no request ends the connection. */
function serve(socket: Socket, connection: number, handle: (request: FastCgiRequest) => unknown): void {
  let held: Buffer = Buffer.alloc(0);
  let current: Current | undefined;
  const end = (how: 'aborted' | 'closed'): void => {
    current?.whole.reject(new Error(how));
    current?.gone.resolve(how);
  };
  const take = (type: number, content: Buffer): void => {
    if (type === 1 && content.readUInt16BE(0) === 1) {
      const [whole, gone] = [Promise.withResolvers<Buffer>(), Promise.withResolvers<'aborted' | 'closed'>()];
      whole.promise.catch(() => undefined);
      current = { params: [], content: [], keepConnection: content[2] === 1, whole, gone };
      return;
    }
    if (current === undefined) throw new Error(`a record of type ${type} before a request`);
    if (type === 2) end('aborted');
    else if (type === 4 && content.length > 0) current.params.push(content);
    else if (type === 5 && content.length > 0) current.content.push(content);
    else if (type === 5) current.whole.resolve(Buffer.concat(current.content));
    else if (type === 4) {
      const { params, keepConnection, whole, gone } = current;
      const request = { params: paramsOf(Buffer.concat(params)), keepConnection, connection };
      handle({ ...request, content: () => whole.promise, gone: gone.promise });
    } else throw new Error(`a record of type ${type} from a client`);
  };
  socket.on('close', () => end('closed'));
  socket.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 8) {
      const length = held.readUInt16BE(4);
      const total = 8 + length + (held[6] ?? 0);
      if (held.length < total) return;
      if (held[0] !== 1 || held.readUInt16BE(2) !== 1) throw new Error('not a record of request 1');
      take(held[1] ?? 0, held.subarray(8, 8 + length));
      held = held.subarray(total);
    }
  });
}

/** Name-value pairs (FastCGI 1.0 §3.4). */
export function paramsOf(bytes: Buffer): Record<string, string> {
  const params: Record<string, string> = {};
  let at = 0;
  const length = (): number => {
    const first = bytes.readUInt8(at);
    if (first < 128) {
      at += 1;
      return first;
    }
    at += 4;
    return bytes.readUInt32BE(at - 4) - 0x80000000;
  };
  while (at < bytes.length) {
    const [name, value] = [length(), length()];
    const text = bytes.toString('latin1', at, at + name + value);
    if (text.length !== name + value) throw new Error('a pair that is cut');
    params[text.slice(0, name)] = text.slice(name);
    at += name + value;
  }
  return params;
}
