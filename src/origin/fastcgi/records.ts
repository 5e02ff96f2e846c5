// The records of FastCGI 1.0: what is sent to a responder, and a streaming decoder of what it sends back. One request at a
// time on a connection, always number 1. Knows bytes, no CGI and no HTTP.

const VERSION = 1;
const HEADER_BYTES = 8;
/** Bytes of content in one record. */
const MAX_CONTENT_BYTES = 65_535;
const REQUEST_ID = 1;

const TYPE = {
  begin: 1,
  abort: 2,
  end: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  getValuesResult: 10,
  unknownType: 11,
} as const;

const RESPONDER = 1;
const KEEP_CONNECTION = 1;

/** What FCGI_END_REQUEST says of the request (FastCGI 1.0 §5.5). */
export const PROTOCOL_STATUS = { complete: 0, cannotMultiplex: 1, overloaded: 2, unknownRole: 3 } as const;

/** FCGI_BEGIN_REQUEST for a responder. */
export function beginRecord(keepConnection: boolean): Buffer {
  const content = Buffer.alloc(8);
  content.writeUInt16BE(RESPONDER, 0);
  content[2] = keepConnection ? KEEP_CONNECTION : 0;
  return Buffer.concat([header(TYPE.begin, content.length), content]);
}

export function abortRecord(): Buffer {
  return header(TYPE.abort, 0);
}

/** The whole FCGI_PARAMS stream, its end included. Names and values are one character a byte (latin1). */
export function paramsRecords(params: Iterable<readonly [name: string, value: string]>): Buffer {
  const pairs: Buffer[] = [];
  for (const [name, value] of params) {
    const text = Buffer.from(name + value, 'latin1');
    pairs.push(lengthBytes(name.length), lengthBytes(value.length), text);
  }
  return Buffer.concat([...streamRecords(TYPE.params, Buffer.concat(pairs)), header(TYPE.params, 0)]);
}

/** A piece of the request's content as FCGI_STDIN records. The pieces are not copied. An empty piece makes none. */
export function stdinRecords(piece: Buffer): readonly Buffer[] {
  return streamRecords(TYPE.stdin, piece);
}

/** The end of FCGI_STDIN. */
export function stdinEnd(): Buffer {
  return header(TYPE.stdin, 0);
}

function header(type: number, contentBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes[0] = VERSION;
  bytes[1] = type;
  bytes.writeUInt16BE(REQUEST_ID, 2);
  bytes.writeUInt16BE(contentBytes, 4);
  return bytes;
}

function streamRecords(type: number, content: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < content.length; at += MAX_CONTENT_BYTES) {
    const part = content.subarray(at, at + MAX_CONTENT_BYTES);
    records.push(header(type, part.length), part);
  }
  return records;
}

/** FastCGI 1.0 §3.4: one byte below 128, else four with the highest bit set. */
function lengthBytes(length: number): Buffer {
  if (length < 128) return Buffer.from([length]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((length | 0x80000000) >>> 0);
  return bytes;
}

/** Takes what a responder says. */
export interface RecordSink {
  /** A piece of the output; views on the bytes that were pushed. */
  onStdout(piece: Buffer): void;
  onStderr(piece: Buffer): void;
  /** Last of all. Nothing may follow on the connection until the next request. */
  onEndRequest(appStatus: number, protocolStatus: number): void;
}

/**
 * Decodes the records of one request. Strict: an unknown version, a record of another request, content after the end of its
 * stream, bytes after the end of the request are faults.
 */
export class RecordDecoder {
  /** What is wrong with the bytes; nothing more is decoded after it. */
  fault: string | undefined;
  /** FCGI_END_REQUEST has come, whole. */
  done = false;
  readonly #sink: RecordSink;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  /** Still to come of the record. */
  #content = 0;
  #padding = 0;
  readonly #end = Buffer.alloc(8);
  #endBytes = 0;
  #stdoutEnded = false;
  #stderrEnded = false;
  #stopped = false;
  #told = false;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** No call of the sink follows. */
  stop(): void {
    this.#stopped = true;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped && this.fault === undefined) {
      if (this.done) return this.#fail('bytes after the end of the request');
      if (this.#headerBytes < HEADER_BYTES) at = this.#readHeader(bytes, at);
      else if (this.#content > 0) at = this.#readContent(bytes, at);
      else {
        const skipped = Math.min(this.#padding, bytes.length - at);
        this.#padding -= skipped;
        at += skipped;
      }
      if (this.#headerBytes === HEADER_BYTES && this.#content === 0 && this.#padding === 0) this.#endRecord();
    }
    // Only now: bytes behind the end would have been a fault.
    const ends = this.done && !this.#told && !this.#stopped && this.fault === undefined;
    if (!ends) return;
    this.#told = true;
    this.#sink.onEndRequest(this.#end.readUInt32BE(0), this.#end[4] ?? 0);
  }

  #readHeader(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === HEADER_BYTES) this.#beginRecord();
    return at + taken;
  }

  #beginRecord(): void {
    const head = this.#header;
    this.#type = head[1] ?? 0;
    const request = head.readUInt16BE(2);
    this.#content = head.readUInt16BE(4);
    this.#padding = head[6] ?? 0;
    if (head[0] !== VERSION) return this.#fail(`a record of version ${head[0]}`);
    switch (this.#type) {
      case TYPE.stdout:
      case TYPE.stderr: {
        const ended = this.#type === TYPE.stdout ? this.#stdoutEnded : this.#stderrEnded;
        if (request !== REQUEST_ID) return this.#fail(`a record of request ${request}`);
        if (ended) return this.#fail('content after the end of its stream');
        if (this.#content > 0) return;
        if (this.#type === TYPE.stdout) this.#stdoutEnded = true;
        else this.#stderrEnded = true;
        return;
      }
      case TYPE.end:
        if (request !== REQUEST_ID) return this.#fail(`a record of request ${request}`);
        if (this.#content !== this.#end.length) this.#fail(`an end of request of ${this.#content} bytes`);
        return;
      case TYPE.getValuesResult:
      case TYPE.unknownType:
        if (request !== 0) this.#fail('a management record of a request');
        return;
      default:
        this.#fail(`a record of type ${this.#type}`);
    }
  }

  #readContent(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#content);
    this.#content -= end - at;
    const piece = bytes.subarray(at, end);
    if (this.#type === TYPE.stdout) this.#sink.onStdout(piece);
    else if (this.#type === TYPE.stderr) this.#sink.onStderr(piece);
    else if (this.#type === TYPE.end) this.#endBytes += piece.copy(this.#end, this.#endBytes);
    return end;
  }

  #endRecord(): void {
    if (this.#stopped || this.fault !== undefined) return;
    this.#headerBytes = 0;
    this.done = this.#type === TYPE.end;
  }

  #fail(fault: string): void {
    this.fault = fault;
  }
}
