// Rules of connections, frames and requests that bind each side by itself (spec, chapters of framing to keepalive).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ClientSession,
  codeNumber,
  EngineContext,
  encodeFrame,
  Flag,
  FRAMES,
  FrameType,
  GoAway,
  Hello,
  LIMITS,
  Random,
  TopicListOk,
  wireNumberOf,
} from '../../src/index.ts';
import { ClientBench, joined, ServerBench } from './session-bench.ts';

const nothing = new Uint8Array(0);

describe('a client on a connection', () => {
  it('sends HELLO and nothing else until it is answered [QNT-CON-001, QNT-CON-002]', () => {
    const client = new ClientBench();
    client.ask();
    client.session.handle({ kind: 'opened', connection: client.connection });
    client.advance(4_000);
    expect(client.frames.map(({ type }) => type)).toEqual([FrameType.HELLO]);
    expect(client.session.oneWay('SEND', { topic: 't' })).toBe(false);
    const [hello] = client.frames;
    client.receive(FrameType.HELLO, Flag.RESPONSE, hello?.correlation ?? 0, nothing);
    expect(client.frames.map(({ type }) => type)).toEqual([FrameType.HELLO, FRAMES.TOPIC_LIST.type]);
  });

  it('holds requests beyond in_flight_max back until one is answered [QNT-COR-008, QNT-LIM-005]', () => {
    const client = new ClientBench().open({ inFlightMax: 2 });
    for (let i = 0; i < 4; i++) client.ask();
    expect(client.ofType('TOPIC_LIST')).toHaveLength(2);
    const [first] = client.ofType('TOPIC_LIST');
    client.receive(FRAMES.TOPIC_LIST.type, Flag.RESPONSE, first?.correlation ?? 0, nothing);
    expect(client.ofType('TOPIC_LIST')).toHaveLength(3);
    expect(client.errors).toEqual([undefined]);
  });

  it('gives a server up that answers PING and nothing else, after three attempts one after the other [QNT-COR-013]', () => {
    const client = new ClientBench().open();
    const answerPings = (): void => {
      for (const { type, correlation } of client.frames.splice(0))
        if (type === FrameType.PING) client.receive(type, Flag.RESPONSE, correlation);
    };
    const wait = (ms: number): void => {
      for (let i = 0; i < ms; i += 100) {
        client.advance(100);
        client.session.request('PING', {}, { timeoutMs: 1_000 }, () => {});
        client.drain();
        answerPings();
      }
    };
    // What is under way at the same time counts as one attempt.
    for (let i = 0; i < 5; i++) client.ask('TOPIC_LIST', 3_000);
    wait(3_500);
    client.ask('TOPIC_LIST', 3_000);
    wait(3_500);
    expect(client.closed).toBeUndefined();
    client.ask('TOPIC_LIST', 3_000);
    wait(3_500);
    expect(client.closed?.error?.code).toBe('TIMEOUT');
    // A master that waits for a slave is as healthy as it seems by PING.
    expect(client.closed?.error?.message).toMatch(/3 requests, one after the other, were not answered in time$/);
  });

  it('counts attempts anew after any answer, a late one too [QNT-COR-013]', () => {
    const client = new ClientBench().open();
    for (let i = 0; i < 10; i++) {
      client.ask('TOPIC_LIST', 3_000);
      client.advance(3_500);
      if (i % 2 === 0) continue;
      const late = client.ofType('TOPIC_LIST').at(-1);
      client.receive(FRAMES.TOPIC_LIST.type, Flag.RESPONSE, late?.correlation ?? 0, nothing);
    }
    expect(client.closed).toBeUndefined();
  });

  it('goes by the idle time of HELLO_OK [QNT-LIM-005, QNT-KAL-002, QNT-KAL-003]', () => {
    const client = new ClientBench().open({ idleMs: 3_000 });
    client.advance(1_000);
    expect(client.ofType('PING')).toHaveLength(1);
    client.advance(2_000);
    expect(client.closed?.error?.code).toBe('IDLE_TIMEOUT');
  });

  it('closes when nothing was heard for the idle time, and not at the next PING behind it [QNT-KAL-004]', () => {
    const client = new ClientBench().open({ idleMs: 3_000 });
    client.advance(1_500);
    client.receive(FrameType.PING, Flag.RESPONSE, client.ofType('PING')[0]?.correlation ?? 0);
    client.advance(2_999);
    expect(client.closed).toBeUndefined();
    client.advance(1);
    expect(client.closed?.error?.code).toBe('IDLE_TIMEOUT');
  });

  it('takes frames of FRAME_BYTES_MAX where its HELLO says nothing else [QNT-LIM-006]', () => {
    const client = new ClientBench().open();
    expect(Hello.decode(client.frames[0]?.control ?? nothing).frameBytesMax).toBe(0);
    expect(client.others).toContainEqual({ kind: 'frameLimit', connection: client.connection, bytes: LIMITS.FRAME_BYTES_MAX });
  });

  it('takes no longer frame before HELLO is answered than a server does [QNT-FRM-002]', () => {
    const client = new ClientBench();
    client.session.handle({ kind: 'opened', connection: client.connection });
    client.advance(0);
    expect(client.others.filter(({ kind }) => kind === 'frameLimit')).toEqual([]);
    expect(new ClientBench().open().others.filter(({ kind }) => kind === 'frameLimit')).toHaveLength(1);
  });

  it('treats a request that was never handed to a connection as not sent [QNT-COR-011]', () => {
    const unopened = new ClientBench();
    unopened.ask();
    unopened.session.handle({ kind: 'closed', connection: unopened.connection, error: undefined });
    unopened.ask();
    const late = new ClientBench();
    late.ask('TOPIC_LIST', 1_000);
    late.advance(1_000);
    const held = new ClientBench().open({ inFlightMax: 1 });
    held.ask();
    held.ask();
    held.session.handle({ kind: 'closed', connection: held.connection, error: undefined });
    expect(unopened.errors.map((error) => error?.outcome)).toEqual(['not-sent', 'not-sent']);
    expect(late.errors.map((error) => error?.outcome)).toEqual(['not-sent']);
    expect(held.errors.map((error) => error?.outcome)).toEqual(['unknown', 'not-sent']);
  });

  it('acts on the code of GOAWAY, whatever its message says [QNT-CON-022]', () => {
    const seen = ['', 'SHUTTING_DOWN', 'IDLE_TIMEOUT 1006', 'reconnect at once!'].map((message) => {
      const client = new ClientBench();
      client.ask();
      client.session.handle({ kind: 'opened', connection: client.connection });
      const code = codeNumber('TOO_MANY_CONNECTIONS');
      client.receive(FrameType.GOAWAY, Flag.ONEWAY, 0, GoAway.encode({ code, message }));
      return { closed: client.closed?.error?.code, request: client.errors.map((error) => [error?.code, error?.outcome]) };
    });
    expect(seen).toEqual(Array(4).fill({ closed: 'TOO_MANY_CONNECTIONS', request: [['TOO_MANY_CONNECTIONS', 'not-sent']] }));
  });

  it('acts on the code of an error, whatever its message says [QNT-ERR-004]', () => {
    const texts = ['', 'TOPIC_NOT_FOUND', 'code 4005: never try again', 'retry_after_ms 90000', 'outcome: unknown'];
    for (const code of ['BROKER_BUSY', 'TOPIC_NOT_FOUND', 'STORAGE_FAILED'] as const) {
      const client = new ClientBench().open();
      for (const message of texts) {
        client.ask();
        client.fail(client.frames.at(-1) as never, wireNumberOf(code), message);
      }
      const seen = client.errors.map((error) => [error?.code, error?.retryable, error?.outcome, error?.retryAfterMs]);
      expect(seen).toEqual(Array(texts.length).fill(seen[0]));
      expect(client.errors[0]?.code).toBe(code);
    }
  });

  it('ignores a payload where the frame has none [QNT-FRM-005]', () => {
    const client = new ClientBench().open();
    client.ask();
    const asked = client.frames.at(-1)?.correlation ?? 0;
    client.receive(FRAMES.TOPIC_LIST.type, Flag.RESPONSE, asked, TopicListOk.encode({}), new Uint8Array(50));
    client.receive(FrameType.PING, 0, 4, nothing, new Uint8Array(50));
    expect(client.errors).toEqual([undefined]);
    expect(client.frames.at(-1)).toMatchObject({ type: FrameType.PING, flags: Flag.RESPONSE, correlation: 4 });
    expect(client.closed).toBeUndefined();
  });

  it('drops the connection of a server that joins more than MORE_FRAMES_MAX frames [QNT-FRM-013]', () => {
    const client = new ClientBench().open();
    client.ask();
    const asked = client.frames.at(-1)?.correlation ?? 0;
    const page = (): void => client.receive(FRAMES.TOPIC_LIST.type, Flag.RESPONSE | Flag.MORE, asked, nothing);
    for (let i = 0; i < LIMITS.MORE_FRAMES_MAX; i++) page();
    expect(client.closed).toBeUndefined();
    page();
    expect(client.closed?.error?.code).toBe('MALFORMED_FRAME');
  });
});

