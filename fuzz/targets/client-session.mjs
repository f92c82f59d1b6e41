// A client's session, given what a server sends: it answers every call once, and ends rather than breaks.
import { ClientSession } from '../../packages/core/src/connection/client-session.ts';
import { codecOfRequest } from '../../packages/core/src/connection/server-codecs.ts';
import { EngineContext } from '../../packages/core/src/context.ts';
import { Random } from '../../packages/core/src/random.ts';
import { decodeFrame, encodeFrame, Flag } from '../../packages/core/src/wire/frame.ts';
import { FrameSplitter } from '../../packages/core/src/wire/frame-splitter.ts';
import { HelloOk } from '../../packages/core/src/wire/gen/messages.ts';
import { FrameType } from '../../packages/core/src/wire/gen/registry.ts';
import { concat, hex, must, vectors } from './rules.mjs';

const ASKED = [
  ['ROUTE_QUERY', { topics: ['orders'] }],
  ['TOPIC_LIST', {}],
  ['PULL', { waitMs: 10, topics: [{ topic: 'orders', queues: [{ queue: 0, offset: 0 }] }] }],
  ['CLIENT_HEARTBEAT', { group: 'g', member: 'm' }],
  ['PING', {}],
];

/** Made once for each number, which is the same in each execution. */
const hellos = new Map();

function helloOk(correlation) {
  let frame = hellos.get(correlation);
  if (frame === undefined) {
    frame = concat(encodeFrame(FrameType.HELLO, Flag.RESPONSE, correlation, HelloOk.encode({ inFlightMax: 8 })));
    hellos.set(correlation, frame);
  }
  return frame;
}

export default {
  seeds() {
    const cases = vectors('frames.json').cases.filter(({ kind }) => kind !== 'request');
    return cases.map((c) => hex(c.hex));
  },
  /** The input answers what was asked: each response gets the number and type of a request. */
  mend(input) {
    const view = new DataView(input.buffer, input.byteOffset, input.length);
    for (let at = 0; input.length - at >= 16; ) {
      const length = Math.min(Math.max(12, view.getUint32(at)), input.length - at - 4);
      view.setUint32(at, length);
      if (view.getUint32(at + 12) > length - 12) view.setUint32(at + 12, length - 12);
      if (input[at + 6] & Flag.RESPONSE) {
        const number = view.getUint32(at + 8) % (ASKED.length + 1);
        view.setUint32(at + 8, 5 + 2 * number);
        if (number < ASKED.length) view.setUint16(at + 4, FrameType[ASKED[number][0]]);
      }
      at += 4 + length;
    }
    return input;
  },
  run(input) {
    const context = new EngineContext(new Random(1));
    const told = { closed: 0, open: 0, pushes: 0 };
    const events = {
      onOpen: () => told.open++,
      onPush: () => told.pushes++,
      onGoAway: () => {},
      onClosed: () => told.closed++,
    };
    context.enter(1);
    const session = new ClientSession(context, events, 'server:1', { software: 'fuzz' });
    const { connection } = session;
    session.handle({ kind: 'opened', connection });
    let correlation = 3;
    for (const output of context.drain()) if (output.kind === 'send') ({ correlation } = decodeFrame(output.parts[0]));
    session.handle({ kind: 'frame', connection, frame: helloOk(correlation) });
    must(told.open === 1, 'HELLO is not taken');
    const answers = ASKED.map(() => 0);
    ASKED.forEach(([name, header], i) => {
      const options = { timeoutMs: 1_000, codec: codecOfRequest(name) };
      session.request(name, header, options, () => answers[i]++);
    });
    const splitter = new FrameSplitter();
    splitter.frameBytesMax = 65_536;
    const error = splitter.push(input, (frame) => session.handle({ kind: 'frame', connection, frame }));
    if (error !== undefined) session.handle({ kind: 'badBytes', connection, error });
    context.enter(2_000);
    context.timers.tick(2_000);
    session.handle({ kind: 'closed', connection, error: undefined });
    must(told.closed === 1, 'closed so often:', told.closed);
    must(
      answers.every((count) => count === 1),
      'answers',
      answers,
    );
    must(context.drain().length < 10_000, 'outputs without end');
  },
};
