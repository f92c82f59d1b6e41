import { EncodedProperties, encodeBatch, LIMITS, portablePlatform, recordBytesBound } from '@qanat/core';
import { expect, test } from 'vitest';

const fields = { bornTimeMs: 1_000, producerId: 0, producerEpoch: 0, baseSequence: 0 };
const body = new Uint8Array([1, 2, 3]);

test.each([{}, { a: 'x', 'ü€': '😀' }, { long: 'y'.repeat(300) }])(
  'properties that were encoded before make the same batch',
  (properties) => {
    const encodedProperties = new EncodedProperties(properties);
    const plain = { key: 'k', body, properties };
    const encoded = { key: 'k', body, encodedProperties };
    expect(encodeBatch(portablePlatform, [encoded, plain], fields)).toEqual(
      encodeBatch(portablePlatform, [plain, encoded], fields),
    );
    expect(recordBytesBound(encoded)).toBe(recordBytesBound(plain));
  },
);

test('properties beyond PROPERTIES_BYTES_MAX are refused when they are encoded', () => {
  const properties = { a: 'x'.repeat(LIMITS.PROPERTIES_BYTES_MAX) };
  expect(() => new EncodedProperties(properties)).toThrow(
    expect.objectContaining({ code: 'INVALID_BATCH', outcome: 'not-sent' }),
  );
});
