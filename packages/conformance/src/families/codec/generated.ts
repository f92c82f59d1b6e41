import { CONTROL_HEADERS, FRAMES, LIMITS, type LiveFrame } from '@qanat/core';
import { FIELDS, type Field, VALUE_NAMES } from '@qanat/core/annotate';
import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

const UINT32_MAX = 0xffff_ffff;
const uint32 = fc.constantFrom(1, 127, 128, 300, 65_535, 2 ** 31, UINT32_MAX);
const uint53 = fc.oneof(uint32, fc.constantFrom(2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER));
const text = fc.constantFrom('a', 'orders', 'orders.paid-2', 'größe', 'тема', '\u{1f600}', 'x'.repeat(100));
const hex = fc.constantFrom('00', 'ff80', '000102030405060708090a0b0c0d0e0f', '00'.repeat(16));

/** Fields are there more often than not: a receiver refuses a header that lacks some of them. */
const PRESENT = 6;

function itemOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'uint32':
      return uint32;
    case 'uint64':
      return uint53;
    case 'bool':
      return fc.constant(true);
    case 'string':
      return text;
    case 'bytes':
      return hex;
    case 'enum':
      return fc.constantFrom(...(VALUE_NAMES[field.of as string] as ReadonlyMap<number, string>).values());
    default:
      return headerOf(field.of as string);
  }
}

function headerOf(message: string): fc.Arbitrary<Record<string, unknown>> {
  const fields = (FIELDS[message] ?? []).map((field): readonly [string, fc.Arbitrary<unknown>] => {
    const item = itemOf(field);
    const value = field.repeated === true ? fc.array(item, { minLength: 1, maxLength: 3 }) : item;
    return [field.name, fc.oneof({ weight: PRESENT, arbitrary: value }, { weight: 1, arbitrary: fc.constant(undefined) })];
  });
  const whole: fc.Arbitrary<Record<string, unknown>> = fc.record(Object.fromEntries(fields));
  return whole.map((header) => Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined)));
}

/** Every message that a frame can bear. */
const BEARERS = (Object.keys(CONTROL_HEADERS) as LiveFrame[]).flatMap((frame) => [
  { frame, kind: CONTROL_HEADERS[frame].response === undefined ? 'push' : 'request', message: FRAMES[frame].request },
  ...(CONTROL_HEADERS[frame].response === undefined ? [] : [{ frame, kind: 'response', message: FRAMES[frame].response }]),
]);

const bearer = fc.constantFrom(...BEARERS, { frame: 'SEND', kind: 'error', message: 'ErrorInfo' });

const frame = bearer.chain(({ frame, kind, message }) =>
  fc.record({
    op: fc.constant('frame'),
    frame: fc.constant(frame),
    kind: fc.constant(kind),
    ...(kind === 'push' ? {} : { correlation: fc.constantFrom(1, 255, 256, UINT32_MAX) }),
    header: headerOf(message),
    payload: fc.constantFrom('', '', '', '00', 'a5'.repeat(300)),
  }),
);

const record = fc.record(
  {
    key: fc.constantFrom('k', 'ключ', 'x'.repeat(300)),
    tag: fc.constantFrom('paid', 'a b', '标签'),
    body: fc.constantFrom('', 'hello', 'y'.repeat(127), 'z'.repeat(20_000)),
    born_time_ms: fc.constantFrom(0, 4_999, 5_064, 1_700_000_000_000),
    properties: fc.constantFrom<Record<string, string>>({}, { a: '1' }, { b: '2', a: '1', '': 'ü' }),
  },
  { requiredKeys: ['body'] },
);

const batchJson = fc.record(
  {
    producer_id: uint53,
    producer_epoch: fc.constantFrom(1, 65_535),
    base_sequence: uint32,
    born_time_ms: fc.constantFrom(5_000, 1_700_000_000_000),
    compress: fc.boolean(),
    stamp: fc.record({ base_offset: uint53, term: uint32, store_time_ms: uint53 }),
    records: fc.array(record, { minLength: 1, maxLength: 5 }),
  },
  { requiredKeys: ['records'] },
);

const batch = fc.record({ op: fc.constant('batch'), batch: batchJson });
const damaged = fc.record({
  op: fc.constant('damaged'),
  batch: batchJson,
  bit: fc.nat({ max: 8 * LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX }),
});

/** Frames and batches that the vectors do not have. */
export const GENERATED: GeneratedPrograms = {
  steps: fc.array(fc.oneof({ weight: 3, arbitrary: frame }, { weight: 2, arbitrary: batch }, { weight: 1, arbitrary: damaged }), {
    minLength: 1,
    maxLength: 12,
    size: 'max',
  }) as fc.Arbitrary<Step[]>,
};
