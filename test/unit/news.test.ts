import { describe, expect, it } from 'vitest';
import { Announcer, Hearing } from '../../src/workers/news.ts';

function listener(announcer: Announcer<string>): { heard: string[]; hearing: Hearing<string> } {
  const heard: string[] = [];
  const { ear } = announcer.ear();
  return { heard, hearing: new Hearing<string>(ear, (news) => void heard.push(news)) };
}

describe('what is told to all workers', () => {
  it('is heard at once by whoever listens, in order, each thing once', () => {
    const announcer = new Announcer<string>();
    const [a, b] = [listener(announcer), listener(announcer)];
    announcer.tell('one');
    announcer.tell('two');
    a.hearing.hear();
    expect(a.heard).toEqual(['one', 'two']);
    announcer.tell('three');
    a.hearing.hear();
    a.hearing.hear();
    b.hearing.hear();
    expect(a.heard).toEqual(['one', 'two', 'three']);
    expect(b.heard).toEqual(['one', 'two', 'three']);
    expect(a.hearing.heard).toBe(b.hearing.heard);
  });

  it('is not heard by one that began later: it knows', () => {
    const announcer = new Announcer<string>();
    announcer.tell('before');
    const late = listener(announcer);
    announcer.tell('after');
    late.hearing.hear();
    expect(late.heard).toEqual(['after']);
  });

  it('is heard by the others when one has gone', () => {
    const announcer = new Announcer<string>();
    const gone = announcer.ear();
    const stays = listener(announcer);
    gone.close();
    announcer.tell('one');
    stays.hearing.hear();
    expect(stays.heard).toEqual(['one']);
  });
});
