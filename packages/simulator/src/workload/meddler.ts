import { codecOfRequest, encodeBatch, type Random, type SendOk } from '@qanat/core';
import { type LeasesTold, queueKeyOf, type ToldLease, writeValue } from '../history/index.ts';
import type { Application, WorkloadHost } from './application.ts';
import type { WorkloadPlan } from './plan.ts';

const EVERY_MS = 40_000;
const ASK_MS = 3_000;
const asking = (name: 'OFFSET_COMMIT' | 'PULL') => ({ timeoutMs: ASK_MS, codec: codecOfRequest(name) });
const OFFSET_BEYOND = 1_000_000_000;
const NAME = 'meddler';

/**
 * Does what correct clients never do and brokers have to refuse: offsets beyond the end, leases that are over, sequence numbers
 * that leave a gap or come twice. What it is answered is judged by the checkers.
 */
export class Meddler {
  readonly #host: WorkloadHost;
  readonly #plan: WorkloadPlan;
  readonly #application: Application;
  readonly #random: Random;
  /** Leases that brokers told of, some of them long over. */
  readonly #leases: { readonly told: LeasesTold; readonly lease: ToldLease }[] = [];
  #seen = 0;
  #number = 0;
  #stopped = false;

  constructor(host: WorkloadHost, application: Application, plan: WorkloadPlan) {
    this.#host = host;
    this.#application = application;
    this.#plan = plan;
    this.#random = host.newRandom();
  }

  start(): void {
    // Without a route nobody tells where the brokers are.
    this.#application.within((client) => {
      for (const { topic } of this.#plan.topics) client.watchRoute(topic, () => {});
    });
    this.#later();
  }

  #later(): void {
    this.#application.after(EVERY_MS / 2 + this.#random.below(EVERY_MS), () => {
      if (this.#stopped) return;
      this.#learn();
      this.#commitBeyond();
      for (let i = 0; i < 3; i++) this.#useOldLease();
      this.#sendOutOfSequence();
      this.#later();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#application.close();
  }

  #learn(): void {
    const { events } = this.#host.history;
    for (; this.#seen < events.length; this.#seen++) {
      const event = events[this.#seen];
      if (event?.kind === 'leases') for (const lease of event.leases) this.#leases.push({ told: event, lease });
    }
  }

  #place(): { readonly topic: string; readonly broker: string; readonly queue: number } {
    const { brokers } = this.#host;
    const { topics } = this.#plan;
    const { topic, queues } = topics[this.#random.below(topics.length)] as (typeof topics)[number];
    return { topic, broker: brokers[this.#random.below(brokers.length)] as string, queue: this.#random.below(queues) };
  }

  #commitBeyond(): void {
    const place = { ...this.#place(), offset: OFFSET_BEYOND };
    this.#application.within(() => this.#application.offsets.commit('free', [place], ASK_MS, () => {}));
  }

  /** A commit of where the lease began moves nothing, even when the lease is still good. */
  #useOldLease(): void {
    const found = this.#leases[this.#random.below(Math.max(1, this.#leases.length))];
    if (found === undefined) return;
    const { group, member } = found.told;
    const { epoch, start, queue: key } = found.lease;
    const [topic = '', broker = '', number = '0'] = key.split('/');
    const queue = Number(number);
    this.#application.within((client) => {
      const offsets = [{ topic, queue, offset: start, leaseEpoch: epoch }];
      client.request(broker, 'OFFSET_COMMIT', { group, member, offsets }, asking('OFFSET_COMMIT'), () => {});
      const queues = [{ queue, offset: start, leaseEpoch: epoch, maxBytes: 1 }];
      const pull = { group, member, poll: 1_000 + this.#random.below(1_000), topics: [{ topic, queues }] };
      client.request(broker, 'PULL', pull, asking('PULL'), () => {});
    });
  }

  /** A batch, the same one again, and one that leaves a gap. */
  #sendOutOfSequence(): void {
    const { topic, broker, queue } = this.#place();
    this.#application.within((client) => {
      client.request(broker, 'INIT_PRODUCER', {}, { timeoutMs: ASK_MS }, (error, response) => {
        if (error !== undefined) return;
        const { producerId } = response.header;
        const first = this.#batch(topic, producerId, 0);
        const beyond = this.#batch(topic, producerId, 7);
        this.#send(topic, broker, queue, first);
        // The second copy: a broker sets its own fields in the bytes that it is given.
        this.#send(topic, broker, queue, { ...first, bytes: first.bytes.slice() });
        this.#send(topic, broker, queue, beyond);
      });
    });
  }

  #batch(topic: string, producerId: number, baseSequence: number): { readonly value: string; readonly bytes: Uint8Array } {
    const number = ++this.#number;
    const value = `${NAME}:${number}`;
    const body = writeValue({ value, topic, key: undefined, tag: undefined }, 0);
    const fields = { bornTimeMs: this.#application.clock.wallMs(), producerId, producerEpoch: 0, baseSequence, compress: false };
    const bytes = encodeBatch(this.#host.platform, [{ body }], fields, 65_536);
    this.#host.history.add({
      kind: 'sendInvoked',
      value,
      producer: NAME,
      number,
      topic,
      key: undefined,
      tag: undefined,
      ack: 'committed',
      placed: true,
    });
    return { value, bytes };
  }

  #send(
    topic: string,
    broker: string,
    queue: number,
    { value, bytes }: { readonly value: string; readonly bytes: Uint8Array },
  ): void {
    this.#application.within((client) => {
      client.request(broker, 'SEND', { topic, queue }, { timeoutMs: ASK_MS, payload: [bytes] }, (error, response) => {
        const { history } = this.#host;
        if (error !== undefined) {
          // Another attempt may have stored it.
          history.add({ kind: 'sendCompleted', value, outcome: 'unknown', code: error.code });
          return;
        }
        const { baseOffset } = response.header as SendOk;
        const offset = baseOffset === Number.MAX_SAFE_INTEGER ? undefined : baseOffset;
        history.add({ kind: 'sendCompleted', value, outcome: 'ok', queue: queueKeyOf(topic, broker, queue), offset });
      });
    });
  }
}
