import { describe, expect, it } from 'vitest';
import { Flights, HitForMiss } from '../../src/cache/collapse.ts';

describe('a flight', () => {
  it('tells all who wait, in the order of their coming, and those who come later at once', () => {
    const flight = new Flights<string>().begin('k', 0, true);
    const told: string[] = [];
    flight.wait((outcome) => told.push(`leader ${outcome}`));
    flight.wait((outcome) => told.push(`follower ${outcome}`));
    expect(flight.waiting).toBe(2);
    flight.settle('here');
    flight.wait((outcome) => told.push(`late ${outcome}`));
    expect(told).toEqual(['leader here', 'follower here', 'late here']);
    expect(flight.waiting).toBe(0);
  });

  it('is settled once', () => {
    const flight = new Flights<string>().begin('k', 0, true);
    const told: string[] = [];
    flight.wait((outcome) => told.push(outcome));
    flight.settle('first');
    flight.settle('second');
    expect(told).toEqual(['first']);
    expect(flight.outcome).toBe('first');
  });

  it('tells nobody who has left', () => {
    const flight = new Flights<string>().begin('k', 0, true);
    const told: string[] = [];
    const leave = flight.wait(() => told.push('left'));
    flight.wait(() => told.push('stayed'));
    leave();
    leave();
    flight.settle('here');
    expect(told).toEqual(['stayed']);
  });

  it('is abandoned when the last who waited has left, the leader or not, and only before the outcome', () => {
    const flights = new Flights<string>();
    let abandoned = 0;
    const begin = () => {
      const flight = flights.begin('k', 0, true);
      flight.onAbandoned = () => abandoned++;
      return flight;
    };
    const flight = begin();
    const [leader, follower] = [flight.wait(() => undefined), flight.wait(() => undefined)];
    leader();
    expect(abandoned).toBe(0);
    follower();
    follower();
    expect(abandoned).toBe(1);
    const settled = begin();
    const leave = settled.wait(() => undefined);
    settled.settle('here');
    leave();
    expect(abandoned).toBe(1);
  });

  it('may be waited for by somebody who is told about it while telling others', () => {
    const flight = new Flights<string>().begin('k', 0, true);
    const told: string[] = [];
    flight.wait(() => flight.wait((outcome) => told.push(`again ${outcome}`)));
    flight.settle('here');
    expect(told).toEqual(['again here']);
  });
});

describe('the flights under way', () => {
  it('offer one per key, to those who come while it may be joined', () => {
    const flights = new Flights<string>();
    expect(flights.find('k')).toBeUndefined();
    const flight = flights.begin('k', 7, true);
    expect(flights.find('k')).toBe(flight);
    expect(flights.find('other')).toBeUndefined();
    expect(flight.seq).toBe(7);
    flights.close(flight);
    expect(flights.find('k')).toBeUndefined();
    expect(flights.size).toBe(1);
    flights.end(flight);
    expect(flights.size).toBe(0);
  });

  it('that are for one alone are offered to nobody, and counted', () => {
    const flights = new Flights<string>();
    const alone = flights.begin('k', 0, false);
    expect(flights.find('k')).toBeUndefined();
    const shared = flights.begin('k', 0, true);
    flights.close(alone);
    flights.end(alone);
    expect(flights.find('k')).toBe(shared);
    expect(flights.size).toBe(1);
  });

  it('that are named can be closed together, and go on for those who wait', () => {
    const flights = new Flights<string>();
    const [a, b] = [flights.begin('a', 0, true), flights.begin('b', 0, true)];
    flights.closeAll(({ key }) => key === 'a');
    expect([flights.find('a'), flights.find('b')]).toEqual([undefined, b]);
    expect([a.fenced, flights.size]).toEqual([false, 2]);
  });

  it('say once that they have ended', () => {
    const flights = new Flights<string>();
    const flight = flights.begin('k', 0, true);
    let ended = 0;
    flight.onEnd = () => ended++;
    flights.end(flight);
    flights.end(flight);
    expect(ended).toBe(1);
  });
});

describe('a fence', () => {
  it('marks and closes the flights that are named, whether they may be joined or not, each once', () => {
    const flights = new Flights<string>();
    const shared = flights.begin('a', 0, true);
    const alone = flights.begin('a', 0, false);
    const other = flights.begin('b', 0, true);
    expect(flights.fence(({ key }) => key === 'a')).toBe(2);
    expect([shared.fenced, alone.fenced, other.fenced]).toEqual([true, true, false]);
    expect(flights.find('a')).toBeUndefined();
    expect(flights.find('b')).toBe(other);
    expect(flights.fence(({ key }) => key === 'a')).toBe(0);
  });

  it('leaves those who wait their outcome', () => {
    const flights = new Flights<string>();
    const flight = flights.begin('a', 0, true);
    const told: string[] = [];
    flight.wait((outcome) => told.push(outcome));
    flights.fence(() => true);
    flight.settle('here');
    expect(told).toEqual(['here']);
  });

  it('does not touch the flight that began after it', () => {
    const flights = new Flights<string>();
    const before = flights.begin('a', 0, true);
    flights.fence(() => true);
    const after = flights.begin('a', 1, true);
    flights.end(before);
    expect(flights.find('a')).toBe(after);
    expect(after.fenced).toBe(false);
  });
});

describe('hit-for-miss', () => {
  it('is remembered for its time, to the millisecond', () => {
    const known = new HitForMiss(30_000);
    known.remember('k', 1_000);
    expect(known.knows('k', 1_000)).toBe(true);
    expect(known.knows('k', 30_999)).toBe(true);
    expect(known.knows('k', 31_000)).toBe(false);
    expect(known.knows('k', 1_000)).toBe(false);
    expect(known.knows('other', 1_000)).toBe(false);
  });

  it('is forgotten when told, and lasts anew when remembered again', () => {
    const known = new HitForMiss(30_000);
    known.remember('k', 0);
    known.remember('k', 20_000);
    expect(known.knows('k', 40_000)).toBe(true);
    known.forget('k');
    expect(known.knows('k', 20_000)).toBe(false);
  });

  it('is bounded: beyond it the one remembered longest ago goes', () => {
    const known = new HitForMiss(30_000, 3);
    for (const key of ['a', 'b', 'c']) known.remember(key, 0);
    known.remember('a', 1);
    known.remember('d', 2);
    expect(['a', 'b', 'c', 'd'].map((key) => known.knows(key, 3))).toEqual([true, false, true, true]);
  });
});
