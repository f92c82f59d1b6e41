// A server that slept counts no silence of its peers from that time (spec, chapter of keepalive).
import { encodeFrame, FRAMES, NameServer, Random, requestCodec } from '@qanat/core';
import { expect, it } from 'vitest';
import { joined } from '../conformance/session-bench.ts';

const IDLE_MS = 30_000;
const PAUSE_MS = 60_000;
const CONNECTION = 2;

it('a connection that was heard since its timer was set is given up as late as the server slept [QNT-KAL-007]', () => {
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1) });
  let nowMs = 1_000;
  let correlation = -1;
  const send = (name: 'HELLO' | 'PING', header: object): void => {
    correlation += 2;
    const frame = joined(encodeFrame(FRAMES[name].type, 0, correlation, requestCodec(name).encode(header as never)));
    engine.handle({ kind: 'frame', connection: CONNECTION, frame }, nowMs);
  };
  /** Ticks until then, each in time. @returns whether the connection was given up. */
  const givenUpBy = (untilMs: number): boolean => {
    for (;;) {
      const nextMs = engine.nextDeadlineMs();
      if (nextMs === undefined || nextMs > untilMs) break;
      nowMs = Math.max(nowMs, nextMs);
      engine.tick(nowMs);
    }
    nowMs = untilMs;
    return engine.drain().some(({ kind }) => kind === 'abort' || kind === 'close');
  };
  engine.handle({ kind: 'wallClock', offsetMs: 0 }, nowMs);
  engine.handle({ kind: 'accepted', connection: CONNECTION, remote: 'peer', listener: 'default' }, nowMs);
  send('HELLO', { software: 'test', idleMs: IDLE_MS });
  expect(givenUpBy(nowMs + IDLE_MS - 100)).toBe(false);
  send('PING', {});
  const heardMs = nowMs;
  // The timer from HELLO is due in 100 ms; it is late by all that is slept behind it.
  nowMs += 100 + PAUSE_MS;
  engine.tick(nowMs);
  expect(givenUpBy(heardMs + IDLE_MS + PAUSE_MS - 1)).toBe(false);
  expect(givenUpBy(heardMs + IDLE_MS + PAUSE_MS + 1)).toBe(true);
});
