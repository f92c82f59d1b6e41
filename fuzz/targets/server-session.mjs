// A whole server engine, given frames as a connection would give them: whatever comes, it goes on, and what it sends is of the
// protocol. The engine lives on over many inputs, as a server does.
import { readdirSync } from 'node:fs';
import { requestCodec, responseCodec } from '../../packages/core/src/connection/server-codecs.ts';
import { decodeFrame, encodeFrame, Flag } from '../../packages/core/src/wire/frame.ts';
import { FrameSplitter } from '../../packages/core/src/wire/frame-splitter.ts';
import { ErrorInfo, Hello } from '../../packages/core/src/wire/gen/messages.ts';
import { FRAMES, FrameType } from '../../packages/core/src/wire/gen/registry.ts';
import { concat, hex, must, vectors } from './rules.mjs';

const NAMES = new Map(Object.entries(FRAMES).map(([name, { type }]) => [type, name]));
const HELLO = concat(encodeFrame(FrameType.HELLO, 0, 1, Hello.encode({ software: 'fuzz' })));
/** An engine is made anew after so many inputs. */
const LIFE = 500;
const OUTPUTS_MAX = 100_000;
const POISON = 0xdd;

/** The bytes that a client sends in the recorded sessions of a layer, without its HELLO. */
export function recordedSessions(layers) {
  const files = readdirSync(new URL('../../spec/v1/vectors/sessions/', import.meta.url));
  const sessions = files.map((file) => vectors(`sessions/${file}`)).filter(({ setup }) => layers.includes(setup.layer));
  const frames = sessions.map(({ steps }) => steps.filter((step) => step.in !== undefined).map((step) => hex(step.in)));
  return frames.flatMap((list) => [concat(list.slice(1)), ...list.slice(1)]).filter((bytes) => bytes.length < 4_096);
}

/** Length fields say what is there, and numbers of requests are odd and rise: most inputs come past the first checks then. */
export function mendFrames(input) {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  let correlation = 3;
  for (let at = 0; input.length - at >= 16; ) {
    let length = view.getUint32(at);
    if (length < 12 || length > input.length - at - 4) {
      length = input.length - at - 4;
      view.setUint32(at, length);
    }
    if (view.getUint32(at + 12) > length - 12) view.setUint32(at + 12, length - 12);
    const flags = input[at + 6];
    if ((flags & (Flag.ONEWAY | Flag.RESPONSE)) === 0 && view.getUint32(at + 8) % 2 === 0) view.setUint32(at + 8, correlation);
    if ((flags & Flag.MORE) === 0) correlation += 2;
    at += 4 + length;
  }
  return input;
}

/** A client must be able to read every frame that a server sends. */
function checkSent(bytes) {
  const frame = decodeFrame(bytes);
  const name = NAMES.get(frame.type);
  if ((frame.flags & Flag.RESPONSE) !== 0) {
    if ((frame.flags & Flag.ERROR) !== 0) ErrorInfo.decode(frame.control);
    else responseCodec(name).decode(frame.control);
    return;
  }
  must((frame.flags & Flag.ONEWAY) !== 0, 'a server asks its client');
  requestCodec(name).decode(frame.control);
}

/** @param make gives `{ engine, disk }`; @param check looks at the engine when all connections are closed. */
export function serverTarget({ make, layers, check }) {
  let life;

  const perform = (state) => {
    let outputs = state.engine.drain();
    for (let count = 0; outputs.length > 0; outputs = state.engine.drain()) {
      for (const output of outputs) {
        must(++count < OUTPUTS_MAX, 'outputs without end');
        if (output.kind === 'send') checkSent(concat(output.parts));
        else if (output.kind === 'fatal') throw new Error(`fatal: ${output.error.code} ${output.error.message}`);
        else if (output.kind === 'close' || output.kind === 'abort') state.closing.add(output.connection);
        else if (output.kind === 'frameLimit') state.splitter.frameBytesMax = output.bytes;
        else if (output.kind === 'storage') {
          const result = state.disk.perform(output.request);
          state.engine.handle({ kind: 'stored', operation: output.operation, error: undefined, result }, state.nowMs);
        }
      }
    }
  };
  const give = (state, input) => {
    state.engine.handle(input, state.nowMs);
    perform(state);
  };
  const born = () => {
    const state = { ...make(), nowMs: 1_000, connection: 0, inputs: 0, closing: new Set(), splitter: new FrameSplitter() };
    give(state, { kind: 'wallClock', offsetMs: 1_700_000_000_000 });
    return state;
  };

  /** Another life on the same disk: all that was stored is whole. */
  const again = ({ disk, engine }) => {
    const state = { ...make.again(disk), nowMs: 1_000, closing: new Set(), splitter: new FrameSplitter() };
    give(state, { kind: 'wallClock', offsetMs: 1_700_000_100_000 });
    make.same(engine, state.engine);
  };

  return {
    seeds: () => recordedSessions(layers),
    mend: mendFrames,
    run(input) {
      life ??= born();
      const state = life;
      // After a find the engine may be broken: the next input gets another one.
      life = undefined;
      state.connection += 2;
      state.splitter = new FrameSplitter();
      state.closing.clear();
      const { connection } = state;
      give(state, { kind: 'accepted', connection, remote: 'fuzz', listener: 'default' });
      let frames = 0;
      const error = state.splitter.push(concat([HELLO, input]), (frame) => {
        frames++;
        // The memory of a frame is used again: what an engine keeps of it, it must have copied.
        const lent = frame.slice();
        if (!state.closing.has(connection)) state.engine.handle({ kind: 'frame', connection, frame: lent }, state.nowMs);
        lent.fill(POISON);
        if (frames === 1) perform(state);
      });
      perform(state);
      must(frames >= 1, 'HELLO is not taken');
      if (error !== undefined) give(state, { kind: 'badBytes', connection, error });
      state.nowMs += 37;
      state.engine.tick(state.nowMs);
      perform(state);
      give(state, { kind: 'closed', connection, error: undefined });
      check(state);
      if (++state.inputs < LIFE) life = state;
      else if (make.again !== undefined) again(state);
    },
  };
}
