import {
  type AdminDone,
  type BrokerGroup,
  type BrokerInfo,
  Admin as EngineSide,
  type GroupDescription,
  type GroupOverview,
  type ResetStep,
  type ResetTarget,
  type TopicDescription,
  type TopicSummary,
} from '@qanat/core';
import { orAborted } from './abort.ts';
import type { Admin } from './client-api.ts';
import { startPosition } from './consumer-options.ts';
import type { EngineRunner } from './engine-runner.ts';
import type { CallOptions, StartFrom } from './types.ts';

const ADMIN_MS = 10_000;

/** One call of the engine's administration. */
type Call<Result> = (admin: EngineSide, timeoutMs: number, done: AdminDone<Result>) => void;

/** Administration as promises. */
export class EngineAdmin implements Admin {
  readonly #runner: EngineRunner;
  #admin: EngineSide | undefined;

  constructor(runner: EngineRunner) {
    this.#runner = runner;
  }

  createTopic(
    topic: string,
    options: CallOptions & { readonly queues?: number; readonly brokers?: readonly string[] } = {},
  ): Promise<'created' | 'existed'> {
    return this.#call(options, (admin, timeoutMs, done) => admin.createTopic(topic, options, timeoutMs, done));
  }

  alterTopic(topic: string, options: CallOptions & { readonly queues: number }): Promise<void> {
    return this.#call<undefined>(options, (admin, timeoutMs, done) => admin.alterTopic(topic, options.queues, timeoutMs, done));
  }

  removeTopic(topic: string, options: CallOptions = {}): Promise<void> {
    return this.#call<undefined>(options, (admin, timeoutMs, done) => admin.removeTopic(topic, timeoutMs, done));
  }

  listTopics(options: CallOptions = {}): Promise<readonly TopicSummary[]> {
    return this.#call(options, (admin, timeoutMs, done) => admin.listTopics(timeoutMs, done));
  }

  describeTopic(topic: string, options: CallOptions = {}): Promise<TopicDescription> {
    return this.#call(options, (admin, timeoutMs, done) => admin.describeTopic(topic, timeoutMs, done));
  }

  listBrokers(options: CallOptions = {}): Promise<readonly BrokerInfo[]> {
    return this.#call(options, (admin, timeoutMs, done) => admin.listBrokers(timeoutMs, done));
  }

  async describeBroker(broker: string, options: CallOptions = {}): Promise<BrokerGroup> {
    const [group] = await this.#call<readonly BrokerGroup[]>(options, (admin, timeoutMs, done) =>
      admin.describeBrokers(broker, timeoutMs, done),
    );
    return group as BrokerGroup;
  }

  describeBrokers(options: CallOptions = {}): Promise<readonly BrokerGroup[]> {
    return this.#call(options, (admin, timeoutMs, done) => admin.describeBrokers(undefined, timeoutMs, done));
  }

  promote(broker: string, replica: number, options: CallOptions & { readonly acceptLoss?: boolean } = {}): Promise<number> {
    return this.#call(options, (admin, timeoutMs, done) => admin.promote(broker, replica, options, timeoutMs, done));
  }

  demote(broker: string, options: CallOptions = {}): Promise<void> {
    return this.#call<undefined>(options, (admin, timeoutMs, done) => admin.demote(broker, timeoutMs, done));
  }

  listGroups(options: CallOptions = {}): Promise<readonly GroupOverview[]> {
    return this.#call(options, (admin, timeoutMs, done) => admin.listGroups(timeoutMs, done));
  }

  describeGroup(group: string, options: CallOptions = {}): Promise<GroupDescription> {
    return this.#call(options, (admin, timeoutMs, done) => admin.describeGroup(group, timeoutMs, done));
  }

  resetGroup(
    group: string,
    to: StartFrom | { readonly offset: number } | { readonly moveBy: number },
    options: CallOptions & { readonly topic?: string; readonly dryRun?: boolean } = {},
  ): Promise<readonly ResetStep[]> {
    const isPlace = typeof to === 'object' && ('offset' in to || 'moveBy' in to);
    const target: ResetTarget = isPlace ? to : (startPosition(to) as ResetTarget);
    return this.#call(options, (admin, timeoutMs, done) => admin.resetGroup(group, target, options, timeoutMs, done));
  }

  #call<Result>(options: CallOptions, run: Call<Result>): Promise<Result> {
    return orAborted(this.#answer(options, run), options.signal);
  }

  async #answer<Result>({ signal, timeoutMs = ADMIN_MS }: CallOptions, run: Call<Result>): Promise<Result> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#runner.call((engine) => {
        this.#admin ??= new EngineSide(engine);
        run(this.#admin, timeoutMs, (error, result) => (error === undefined ? resolve(result) : reject(error)));
      });
    });
  }
}
