import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { type BrokerWorld, runningBroker, type TestClient } from './broker-world.ts';

type Step =
  | { readonly do: 'send' | 'retry' | 'reconnect' | 'pump' | 'kill' | 'stop' }
  | { readonly do: 'fail'; readonly what: 'append' | 'short' }
  | { readonly do: 'disk'; readonly steps: number }
  | { readonly do: 'cut'; readonly seed: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('send' as const, 'send' as const, 'retry' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reconnect' as const, 'pump' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'stop' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail' as const), what: fc.constantFrom('append' as const, 'short' as const) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('disk' as const), steps: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), seed: fc.nat() }) },
);

/** A producer of one queue that keeps to the rules: a batch whose fate is unknown is sent again, the same, before a new one. */
class Sender {
  readonly disk = new FakeDisk();
  world: BrokerWorld;
  client: TestClient;
  id = 0;
  sequence = 0;
  next = 0;
  /** The batch that is not decided. */
  open: { readonly body: string; readonly sequence: number; correlation: number } | undefined;
  readonly acked: string[] = [];
  /** Given up: it may be stored or not. */
  readonly unknown = new Set<string>();
  #seed = 1;

  constructor() {
    this.world = runningBroker({ log: { segmentBytes: 1_500, snapshotBytes: 1_000 } }, this.disk);
    this.client = this.world.client();
    this.client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    this.init();
  }

  init(): void {
    const answer = this.client.call('INIT_PRODUCER', { producerId: this.id });
    if (answer.code === 'UNKNOWN_PRODUCER') {
      if (this.open !== undefined) this.unknown.add(this.open.body);
      this.open = undefined;
      this.id = this.client.call('INIT_PRODUCER', {}).header.producerId;
      this.sequence = 0;
    } else this.id = answer.header.producerId;
  }

  send(): void {
    this.hear();
    if (this.open === undefined) this.open = { body: `m${this.next++}`, sequence: this.sequence, correlation: 0 };
    const batch = batchOf([this.open.body], { producerId: this.id, sequence: this.open.sequence, bytes: 60 });
    this.open.correlation = this.client.send('SEND', { topic: 't' }, [batch]);
  }

  hear(): void {
    if (this.open === undefined || this.open.correlation === 0) return;
    const answer = this.client.answer('SEND', this.open.correlation);
    if (answer === undefined) return;
    if (answer.code === undefined) {
      this.acked.push(`${answer.header.baseOffset}:${this.open.body.padEnd(60, '.')}`);
      this.sequence++;
    } else expect(answer.code).toBe('STORAGE_REJECTED');
    this.open = answer.code === undefined ? undefined : { ...this.open, correlation: 0 };
  }

  restart(): void {
    const start = (): void => {
      this.world = runningBroker({ log: { segmentBytes: 1_500, snapshotBytes: 1_000 } }, this.disk, ++this.#seed);
    };
    start();
    // A recovery that cannot write is fatal, and begins anew. Where only the record of the term fails, the broker tries again.
    while (this.world.fatal !== undefined) start();
    for (let i = 0; i < 10 && this.world.ready === 0; i++) this.world.advance(1_000);
    this.reconnect();
  }

  reconnect(): void {
    this.client = this.world.client();
    if (this.open !== undefined) this.open.correlation = 0;
    this.init();
  }

  perform(step: Step): void {
    this.hear();
    if (step.do === 'send' || step.do === 'retry') this.send();
    else if (step.do === 'pump') this.world.pump();
    else if (step.do === 'disk') for (let i = 0; i < step.steps; i++) this.disk.step();
    else if (step.do === 'fail') this.disk.failNext(step.what);
    else if (step.do === 'reconnect') {
      this.client.close();
      this.reconnect();
    } else if (step.do === 'stop') {
      this.world.broker.stop(this.world.nowMs);
      this.world.perform();
      this.world.pump();
      this.hear();
      expect(this.world.stopped).toBe(1);
      this.restart();
    } else {
      if (step.do === 'cut') this.disk.powerCut(step.seed);
      else this.disk.kill();
      this.restart();
    }
  }

  stored(): string[] {
    const stored: string[] = [];
    for (;;) {
      const pulled = this.client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: stored.length }] }] });
      if (pulled.payload.length === 0) return stored;
      stored.push(...messagesOf(pulled.payload));
    }
  }
}

describe('a producer that keeps to the rules', () => {
  it('has every acked message stored once, in order, at the offset it was told, whatever fails [QNT-SND-002, QNT-SND-012, QNT-SND-040]', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const sender = new Sender();
        for (const one of steps) sender.perform(one);
        for (let i = 0; i < 50 && sender.open !== undefined; i++) {
          sender.send();
          sender.world.pump();
          sender.hear();
        }
        expect(sender.open).toBeUndefined();
        const stored = sender.stored();
        const bodies = stored.map((message) => message.slice(message.indexOf(':') + 1));
        expect(stored.map((message) => Number(message.slice(0, message.indexOf(':'))))).toEqual(stored.map((_, i) => i));
        expect(new Set(bodies).size).toBe(bodies.length);
        expect(
          stored.filter((message) => !sender.unknown.has(message.slice(message.indexOf(':') + 1).replace(/\.+$/, ''))),
        ).toEqual(sender.acked);
      }),
      { numRuns: 300 },
    );
  });
});