describe('a server on a connection', () => {
  it('ignores a payload where the frame has none [QNT-FRM-005]', () => {
    const server = new ServerBench();
    server.send('HELLO', {}, 0, new Uint8Array(9));
    server.send('PING', {}, 0, new Uint8Array(9));
    server.send('TOPIC_LIST', {}, 0, new Uint8Array(9));
    expect(server.frames.map(({ flags }) => flags)).toEqual([Flag.RESPONSE, Flag.RESPONSE]);
    expect(server.requests.map(({ name }) => name)).toEqual(['TOPIC_LIST']);
  });

  it('closes with MALFORMED_FRAME when more than MORE_FRAMES_MAX frames are joined [QNT-FRM-013]', () => {
    const server = new ServerBench().open();
    const page = (more: boolean): void => {
      server.send('REGISTER_BROKER', { broker: 'b', storeId: new Uint8Array(16) }, more ? Flag.MORE : 0, nothing, 9);
    };
    for (let i = 1; i < LIMITS.MORE_FRAMES_MAX; i++) page(true);
    page(false);
    expect(server.requests[0]?.headers).toHaveLength(LIMITS.MORE_FRAMES_MAX);
    server.requests[0]?.respond({} as never);
    for (let i = 0; i <= LIMITS.MORE_FRAMES_MAX; i++) page(true);
    expect(server.codes).toEqual([wireNumberOf('MALFORMED_FRAME')]);
    expect(server.kinds).toContain('close');
  });

  it('stops reading from a connection whose answers wait, and goes on when it drains [QNT-LIM-011]', () => {
    const server = new ServerBench().open();
    server.input('blocked');
    expect(server.others.at(-1)).toEqual({ kind: 'reading', connection: 2, on: false });
    server.input('drained');
    expect(server.others.at(-1)).toEqual({ kind: 'reading', connection: 2, on: true });
  });

  it('does not count time in which it did not read, and says SLOW_READER to who does not read either [QNT-KAL-006]', () => {
    const server = new ServerBench({ idleMs: 10_000 }).open();
    server.advance(5_000);
    server.input('blocked');
    server.advance(4_000);
    server.input('drained');
    server.advance(9_999);
    expect(server.codes).toEqual([]);
    server.advance(1);
    expect(server.codes).toEqual([wireNumberOf('IDLE_TIMEOUT')]);

    const slow = new ServerBench({ idleMs: 10_000 }).open();
    slow.advance(9_000);
    slow.input('blocked');
    slow.advance(9_999);
    expect(slow.codes).toEqual([]);
    slow.advance(1);
    expect(slow.codes).toEqual([wireNumberOf('SLOW_READER')]);
  });

  it('closes with SLOW_READER when PENDING_RESPONSE_BYTES_MAX of answers wait for a peer that does not read [QNT-LIM-010]', () => {
    const server = new ServerBench({ pendingBytesMax: 10_000 }).open();
    server.input('blocked');
    for (let i = 0; i < 20; i++) server.send('PULL', { topics: [{ topic: 't', queues: [{}] }] });
    for (const request of server.requests) request.respond({} as never, [new Uint8Array(1_000)]);
    server.drain();
    expect(server.codes).toEqual([wireNumberOf('SLOW_READER')]);
    const bytes = server.ofType('PULL').reduce((sum, frame) => sum + frame.payload.length, 0);
    expect(bytes).toBeGreaterThan(8_000);
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(server.kinds).toContain('close');
  });

  it('counts what waits over all frames, each of which blocks the connection again [QNT-LIM-010]', () => {
    const server = new ServerBench({ pendingBytesMax: 10_000 }).open();
    server.input('blocked');
    for (let i = 0; i < 20; i++) server.send('PULL', { topics: [{ topic: 't', queues: [{}] }] });
    for (const request of server.requests) {
      request.respond({} as never, [new Uint8Array(1_000)]);
      server.drain();
      server.input('blocked');
    }
    expect(server.codes).toEqual([wireNumberOf('SLOW_READER')]);
  });

  it('refuses a HELLO with frames too short to talk in [QNT-LIM-007]', () => {
    const least = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    const codes = [0, least, least - 1, 1].map((frameBytesMax) => new ServerBench().open({ frameBytesMax }).codes);
    const refused = wireNumberOf('INVALID_ARGUMENT');
    expect(codes).toEqual([[], [], [refused, refused], [refused, refused]]);
  });

  it('cuts a message to ERROR_MESSAGE_BYTES_MAX, between characters [QNT-ERR-005]', () => {
    const server = new ServerBench().open();
    for (const text of ['é'.repeat(2_000), '𐍈'.repeat(1_000), `${'x'.repeat(511)}€€`]) {
      const correlation = server.send('TOPIC_LIST', {});
      server.requests
        .at(-1)
        ?.fail(Object.assign(new Error(text), { code: 'NOT_READY', wireNumber: 5001, outcome: 'rejected' }) as never);
      server.drain();
      const { control } = server.frames.find((frame) => frame.correlation === correlation) as { control: Uint8Array };
      // Field 2, a length of two bytes, then the text.
      const at = control.indexOf(0x12);
      const length = ((control[at + 1] as number) & 0x7f) | ((control[at + 2] as number) << 7);
      expect(length).toBeLessThanOrEqual(LIMITS.ERROR_MESSAGE_BYTES_MAX);
      expect(length).toBeGreaterThan(LIMITS.ERROR_MESSAGE_BYTES_MAX / 2);
      new TextDecoder('utf-8', { fatal: true }).decode(control.subarray(at + 3, at + 3 + length));
    }
  });

  it('goes on serving its other peers whatever bytes one of them sends [QNT-SEC-003]', () => {
    const junk = fc.record({
      type: fc.oneof(fc.constantFrom(...Object.values(FrameType)), fc.nat(0xffff)),
      flags: fc.nat(0xff),
      correlation: fc.nat(0xffff_ffff),
      control: fc.uint8Array({ maxLength: 200, size: 'max' }),
      payload: fc.uint8Array({ maxLength: 200, size: 'max' }),
      hello: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(junk, { minLength: 1, maxLength: 20, size: 'max' }), (frames) => {
        const server = new ServerBench().open();
        server.sessions.handle({ kind: 'accepted', connection: 4, remote: 'other', listener: 'default' });
        if (frames[0]?.hello === true) {
          const hello = joined(encodeFrame(FrameType.HELLO, 0, 1, nothing));
          server.sessions.handle({ kind: 'frame', connection: 4, frame: hello });
        }
        for (const { type, flags, correlation, control, payload } of frames) {
          const frame = joined(encodeFrame(type, flags, correlation, control, [payload]));
          server.sessions.handle({ kind: 'frame', connection: 4, frame });
        }
        server.drain();
        const before = server.frames.length;
        server.send('PING', {});
        expect(server.frames).toHaveLength(before + 1);
        expect(server.frames.at(-1)).toMatchObject({ type: FrameType.PING, flags: Flag.RESPONSE });
      }),
      { numRuns: 300 },
    );
  });
});

describe('texts', () => {
  it('are sent as UTF-8, also those that no Unicode text is [QNT-TYP-009]', () => {
    const anyUnits = fc.array(fc.nat(0xffff), { maxLength: 40, size: 'max' }).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(anyUnits, (software) => {
        const bytes = Hello.encode({ software });
        if (software === '') return;
        // Field 4, its length, the text: the only field of this header.
        const lengthBytes = (bytes[1] as number) < 0x80 ? 1 : 2;
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(1 + lengthBytes));
        expect(Hello.decode(bytes).software).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe('numbers of requests', () => {
  it('are odd and differ while they are in use [QNT-COR-001, QNT-COR-002]', () => {
    const context = new EngineContext(new Random(1));
    const events = { onOpen() {}, onPush() {}, onGoAway() {}, onClosed() {} };
    expect(new ClientSession(context, events, 'peer:1', {}).connection % 2).toBe(1);
    const client = new ClientBench().open();
    for (let i = 0; i < 500; i++) client.ask();
    const numbers = client.frames.map(({ correlation }) => correlation);
    expect(numbers.every((number) => number % 2 === 1)).toBe(true);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
