// The settings that keep a client with one server of a group.

import type { z } from 'zod';
import { cookieName } from '../http/cookies.ts';
import type { StickyRules } from '../origin/sticky.ts';
import { durationOr, flag, oneOf, section, text } from './setting.ts';

const NAME = '"none", or the name of a cookie';
const cookiePath = (value: string): string | undefined =>
  /^\/[\x21-\x3a\x3c-\x7e]{0,255}$/.test(value) ? value : undefined;

export const sticky = section(
  'A cookie that keeps a client with the server that answered it, for sessions in the memory of servers. Set with responses that are for one client alone, never with stored ones.',
  {
    cookie: text('Its name; "none" keeps nobody.', NAME, cookieName).prefault('none'),
    path: text('Where browsers send it.', 'a path such as "/app"', cookiePath).prefault('/'),
    sameSite: oneOf('Whether requests that other sites make carry it.', ['lax', 'strict', 'none']).prefault(
      'lax',
    ),
    secure: oneOf('Over TLS alone; "auto" where the client came by TLS.', [
      'auto',
      'always',
      'never',
    ]).prefault('auto'),
    httpOnly: flag('Hidden from scripts.').prefault(true),
    maxAge: durationOr('session', 'How long browsers keep it; "session" until the browser\'s end.', {
      min: 1000,
      max: 400 * 86_400_000,
    }).prefault('session'),
  },
)
  .refine((set) => set.sameSite !== 'none' || set.secure === 'always', {
    path: ['secure'],
    message: '"always", which browsers want with sameSite "none"',
  })
  .prefault({});

/** undefined keeps nobody. */
export function stickyRules(set: z.output<typeof sticky>): StickyRules | undefined {
  const { maxAge, ...rules } = set;
  if (rules.cookie === 'none') return undefined;
  return { ...rules, maxAgeSeconds: maxAge === 'session' ? undefined : Math.floor(maxAge / 1000) };
}
