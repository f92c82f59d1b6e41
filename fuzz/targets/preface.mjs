import { QanatError } from '../../packages/core/src/errors.ts';
import { encodePreface, PrefaceReader } from '../../packages/core/src/wire/preface.ts';
import { concat, must, same } from './rules.mjs';

const outcome = (reader, chunks) => {
  for (let i = 0; i < chunks.length; i++) {
    const given = reader.push(chunks[i]);
    if (given === undefined) continue;
    if (given instanceof QanatError) return { code: given.code };
    return { rest: concat([given, ...chunks.slice(i + 1)]) };
  }
  return {};
};

export default {
  seeds: () => [concat([encodePreface(), Uint8Array.of(1, 2, 3)]), encodePreface(2), encodePreface().subarray(0, 5)],
  run(input) {
    const whole = outcome(new PrefaceReader(), [input]);
    const single = outcome(
      new PrefaceReader(),
      Array.from(input.subarray(0, 64), (byte) => Uint8Array.of(byte)).concat([input.subarray(64)]),
    );
    must(whole.code === single.code, 'pieces change the verdict');
    must(whole.code === undefined || ['MALFORMED_FRAME', 'UNSUPPORTED_VERSION'].includes(whole.code), 'code', whole.code);
    if (whole.rest === undefined) return must(single.rest === undefined, 'pieces change the end');
    must(same(whole.rest, single.rest), 'pieces change the rest');
    return must(same(concat([encodePreface(), whole.rest]).subarray(0, 5), input.subarray(0, 5)), 'another preface was taken');
  },
};
