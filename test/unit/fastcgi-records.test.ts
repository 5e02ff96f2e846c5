import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  abortRecord,
  beginRecord,
  paramsRecords,
  RecordDecoder,
  stdinEnd,
  stdinRecords,
} from '../../src/origin/fastcgi/records.ts';
import { endRecord, paramsOf, record } from '../support/fastcgi.ts';

interface Heard {
  stdout: Buffer[];
  stderr: Buffer[];
  end: [appStatus: number, protocolStatus: number] | undefined;
}

function decoder(): { decoder: RecordDecoder; heard: Heard } {
  const heard: Heard = { stdout: [], stderr: [], end: undefined };
  return {
    heard,
    decoder: new RecordDecoder({
      onStdout: (piece) => heard.stdout.push(Buffer.from(piece)),
      onStderr: (piece) => heard.stderr.push(Buffer.from(piece)),
      onEndRequest: (...end) => {
        heard.end = end;
      },
    }),
  };
}

function decode(bytes: Buffer): { heard: Heard; fault: string | undefined } {
  const one = decoder();
  one.decoder.push(bytes);
  return { heard: one.heard, fault: one.decoder.fault };
}

/** The content of the records of one type, and the offset behind them. */
function streamOf(bytes: Buffer, type: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    expect([bytes[at], bytes[at + 1], bytes.readUInt16BE(at + 2)]).toEqual([1, type, 1]);
    const length = bytes.readUInt16BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length + (bytes[at + 6] ?? 0);
  }
  expect(parts.at(-1)?.length).toBe(0);
  return Buffer.concat(parts);
}

describe('records to a responder', () => {
  it('begin with the role and whether the connection is kept', () => {
    expect(beginRecord(true)).toEqual(record(1, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])));
    expect(beginRecord(false)).toEqual(record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])));
    expect(abortRecord()).toEqual(record(2));
  });

  it('carry every name and value, whatever their lengths', () => {
    const latin1 = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
    });
    const long = fc
      .tuple(latin1, fc.integer({ min: 0, max: 2000 }))
      .map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(fc.dictionary(latin1, fc.oneof(latin1, long), { maxKeys: 20 }), (params) => {
        const sent = streamOf(paramsRecords(Object.entries(params)), 4);
        expect(Object.entries(paramsOf(sent)).sort()).toEqual(Object.entries(params).sort());
      }),
      { numRuns: 100 },
    );
  });

  it('carry content of any size in records that the format can hold', () => {
    const content = Buffer.alloc(200_001, 'x');
    expect(streamOf(Buffer.concat([...stdinRecords(content), stdinEnd()]), 5)).toEqual(content);
    expect(stdinRecords(Buffer.alloc(0))).toEqual([]);
  });
});

describe('records from a responder', () => {
  const message = fc.array(
    fc.record({
      error: fc.boolean(),
      content: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      padding: fc.integer({ min: 0, max: 255 }),
    }),
    { maxLength: 12 },
  );

  it('say the same however they are cut', () => {
    fc.assert(
      fc.property(message, fc.array(fc.integer({ min: 1, max: 400 })), fc.boolean(), (parts, cuts, ends) => {
        const bytes = Buffer.concat([
          ...parts.map(({ error, content, padding }) => record(error ? 7 : 6, content, padding)),
          ...(ends ? [record(6), record(7)] : []),
          endRecord(7, 0),
        ]);
        const one = decoder();
        let at = 0;
        for (const cut of cuts) {
          one.decoder.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        one.decoder.push(bytes.subarray(at));
        const of = (error: boolean): Buffer =>
          Buffer.concat(parts.filter((part) => part.error === error).map(({ content }) => content));
        expect(one.decoder).toMatchObject({ fault: undefined, done: true });
        expect(Buffer.concat(one.heard.stdout)).toEqual(of(false));
        expect(Buffer.concat(one.heard.stderr)).toEqual(of(true));
        expect(one.heard.end).toEqual([7, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it('never throw and never end a request that is not ended, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { heard, fault } = decode(Buffer.from(bytes));
        if (fault !== undefined) expect(heard.end).toBeUndefined();
      }),
    );
  });

  it('of management are passed over', () => {
    const bytes = Buffer.concat([
      record(10, Buffer.from('x'), 0, 0),
      record(11, Buffer.alloc(8), 0, 0),
      endRecord(),
    ]);
    expect(decode(bytes)).toMatchObject({ fault: undefined, heard: { end: [0, 0] } });
  });

  const wrong: readonly [string, Buffer][] = [
    ['another version', Buffer.from([2, 6, 0, 1, 0, 0, 0, 0])],
    ['another request', record(6, Buffer.from('x'), 0, 2)],
    ['an end of another request', record(3, Buffer.alloc(8), 0, 2)],
    ['a type that only a client sends', record(5, Buffer.from('x'))],
    ['a type that there is not', record(12)],
    ['an end of a wrong size', record(3, Buffer.alloc(9))],
    ['content after the end of the output', Buffer.concat([record(6), record(6, Buffer.from('x'))])],
    ['content after the end of the errors', Buffer.concat([record(7), record(7, Buffer.from('x'))])],
    ['bytes after the end of the request', Buffer.concat([endRecord(), Buffer.from([1])])],
    ['a management record of a request', record(10, Buffer.from('x'), 0, 1)],
  ];

  it.each(wrong)('are a fault: %s', (_, bytes) => {
    const { fault, heard } = decode(bytes);
    expect(fault).toBeTypeOf('string');
    expect(heard.end).toBeUndefined();
  });

  it('are not told any more once they are not wanted', () => {
    const { decoder: one, heard } = decoder();
    one.stop();
    one.push(Buffer.concat([record(6, Buffer.from('x')), endRecord()]));
    expect(heard).toEqual({ stdout: [], stderr: [], end: undefined });
  });
});
