// What a server that breaks the rules can do to its client: end the connection, never leave a call without an answer.
import { describe, expect, it } from 'vitest';
import {
  ClientSession,
  type ClientSessionEvents,
  codecOfRequest,
  decodeFrame,
  EngineContext,
  encodeFrame,
  Flag,
  FrameType,
  HelloOk,
  type QanatError,
  Random,
} from '../../src/index.ts';

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const NO_EVENTS: ClientSessionEvents = { onOpen() {}, onPush() {}, onGoAway() {}, onClosed() {} };

function greeted() {
  const context = new EngineContext(new Random(1));
  context.enter(1);
  const session = new ClientSession(context, NO_EVENTS, 'server:1', { software: 'test' });
  const { connection } = session;
  const sent = () => context.drain().flatMap((output) => (output.kind === 'send' ? [decodeFrame(joined(output.parts))] : []));
  const give = (frame: readonly Uint8Array[]) => session.handle({ kind: 'frame', connection, frame: joined(frame) });
  session.handle({ kind: 'opened', connection });
  give(encodeFrame(FrameType.HELLO, Flag.RESPONSE, sent()[0]?.correlation as number, HelloOk.encode({})));
  return { session, sent, give };
}

describe('a server that breaks the rules', () => {
  it.each([
    ['an error that is no ErrorInfo', Flag.RESPONSE | Flag.ERROR],
    ['an answer that is no message', Flag.RESPONSE],
  ])('ends the call with %s', (_, flags) => {
    const { session, sent, give } = greeted();
    const answers: (QanatError | undefined)[] = [];
    session.request('TOPIC_LIST', {}, { timeoutMs: 1_000, codec: codecOfRequest('TOPIC_LIST') }, (error) => answers.push(error));
    const correlation = sent()[0]?.correlation as number;
    give(encodeFrame(FrameType.TOPIC_LIST, flags, correlation, Uint8Array.of(0xff)));
    expect(session.closed).toBe(true);
    expect(answers.map((error) => error?.code)).toEqual(['CONNECTION_LOST']);
  });
});
