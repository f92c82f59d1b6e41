// Changed frames of every type, given to whole servers: whatever comes, the others are served (spec, chapter of security).
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_HEADER_BYTES, FrameType, LIMITS } from '../../src/index.ts';
import { runningBroker } from '../broker/broker-world.ts';
import { joined, ServerBench } from '../conformance/session-bench.ts';

interface Case {
  readonly frame: string;
  readonly kind: string;
  readonly hex: string;
}

const vectors: { readonly cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL('../../../../spec/v1/vectors/frames.json', import.meta.url), 'utf8'),
);
const frames = vectors.cases
  .map(({ hex }) => new Uint8Array(Buffer.from(hex, 'hex')))
  .filter(({ length }) => length >= FRAME_HEADER_BYTES);

/** A valid frame of which some bytes are others, cut or longer, with a length field that says what is there. */
const changedFrame = fc
  .record({
    frame: fc.constantFrom(...frames),
    changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 0, maxLength: 8, size: 'max' }),
    cut: fc.option(fc.nat()),
    more: fc.uint8Array({ maxLength: 64, size: 'max' }),
    correlation: fc.nat(1_000_000),
  })
  .map(({ frame, changes, cut, more, correlation }) => {
    const length = cut === null ? frame.length : FRAME_HEADER_BYTES + (cut % (frame.length - FRAME_HEADER_BYTES + 1));
    const bytes = new Uint8Array([...frame.subarray(0, length), ...more]);
    for (const [at, value] of changes) bytes[4 + (at % (bytes.length - 4))] = value;
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length - 4);
    view.setUint32(8, 2 * correlation + 1001);
    return bytes;
  });

/** What only servers send, one-way: a client that makes a request of it gets WRONG_BROKER. */
const routeUpdateAsRequest = joined(encodeFrame(FrameType.ROUTE_UPDATE, 0, 1001, new Uint8Array(0)));

describe('a server that is given changed frames', () => {
  it('goes on serving others: a broker [QNT-SEC-003]', () => {
    const world = runningBroker();
    const honest = world.client();
    honest.call('TOPIC_CREATE', { topic: 'orders', queues: 2 });
    fc.assert(
      fc.property(fc.array(changedFrame, { minLength: 1, maxLength: 12, size: 'max' }), (changed) => {
        const hostile = world.client();
        for (const frame of changed) if (!hostile.closed) hostile.sendBytes([frame]);
        world.advance(50);
        if (!hostile.closed) hostile.close();
        expect(world.fatal).toBeUndefined();
        expect(honest.call('TOPIC_LIST', {}).code).toBeUndefined();
        expect(world.broker.figures().connections).toBe(1);
      }),
      { numRuns: 400 },
    );
  });

  it('answers or ends, and never breaks: a session [QNT-SEC-003]', () => {
    fc.assert(
      fc.property(fc.array(changedFrame, { minLength: 1, maxLength: 12, size: 'max' }), (changed) => {
        const bench = new ServerBench().open();
        for (const frame of changed) bench.bytes(frame);
        for (const request of bench.requests) request.respond({} as never);
        bench.drain();
        expect(bench.ofType('HELLO')).toHaveLength(1);
        bench.advance(LIMITS.IDLE_MS);
        expect(bench.kinds).toContain('close');
      }),
      { numRuns: 400, examples: [[[routeUpdateAsRequest]]] },
    );
  });
});
