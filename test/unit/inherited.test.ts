import { describe, expect, it } from 'vitest';
import { inheritedSockets, NONE_INHERITED } from '../../src/inherited.ts';

describe('sockets that a process was started with', () => {
  it('go to the doors that they are named for, others to listen', () => {
    const env = {
      LISTEN_PID: '7',
      LISTEN_FDS: '5',
      LISTEN_FDNAMES: 'listen:holdfast.socket:tls:admin:forward',
    };
    expect(inheritedSockets(env, 7)).toEqual({ plain: [3, 4], tls: [5], admin: [6], forward: [7] });
    expect(env).toEqual({});
  });

  it('without names are for listen', () => {
    expect(inheritedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7).plain).toEqual([3, 4]);
  });

  it.each([
    {},
    { LISTEN_PID: '8', LISTEN_FDS: '1' },
    { LISTEN_PID: '7', LISTEN_FDS: '-1' },
    { LISTEN_PID: '7', LISTEN_FDS: 'x' },
    { LISTEN_FDS: '1' },
  ])('are none with %j', (env) => {
    expect(inheritedSockets({ ...env }, 7)).toEqual(NONE_INHERITED);
  });
});
