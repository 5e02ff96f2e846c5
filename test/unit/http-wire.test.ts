import { describe, expect, it } from 'vitest';
import type { ResponseHead } from '../../src/http/message.ts';
import { CHUNKED, Composer, NOTHING, ONE_BUFFER_BYTES } from '../../src/http/wire.ts';
import { manualClock } from '../support/clock.ts';

const DATED = ['Date', 'Thu, 15 Jan 2026 12:00:00 GMT'];
const plain = (lines: readonly string[], status = 200): ResponseHead => ({
  status,
  lines,
  length: undefined,
});

describe('a composed head', () => {
  const composer = new Composer(manualClock().now);

  it.each([
    [5, '', 'HTTP/1.1 200 OK\r\nDate: Thu, 15 Jan 2026 12:00:00 GMT\r\nContent-Length: 5\r\n\r\n'],
    [
      CHUNKED,
      'close',
      'HTTP/1.1 200 OK\r\nDate: Thu, 15 Jan 2026 12:00:00 GMT\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    ],
    [
      NOTHING,
      'keep-alive',
      'HTTP/1.1 200 OK\r\nDate: Thu, 15 Jan 2026 12:00:00 GMT\r\nConnection: keep-alive\r\n\r\n',
    ],
  ] as const)('announces %i and persistence %j', (announced, persistence, text) => {
    expect(composer.compose(plain(DATED), announced, persistence)).toBe(text);
    expect(composer.compose(plain([]), announced, persistence)).toBe(text);
  });

  it('has an empty phrase for an unknown status', () => {
    expect(composer.compose(plain(DATED, 299), NOTHING, '')).toMatch(/^HTTP\/1\.1 299 \r\n/);
  });

  it.each([
    [['X', 'a\r\nSet-Cookie: b']],
    [['X', 'a\nb']],
    [['X', 'a\rb']],
    [['X', 'a\0b']],
    [['X', 'a\u010ab']],
    [['X\r\nY', 'a']],
    [['X:', 'a']],
    [['X ', 'a']],
    [['', 'a']],
    [['X']],
  ])('never holds the lines %j', (lines) => {
    expect(composer.compose(plain(lines), 0, '')).toBeUndefined();
    expect(composer.usual(plain(lines), 0, null)).toBeUndefined();
    expect(composer.interim(103, lines)).toBeUndefined();
  });

  it.each([100, 199, 1000, 0, 200.5, Number.NaN])('never has the final status %d', (status) => {
    expect(composer.compose(plain([], status), 0, '')).toBeUndefined();
  });

  it.each([101, 99, 200])('never has the interim status %d', (status) => {
    expect(composer.interim(status, [])).toBeUndefined();
  });

  it("leaves out the writer's own fields", () => {
    const lines = [
      'connection',
      'x',
      'Keep-Alive',
      'x',
      'Transfer-encoding',
      'gzip',
      'CONTENT-LENGTH',
      '9',
      'X',
      'y',
    ];
    expect(composer.compose(plain([...lines, ...DATED]), 5, '')).toBe(
      'HTTP/1.1 200 OK\r\nX: y\r\nDate: Thu, 15 Jan 2026 12:00:00 GMT\r\nContent-Length: 5\r\n\r\n',
    );
  });
});

describe('the kept bytes of a head object', () => {
  const content = Buffer.from('hello');

  it('are one buffer with the content, the same from the second time on', () => {
    const composer = new Composer(manualClock().now);
    const head = plain(DATED);
    const first = composer.usual(head, 5, content);
    const second = composer.usual(head, 5, content);
    expect(first?.toString().endsWith('Content-Length: 5\r\n\r\nhello')).toBe(true);
    expect(second).toEqual(first);
    expect(composer.usual(head, 5, content)).toBe(second);
  });

  it('follow other content under the same head', () => {
    const composer = new Composer(manualClock().now);
    const head = plain(DATED);
    for (let i = 0; i < 3; i++) {
      for (const text of ['aaaaa', 'bbbbb', 'cc']) {
        const bytes = composer.usual(head, text.length, Buffer.from(text))?.toString();
        expect(bytes?.endsWith(`Content-Length: ${text.length}\r\n\r\n${text}`)).toBe(true);
      }
    }
  });

  it('move on with the second where the Date is ours', () => {
    const clock = manualClock();
    const composer = new Composer(clock.now);
    const head = plain([]);
    expect(composer.usual(head, 0, null)?.toString()).toContain('12:00:00 GMT');
    clock.advance(999);
    expect(composer.usual(head, 0, null)?.toString()).toContain('12:00:00 GMT');
    clock.advance(1);
    expect(composer.usual(head, 0, null)?.toString()).toContain('12:00:01 GMT');
  });

  it('stop at the head beyond the bound of one buffer', () => {
    const composer = new Composer(manualClock().now);
    const large = Buffer.alloc(ONE_BUFFER_BYTES);
    expect(composer.usual(plain(DATED), large.length, large)?.length).toBeLessThan(200);
  });
});
