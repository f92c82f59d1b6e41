// Texts whose bytes are no UTF-8, and numbers that no sender may send: what a receiver keeps, it can send on.
import { describe, expect, it } from 'vitest';
import {
  BATCH_AT,
  encodeBatch,
  Hello,
  LIMITS,
  parseHostPort,
  portablePlatform,
  RecordReader,
  Routes,
  StateRecord,
} from '../../src/index.ts';
import { writeVarint } from '../../src/wire/bytes.ts';

/** A field with bytes that begin no character. */
function broken(field: number, length: number): Uint8Array {
  const bytes = new Uint8Array(3 + length).fill(0xff);
  bytes[0] = field * 8 + 2;
  const at = writeVarint(bytes, 1, length);
  return bytes.subarray(0, at + length).fill(0xff, at);
}

describe('text that is no UTF-8', () => {
  const LABEL_FIELD = 7;

  it('is taken where it still fits its limit when it is sent on (QNT-TYP-006)', () => {
    const { label } = Hello.decode(broken(LABEL_FIELD, LIMITS.LABEL_BYTES_MAX / 3));
    expect(label).toBe('\ufffd'.repeat(LIMITS.LABEL_BYTES_MAX / 3));
    expect(Hello.decode(Hello.encode({ label })).label).toBe(label);
  });

  it('is refused where it would outgrow it: a log or a route that holds it could not be read (QNT-TYP-006)', () => {
    expect(() => Hello.decode(broken(LABEL_FIELD, LIMITS.LABEL_BYTES_MAX / 3 + 1))).toThrow('longer than 255 bytes');
  });

  it('never makes a state record or a route that its own codec refuses', () => {
    const text = '\ufffd'.repeat(LIMITS.LABEL_BYTES_MAX / 3);
    const record = StateRecord.encode({
      leaseGranted: { group: 'g', topicId: 1, queue: 0, member: text, epoch: 1, startOffset: 0, label: text },
    });
    expect(StateRecord.decode(record).leaseGranted?.label).toBe(text);
    const endpoints = [{ listener: text, scheme: 'qanat', address: text }];
    expect(Routes.decode(Routes.encode({ brokers: [{ broker: 'b', endpoints }] })).brokers[0]?.endpoints[0]?.address).toBe(text);
  });
});

describe('the born time of a record', () => {
  const batchOf = (bornTimeMs: number) =>
    encodeBatch(portablePlatform, [{ body: new Uint8Array(0), bornTimeMs }], {
      bornTimeMs: 1,
      producerId: 0,
      producerEpoch: 0,
      baseSequence: 0,
    });

  it('is read at both ends of what a number holds, and refused outside (QNT-BAT-021)', () => {
    for (const bornTimeMs of [0, 1]) {
      const reader = new RecordReader(portablePlatform, batchOf(bornTimeMs));
      expect(reader.next() && reader.bornTimeMs).toBe(bornTimeMs);
    }
    expect(() => new RecordReader(portablePlatform, batchOf(-1)).next()).toThrow('breaks the format');
    expect(() => new RecordReader(portablePlatform, batchOf(2 ** 52)).next()).not.toThrow();
    const late = batchOf(Number.MAX_SAFE_INTEGER / 2);
    // The batch itself was born at 2^53-1: the sum is no safe integer.
    late.set([0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], BATCH_AT.bornTime);
    expect(() => new RecordReader(portablePlatform, late).next()).toThrow('breaks the format');
  });
});

describe('a host in brackets', () => {
  it('is an IPv6 address and nothing else', () => {
    expect(parseHostPort('[fe80::1%eth0]:7600', ['qanat'])).toEqual({ host: 'fe80::1%eth0', port: 7600 });
    for (const host of ['fe80::1%e\nth0', ': 1', 'f7600/1', 'f7600', '::1]:1', ''])
      expect(() => parseHostPort(`[${host}]:7600`, ['qanat'])).toThrow('not host:port');
  });
});
