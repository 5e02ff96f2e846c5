// Node's HTTP/2, loaded when the first door is made that speaks it; and the few numbers that are used of it (RFC 9113).

import { lazily } from '../library.ts';

export const http2 = lazily<typeof import('node:http2')>('node:http2');

/** RFC 9113 §7. */
export const NO_ERROR = 0x0;
export const ENHANCE_YOUR_CALM = 0xb;
/** RFC 9113 §6.1, §6.2. */
export const FLAG_END_STREAM = 0x1;
