import {
  type ClientEvent,
  Consumer,
  type ConsumerOptions,
  type Delivery,
  type Message,
  type QueuePosition,
  type Random,
} from '@qanat/core';
import { type History, queueKeyOf, readValue } from '../history/index.ts';
import type { Application } from './application.ts';

export interface MemberSettings {
  /** As the history names it. */
  readonly group: string;
  readonly options: ConsumerOptions;
  readonly handlerMsMax: number;
  readonly failPercent: number;
}

/** One consumer of a run. */
export class Member {
  readonly application: Application;
  readonly group: string;
  /** It was asked to leave, or is gone. */
  leaving = false;
  ended = false;
  /** Handlers no longer fail or take their time. */
  gentle = false;
  readonly #history: History;
  readonly #random: Random;
  readonly #settings: MemberSettings;
  readonly #consumer: Consumer | undefined;
  readonly #onDelivery: ((message: Message) => void) | undefined;

  constructor(
    application: Application,
    history: History,
    random: Random,
    settings: MemberSettings,
    onDelivery?: (message: Message) => void,
  ) {
    this.application = application;
    this.group = settings.group;
    this.#history = history;
    this.#random = random;
    this.#settings = settings;
    this.#onDelivery = onDelivery;
    this.#state('joined');
    this.#consumer = application.within((client) => {
      const consumer = new Consumer(client, 1, settings.options, {
        onDelivery: (delivery) => this.#deliver(delivery),
        onEvent: (event) => this.#event(event),
        onEnd: (error) => {
          this.ended = true;
          this.leaving = true;
          this.#state(error === undefined ? 'left' : 'refused', error?.code);
          this.application.after(0, () => this.application.close());
        },
      });
      client.attach(consumer);
      return consumer;
    });
  }

  get name(): string {
    return this.application.name;
  }

  positions(): readonly QueuePosition[] {
    return this.#consumer?.positions() ?? [];
  }

  leave(drain: boolean): void {
    if (this.leaving) return;
    this.leaving = true;
    // What its handlers have begun comes again elsewhere.
    if (!drain) this.#history.add({ kind: 'fault', phase: 'at', fault: 'leftInHaste', nodes: [this.name] });
    this.#state('leaving');
    this.application.within(() => this.#consumer?.close({ drain }, () => {}));
  }

  kill(): void {
    if (this.ended) return;
    this.leaving = true;
    this.ended = true;
    this.#state('killed');
    this.application.kill();
  }

  #state(state: 'joined' | 'leaving' | 'left' | 'killed' | 'refused', code?: string): void {
    this.#history.add({
      kind: 'member',
      group: this.group,
      member: this.name,
      state,
      ...(code === undefined ? {} : { code }),
    });
  }

  #deliver(delivery: Delivery): void {
    const { topic, broker, queue: number } = delivery.queue;
    const queue = queueKeyOf(topic, broker, number);
    for (const message of delivery.messages) {
      const value = readValue(message.body);
      this.#history.add({
        kind: 'delivered',
        group: this.group,
        member: this.name,
        queue,
        offset: message.offset,
        attempt: delivery.attempt,
        value: value?.value,
        topic: value?.topic,
        key: message.key,
        tag: message.tag,
      });
    }
    const { handlerMsMax, failPercent } = this.#settings;
    const fails = !this.gentle && delivery.attempt === 1 && this.#random.below(100) < failPercent;
    const takesMs = this.gentle || handlerMsMax === 0 ? 0 : this.#random.below(handlerMsMax + 1);
    if (takesMs === 0) this.#handled(delivery, queue, !fails);
    else this.application.after(takesMs, () => this.application.within(() => this.#handled(delivery, queue, !fails)));
  }

  #handled(delivery: Delivery, queue: string, ok: boolean): void {
    for (const message of delivery.messages) {
      this.#history.add({ kind: 'handled', group: this.group, member: this.name, queue, offset: message.offset, ok });
      if (ok) this.#onDelivery?.(message);
    }
    delivery.done(ok ? undefined : new Error('the handler of this run fails at times'));
  }

  #event(event: ClientEvent): void {
    const { group, name: member } = this;
    if (event.kind === 'assigned' || event.kind === 'revoked') {
      const queues = event.queues.map(({ topic, broker, queue }) => queueKeyOf(topic, broker, queue));
      this.#history.add({ kind: event.kind, group, member, queues });
    } else if (event.kind === 'undecodable' || event.kind === 'error')
      this.#history.add({ kind: 'trouble', node: member, what: event.kind, code: event.error.code });
  }
}
