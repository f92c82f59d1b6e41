import { decodePacket, MqttError, packetEnd, REASON, REMAINING_LENGTH_MAX } from '@qanat/mqtt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, decode, packet, refused, variable } from './bytes.ts';
import { SAMPLES, type Sample } from './samples.ts';

/** Where what follows the fixed header begins, of a short packet. */
const HEAD = 2;
const bodyOf = ({ bytes }: Sample) => bytes.subarray((bytes[1] as number) >= 0x80 ? HEAD + 1 : HEAD);
const firstOf = ({ bytes }: Sample) => bytes[0] as number;

/** Lengths at which a packet may end and still be one: its payload is what is left, or what follows may be left out. */
function mayEndAt({ name, version }: Sample, length: number, body: Uint8Array): boolean {
  if (name.startsWith('PUBLISH')) return length >= body.length - 2;
  if (/^(PUBACK|PUBREC|PUBREL|PUBCOMP)/.test(name)) return length === 2 || (length === 3 && version === 5);
  if (name.startsWith('DISCONNECT')) return length < 2;
  if (name.startsWith('AUTH')) return length === 0;
  // A filter of the list may be the last.
  if (name.startsWith('SUBSCRIBE')) return length === body.length - (version === 5 ? 13 : 4);
  return name.startsWith('UNSUBSCRIBE') && length === body.length - 3;
}

describe.each(SAMPLES)('$name', (sample) => {
  const body = bodyOf(sample);

  test('is taken as it is', () => {
    expect(decode(sample.bytes, sample.version).type).toBe(/^[A-Z]+/.exec(sample.name)?.[0]);
  });

  test('is refused when it ends at any byte before, with its length or without', () => {
    for (let length = 0; length < body.length; length++) {
      if (mayEndAt(sample, length, body)) continue;
      const code = refused(packet(firstOf(sample), body.subarray(0, length)), sample.version);
      // Nothing but filters may be missing as a whole: then it is a protocol error.
      expect(code === 0x81 || (code === 0x82 && sample.name.includes('SUBSCRIBE')), `${length}: ${code}`).toBe(true);
    }
    for (let length = 0; length < HEAD; length++) expect(packetEnd(sample.bytes, 0, length, 1_000)).toBeUndefined();
  });

  test('throws nothing but MqttError where any byte is another', () => {
    for (let at = 0; at < body.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = packet(firstOf(sample), body);
        changed[changed.length - body.length + at] = byte;
        refused(changed, sample.version);
      }
    }
  });

  test('does not read behind its end: what follows makes no difference', () => {
    const outcome = (behind: number): unknown => {
      const outcomes: unknown[] = [];
      for (let length = 0; length <= body.length; length++) {
        const cut = packet(firstOf(sample), body.subarray(0, length));
        const bytes = concat(cut, new Uint8Array(300).fill(behind));
        const version = sample.name.startsWith('CONNECT') ? undefined : sample.version;
        try {
          outcomes.push(structuredClone(decodePacket(bytes.slice(), 0, cut.length, version)));
        } catch (error) {
          outcomes.push((error as MqttError).message);
        }
      }
      return outcomes.map((one) => JSON.stringify(one));
    };
    expect(outcome(0xff)).toEqual(outcome(0));
    expect(outcome(0x26)).toEqual(outcome(0));
  });

  test('throws nothing but MqttError where any two bytes say the longest length there is', () => {
    for (let at = 0; at + 1 < body.length; at++) {
      const changed = packet(firstOf(sample), body);
      changed.set([0xff, 0xff], changed.length - body.length + at);
      refused(changed, sample.version);
    }
  });
});

test('a declared length of up to 268,435,455 costs nothing: it is known, or refused, with the fixed header', () => {
  for (const length of [100_000, 2_097_152, REMAINING_LENGTH_MAX]) {
    for (let type = 0; type < 16; type++) {
      const bytes = concat([type << 4], variable(length), new Uint8Array(10));
      expect(packetEnd(bytes, 0, bytes.length, REMAINING_LENGTH_MAX + 5)).toBe(1 + variable(length).length + length);
      expect(() => packetEnd(bytes, 0, bytes.length, 65_536)).toThrow(
        expect.objectContaining({ reasonCode: REASON.PACKET_TOO_LARGE }),
      );
    }
  }
});

test('declared lengths of properties of up to 268,435,455 are refused where the packet has not so many', () => {
  for (const length of [1, 127, 128, 65_536, 2_097_152, REMAINING_LENGTH_MAX])
    for (const first of [0x30, 0x82, 0xa2]) {
      const body = first === 0x30 ? [0, 1, 0x61] : [0, 1];
      expect(refused(packet(first, body, variable(length)), 5)).toBe(0x81);
    }
});

test('random bytes are a packet, or an MqttError with the reason code of an error', () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 60, size: 'max' }),
    // Much of what is random is refused at once: small numbers are lengths that hold.
    fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 255 })), { maxLength: 60, size: 'max' }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), bodies, fc.constantFrom(4 as const, 5 as const), (first, body, version) => {
      const code = refused(packet(first, body), version);
      expect(code === undefined || code >= 0x80).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test('several bytes of a packet changed, added or taken away: a packet or an MqttError', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'insert', 'remove'), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), changes, (sample, list) => {
      const body = [...bodyOf(sample)];
      for (const [place, kind, byte] of list) {
        const at = place % (body.length + 1);
        if (kind === 'set') body[Math.min(at, body.length)] = byte;
        else body.splice(at, kind === 'remove' ? 1 : 0, ...(kind === 'remove' ? [] : [byte]));
      }
      refused(packet(firstOf(sample), body), sample.version);
    }),
    { numRuns: 3_000 },
  );
});

test('what is refused leaves no stack, and says what was wrong', () => {
  try {
    decode(packet(0x32, [0, 1, 0x61, 0, 0]), 4);
  } catch (error) {
    expect(error).toBeInstanceOf(MqttError);
    expect(error).toMatchObject({ name: 'MqttError', message: 'the packet identifier is 0', reasonCode: 0x82 });
    expect((error as MqttError).stack).not.toContain('\n');
    expect(new Error('another').stack).toContain('\n');
    return;
  }
  throw new Error('was taken');
});
