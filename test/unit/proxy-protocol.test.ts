import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, MOST_BYTES, parseProxyHeader } from '../../src/http/proxy-protocol.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

const tlv = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(3);
  head.writeUInt8(type);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
};

function v2(command: number, family: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const head = Buffer.alloc(4);
  head.writeUInt8(command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, head, body]);
}

/** With a checksum (type 3) at its end, right or wrong. */
function checked(command: number, family: number, block: Buffer, change = 0): Buffer {
  const header = v2(command, family, block, tlv(3, Buffer.alloc(4)));
  header.writeUInt32BE((crc32c(header) ^ change) >>> 0, header.length - 4);
  return header;
}

const block4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 80]);
const block6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('00000000000000000000ffffc0000202', 'hex'),
  Buffer.from([0xff, 0xff, 0x01, 0xbb]),
]);
const said4 = { address: '192.0.2.1', localAddress: '198.51.100.2', port: 0x1234, localPort: 80 };
const said6 = { address: '2001:db8::1', localAddress: '192.0.2.2', port: 65_535, localPort: 443 };

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');

const GOOD: readonly (readonly [string, Buffer, object | undefined])[] = [
  ['version 1, IPv4', line('PROXY TCP4 192.0.2.1 198.51.100.2 4660 80'), said4],
  ['version 1, IPv6', line('PROXY TCP6 2001:DB8:0::1 ::ffff:192.0.2.2 65535 443'), said6],
  ['version 1, unknown', line('PROXY UNKNOWN'), undefined],
  ['version 1, unknown and more', line('PROXY UNKNOWN ffff::1 junk 99999'), undefined],
  ['version 2, IPv4', v2(0x21, 0x11, block4), said4],
  ['version 2, IPv6', v2(0x21, 0x21, block6), said6],
  ['version 2, LOCAL', v2(0x20, 0), undefined],
  ['version 2, LOCAL with what it says of itself', v2(0x20, 0x11, block4, Buffer.from('junk')), undefined],
  ['version 2, unspecified', v2(0x21, 0, Buffer.from('anything')), undefined],
  ['version 2, unix', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
  [
    'version 2, extensions',
    v2(0x21, 0x11, block4, tlv(2, Buffer.from('a.example')), tlv(4, Buffer.alloc(0))),
    said4,
  ],
  ['version 2, checksum', checked(0x21, 0x11, block4), said4],
];

const BAD: readonly (readonly [string, Buffer])[] = [
  ['a request', Buffer.from('GET / HTTP/1.1\r\n')],
  ['a TLS hello', Buffer.from([0x16, 3, 1])],
  ['version 1 in small letters', line('proxy TCP4 192.0.2.1 198.51.100.2 1 80')],
  ['version 1, another family', line('PROXY UDP4 192.0.2.1 198.51.100.2 1 80')],
  ['version 1, nothing more', line('PROXY ')],
  ['version 1, an address of the other family', line('PROXY TCP4 2001:db8::1 198.51.100.2 1 80')],
  ['version 1, a leading zero in an address', line('PROXY TCP4 192.0.2.01 198.51.100.2 1 80')],
  ['version 1, a zone', line('PROXY TCP6 fe80::1%eth0 fe80::2 1 80')],
  ['version 1, a port too large', line('PROXY TCP4 192.0.2.1 198.51.100.2 65536 80')],
  ['version 1, a leading zero in a port', line('PROXY TCP4 192.0.2.1 198.51.100.2 01 80')],
  ['version 1, a word too few', line('PROXY TCP4 192.0.2.1 198.51.100.2 1')],
  ['version 1, a word too many', line('PROXY TCP4 192.0.2.1 198.51.100.2 1 80 x')],
  ['version 1, two blanks', line('PROXY TCP4  192.0.2.1 198.51.100.2 1 80')],
  ['version 1, a bare line feed', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 1 80\n')],
  ['version 1, no end within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
  ['version 2, version 1 in binary', v2(0x11, 0x11, block4)],
  ['version 2, another command', v2(0x22, 0x11, block4)],
  ['version 2, datagrams', v2(0x21, 0x12, block4)],
  ['version 2, another family', v2(0x21, 0x41, block4)],
  ['version 2, too short for its addresses', v2(0x21, 0x21, block4)],
  ['version 2, an extension cut short', v2(0x21, 0x11, block4, Buffer.from([4, 0]))],
  ['version 2, an extension too long', v2(0x21, 0x11, block4, Buffer.from([4, 0, 9, 1]))],
  ['version 2, a wrong checksum', checked(0x21, 0x11, block4, 1)],
  ['version 2, a checksum of another length', v2(0x21, 0x11, block4, tlv(3, Buffer.alloc(3)))],
  ['version 2, longer than is taken', v2(0x21, 0x11, block4, tlv(4, Buffer.alloc(600)))],
];

describe('the PROXY header', () => {
  it.each(GOOD)('%s', (_, header, said) => {
    const bytes = Buffer.concat([header, Buffer.from('GET / HTTP/1.1')]);
    expect(parseProxyHeader(bytes)).toEqual({ kind: 'done', end: header.length, said });
  });

  it.each(GOOD)('%s: is waited for until it is whole', (_, header) => {
    for (let length = 0; length < header.length; length++)
      expect(parseProxyHeader(header.subarray(0, length)).kind).toBe('more');
  });

  it.each(BAD)('%s is refused', (_, header) => {
    expect(parseProxyHeader(header).kind).toBe('bad');
  });

  it('a longest line of version 1 is taken', () => {
    const longest = line(`PROXY UNKNOWN ${'x'.repeat(107 - 16)}`);
    expect(longest).toHaveLength(107);
    expect(parseProxyHeader(longest).kind).toBe('done');
  });

  it('the checksum is CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('whatever comes is answered, never waited for beyond the bound, and the bytes stay as they are', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc.constantFrom(...[...GOOD, ...BAD].map(([, header]) => header)).chain((header) =>
        fc.tuple(fc.nat(header.length - 1), fc.nat(255)).map(([at, byte]) => {
          const changed = Buffer.from(header);
          changed[at] = byte;
          return changed;
        }),
      ),
    );
    fc.assert(
      fc.property(some, (given) => {
        const bytes = Buffer.from(given);
        const before = Buffer.from(bytes);
        const header = parseProxyHeader(bytes);
        expect(bytes.equals(before)).toBe(true);
        if (header.kind === 'more') expect(bytes.length).toBeLessThan(MOST_BYTES);
        if (header.kind !== 'done') return;
        expect(header.end).toBeLessThanOrEqual(bytes.length);
        // The same however it is cut into packets: no part of it says something else.
        for (let length = 0; length < header.end; length += 7)
          expect(parseProxyHeader(bytes.subarray(0, length)).kind).toBe('more');
      }),
      { numRuns: 500 },
    );
  });
});
