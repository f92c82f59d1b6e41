import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from '../../packages/core/src/wire/frame.ts';
import { concat, hex, must, refusing, same, vectors } from './rules.mjs';

export default {
  seeds: () => vectors('frames.json').cases.map(({ hex: text }) => hex(text)),
  /** The length field says what is there. */
  mend(input) {
    if (input.length >= 4) new DataView(input.buffer, input.byteOffset).setUint32(0, input.length - 4);
    return input;
  },
  run(input) {
    const frame = refusing(['MALFORMED_FRAME'], () => decodeFrame(input));
    if (frame === undefined) return;
    must(FRAME_HEADER_BYTES + frame.control.length + frame.payload.length === input.length, 'parts are not the whole');
    const again = concat(encodeFrame(frame.type, frame.flags, frame.correlation, frame.control, [frame.payload]));
    again[7] = input[7]; // the reserved byte is sent as zero and not looked at
    must(same(again, input), 'encoding gives another frame');
  },
};
