// A control header: the generated codec of one frame, one side.
import { decodeFrame } from '../../packages/core/src/wire/frame.ts';
import { CONTROL_HEADERS } from '../../packages/core/src/wire/gen/control-headers.ts';
import { ErrorInfo } from '../../packages/core/src/wire/gen/messages.ts';
import { equal, hex, must, refusing, same, vectors, wellFormed } from './rules.mjs';

const CODES = ['MALFORMED_FRAME', 'INVALID_ARGUMENT', 'INVALID_NAME'];

/** Decoding refuses or gives a value that encodes and decodes to itself, in one form. */
export function codecTarget(codec, seeds) {
  return {
    seeds,
    run(input) {
      const value = refusing(CODES, () => codec.decode(input));
      if (value === undefined) return;
      const encoded = codec.encode(value);
      const again = codec.decode(encoded);
      must(equal(value, again) || !wellFormed(value), 'it decodes to another value:', codec.name);
      must(same(codec.encode(again), encoded), 'it encodes in two ways:', codec.name);
    },
  };
}

export function headerTarget(frame, side) {
  const codec = frame === 'ERROR' ? ErrorInfo : CONTROL_HEADERS[frame][side];
  const kinds = side === 'request' ? ['request', 'push'] : [frame === 'ERROR' ? 'error' : 'response'];
  const cases = vectors('frames.json').cases.filter((c) => (frame === 'ERROR' || c.frame === frame) && kinds.includes(c.kind));
  const others = vectors('headers.json').cases.filter((c) => c.message === codec.name);
  return codecTarget(codec, () => [...cases.map((c) => decodeFrame(hex(c.hex)).control), ...others.map((c) => hex(c.hex))]);
}
