// An origin's messages whose framing is odd or broken (RFC 9112 §6, §7, §8).

import { type Answer, CLOSES, cc, later, now, optimal, type Row, required, type Table } from '../row.ts';

const LIFE = 'HTTP/1.1 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\n';
const bytes = (text: string): { origin: Answer } => ({ origin: { play: 'bytes', bytes: text } });

const framing: readonly Row[] = [
  required(
    'frame-longer',
    'RFC 9112 §6.3',
    'content beyond Content-Length is no part of the message',
    now({ status: 200, body: '01234' }, bytes(`${LIFE}Content-Length: 5\r\n\r\n0123456789`)),
  ),
  required(
    'frame-longer-stored',
    'RFC 9112 §6.3',
    'nor is it stored',
    now({ status: 200 }, bytes(`${LIFE}Content-Length: 5\r\n\r\n0123456789`)),
    later(
      1,
      { status: 200, body: /^(?:01234|new)$/ },
      { origin: { headers: cc('max-age=100'), body: 'new' } },
    ),
  ),
  required(
    'frame-shorter',
    'RFC 9112 §8',
    'content short of Content-Length is no whole message',
    now({ complete: false }, bytes(`${LIFE}Content-Length: 50\r\n\r\n01234`)),
    later(1, 'fetched', { origin: { headers: cc('max-age=100') } }),
  ),
  required(
    'frame-coding',
    'RFC 9112 §6.1',
    'an unknown transfer coding is 502',
    now({ status: 502 }, bytes(`${LIFE}Transfer-Encoding: frob\r\n\r\n01234`)),
  ),
  required(
    'frame-coding-list',
    'RFC 9112 §6.1',
    'also before chunked',
    now({ status: 502 }, bytes(`${LIFE}Transfer-Encoding: frob, chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n`)),
  ),
  required(
    'frame-both',
    'RFC 9112 §6.3',
    'Content-Length beside chunked is 502',
    now(
      { status: 502 },
      bytes(`${LIFE}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n`),
    ),
  ),
  required(
    'frame-lengths',
    'RFC 9112 §6.3',
    'two lengths that differ are 502',
    now({ status: 502 }, bytes(`${LIFE}Content-Length: 5\r\nContent-Length: 6\r\n\r\n012345`)),
  ),
  required(
    'frame-length-word',
    'RFC 9112 §6.3',
    'a length that is none is 502',
    now({ status: 502 }, bytes(`${LIFE}Content-Length: five\r\n\r\n01234`)),
  ),
  required(
    'frame-length-negative',
    'RFC 9112 §6.3',
    'a negative one too',
    now({ status: 502 }, bytes(`${LIFE}Content-Length: -5\r\n\r\n01234`)),
  ),
  required(
    'frame-chunk',
    'RFC 9112 §7.1',
    'a broken chunk is no whole message',
    now({ complete: false }, bytes(`${LIFE}Transfer-Encoding: chunked\r\n\r\nzz\r\n01234\r\n0\r\n\r\n`)),
    later(1, 'fetched', { origin: { headers: cc('max-age=100') } }),
  ),
  optimal(
    'frame-chunk-extension',
    'RFC 9112 §7.1.1',
    'chunk extensions are ignored',
    now(
      { status: 200, body: '01234' },
      bytes(`${LIFE}Transfer-Encoding: chunked\r\n\r\n5;x=1;y="z"\r\n01234\r\n0\r\n\r\n`),
    ),
    later(1, { status: 200, asked: 0, body: '01234' }),
  ),
  required(
    'frame-garbage',
    'RFC 9110 §15.6.3',
    'what is no HTTP is 502',
    now({ status: 502 }, bytes('hello\r\n\r\n')),
  ),
  required('frame-nothing', 'RFC 9110 §15.6.3', 'no answer is 502', now({ status: 502 }, { origin: CLOSES })),
  required(
    'frame-204',
    'RFC 9112 §6.3',
    'a 204 has no content, whatever it announces',
    now(
      { status: 204, body: '' },
      bytes('HTTP/1.1 204 No Content\r\nDate: {now}\r\nCache-Control: max-age=100\r\n\r\n'),
    ),
  ),
  required(
    'frame-error-not-stored',
    'RFC 9111 §3',
    "the edge's own 502 is not stored",
    now({ status: 502 }, { origin: CLOSES }),
    later(0, 'fetched', { origin: { headers: cc('max-age=100') } }),
  ),
];

export const framingTable: Table = { topic: 'Framing', rows: framing };
