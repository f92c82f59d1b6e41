import { FrameSplitter } from '../../packages/core/src/wire/frame-splitter.ts';
import { concat, hex, must, same, vectors } from './rules.mjs';

/** Gives the stream in pieces of the lengths that `cuts` says, over and over. */
function split(stream, cuts) {
  const splitter = new FrameSplitter();
  const frames = [];
  let error;
  let pushed = 0;
  for (let at = 0, i = 0; at < stream.length && error === undefined; i++) {
    const end = cuts.length === 0 ? stream.length : Math.min(stream.length, at + 1 + cuts[i % cuts.length]);
    error = splitter.push(stream.slice(at, end), (frame) => {
      frames.push(frame);
      if (frames.length === 1) splitter.frameBytesMax = 65_536;
    });
    pushed = end;
    must(splitter.pendingBytes <= pushed, 'more is kept than has come');
    at = end;
  }
  if (error !== undefined) must(splitter.push(Uint8Array.of(1), () => must(false, 'a frame after the error')) === undefined, '');
  return { frames, code: error?.code, pending: splitter.pendingBytes };
}

export default {
  seeds: () => vectors('frames.json').cases.map((c) => concat([Uint8Array.of(2, 3, 200), hex(c.hex), hex(c.hex)])),
  words: [hex('0000000c'), hex('00004000'), hex('00004001'), hex('0040fff4'), hex('0000000b')],
  run(input) {
    const count = Math.min((input[0] ?? 0) & 7, input.length - 1);
    const cuts = input.subarray(1, 1 + Math.max(0, count));
    const stream = input.subarray(1 + Math.max(0, count));
    const whole = split(stream, []);
    const pieces = split(stream, cuts);
    must(whole.code === pieces.code, 'whole, then in pieces:', whole.code, pieces.code);
    must(whole.code === undefined || ['MALFORMED_FRAME', 'FRAME_TOO_LARGE'].includes(whole.code), 'code', whole.code);
    must(whole.frames.length === pieces.frames.length, 'pieces change the number of frames');
    whole.frames.forEach((frame, i) => must(same(frame, pieces.frames[i]), 'a frame differs:', i));
    const taken = concat(whole.frames);
    must(same(taken, stream.subarray(0, taken.length)), 'the frames are not the stream');
    if (whole.code === undefined) must(taken.length + whole.pending === stream.length, 'bytes are lost');
  },
};
