import type { ClientEvent, Message } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { EventTeller } from '../src/event-teller.ts';
import { Diagnostics } from '../src/output/diagnostics.ts';
import { parseMessageFormat } from '../src/tail/message-format.ts';
import { planTail } from '../src/tail/tail-plan.ts';
import { FakeIo } from './fake-io.ts';

function message(body: string | Uint8Array, more: Partial<Message> = {}): Message {
  return {
    topic: 'orders',
    broker: 'broker-a',
    queue: 2,
    offset: 17,
    tag: undefined,
    key: undefined,
    properties: {},
    bornTimeMs: 0,
    storeTimeMs: 0,
    attempt: 1,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...more,
  } as Message;
}

const format = (text: string, one: Message): string =>
  Buffer.concat(parseMessageFormat(text)(one).map((piece) => Buffer.from(piece as string))).toString('latin1');

describe('the format of a message', () => {
  it('is a line that cannot move the cursor', () => {
    expect(format('line', message('a\u001b[2J\tb\r\nc', { tag: 't', key: 'k' }))).toBe(
      'orders broker-a/2 @17  [t] k: a\\u001b[2J\tb\\u000d\\u000ac\n',
    );
  });

  it('shows bytes that are no text as base64 in a line and in JSON, and as they are in raw', () => {
    const bytes = Uint8Array.of(0xff, 0x00);
    expect(format('line', message(bytes))).toBe('orders broker-a/2 @17  base64:/wA=\n');
    expect(JSON.parse(format('json', message(bytes)))).toMatchObject({ base64: '/wA=', tag: null, key: null });
    expect(format('raw', message(bytes))).toBe('\u00ff\u0000\n');
  });

  it('is a template, which ends its line by itself', () => {
    expect(format('%t\\t%B/%q@%o %s%% %T', message('abc'))).toBe('orders\tbroker-a/2@17 3% 1970-01-01T00:00:00.000Z\n');
    expect(format('%b\n', message('x'))).toBe('x\n');
  });
});

describe('what tail reads', () => {
  it('is the end for those who watch, and the beginning for those who want everything', () => {
    expect(planTail(['t'], {})).toMatchObject({ mode: 'groupless', from: 'last' });
    expect(planTail(['t'], { untilEnd: true })).toMatchObject({ mode: 'groupless', from: 'first' });
    expect(planTail(['t'], { group: 'g' })).toMatchObject({ mode: 'clustering', group: 'g', from: 'last' });
    expect(planTail(['t'], { group: 'g', mode: 'broadcasting' })).toMatchObject({ mode: 'broadcasting' });
  });
});

describe('events', () => {
  const queue = (broker: string, number: number) => ({ topic: 't', broker, queue: number });
  const moved = (kind: 'assigned' | 'revoked', ...queues: ReturnType<typeof queue>[]): ClientEvent => ({
    kind,
    consumer: 1,
    queues,
  });

  function tell(tellsMoves: boolean, ...events: ClientEvent[]): string {
    const io = new FakeIo();
    const teller = new EventTeller(new Diagnostics(io.stderr, {}), tellsMoves);
    for (const event of events) teller.tell(event);
    teller.flush();
    return io.stderr.text;
  }

  it('of one kind in a row are one line, and stay in order', () => {
    const idle: ClientEvent = { kind: 'idle', consumer: 1, members: 9, queues: 8, message: '' };
    const events = [
      moved('assigned', queue('a', 0)),
      moved('assigned', queue('a', 1), queue('b', 0)),
      moved('revoked', queue('a', 0)),
      idle,
    ];
    expect(tell(true, ...events)).toBe('assigned: 3 queues, a/0..1 b/0\nrevoked: 1 queue, a/0\nidle: 9 members for 8 queues\n');
  });

  it('about queues are no news for a reader without a group', () => {
    expect(tell(false, moved('assigned', queue('a', 0)))).toBe('');
  });
});
