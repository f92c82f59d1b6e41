import {
  type AdminDone,
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

/** Administration as promises. */
export class EngineAdmin implements Admin {
  readonly #runner: EngineRunner;
  readonly #admin: EngineSide;

  constructor(runner: EngineRunner) {
    this.#runner = runner;
    this.#admin = new EngineSide(runner.engine);
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

  #call<Result>(
    options: CallOptions,
    run: (admin: EngineSide, timeoutMs: number, done: AdminDone<Result>) => void,
  ): Promise<Result> {
    const answer = new Promise<Result>((resolve, reject) => {
      options.signal?.throwIfAborted();
      this.#runner.call(() => {
        run(this.#admin, options.timeoutMs ?? ADMIN_MS, (error, result) =>
          error === undefined ? resolve(result) : reject(error),
        );
      });
    });
    return orAborted(answer, options.signal);
  }
}
