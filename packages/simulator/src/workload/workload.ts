import type { Random } from '@qanat/core';
import { Application, type WorkloadHost } from './application.ts';
import { drain } from './drain.ts';
import { GroupLoad } from './group-load.ts';
import { Meddler } from './meddler.ts';
import { Member } from './member.ts';
import type { WorkloadPlan } from './plan.ts';
import { Sender } from './sender.ts';
import { lookForUnrest } from './settling.ts';
import { StateKeeper } from './state-keeper.ts';

const CREATE_MS = 20_000;
const LOOK_MS = 500;
const FETCH_MS = 45_000;
const ADMIN = 'admin';

/**
 * What the applications of a run do. `start`; when the load is over and the faults have ended, `finish`; then `ended` tells when
 * everything is read and closed. All of it happens on the clocks of the hosts.
 */
export class Workload {
  readonly plan: WorkloadPlan;
  /** The topics exist, producers send. */
  started = false;
  ended = false;
  readonly #host: WorkloadHost;
  readonly #random: Random;
  readonly #admin: Application;
  readonly #applications = new Map<string, Application>();
  #senders: readonly Sender[] = [];
  #groups: readonly GroupLoad[] = [];
  #meddler: Meddler | undefined;
  #keeper: StateKeeper | undefined;
  #readers = 0;
  #stopped = false;

  constructor(host: WorkloadHost, plan: WorkloadPlan) {
    this.plan = plan;
    this.#host = host;
    this.#random = host.newRandom();
    this.#admin = new Application(host, ADMIN);
  }

  /** Names of the hosts on which applications live now, but for the one that looks after the run. */
  get hosts(): readonly string[] {
    return [...this.#applications.values()].filter(({ dead }) => !dead).map(({ name }) => name);
  }

  /** Creates the topics, then lets producers and groups begin. Nothing is to go wrong before `started`. */
  start(): void {
    let open = this.plan.topics.length;
    this.#admin.within(() => {
      for (const { topic, queues } of this.plan.topics) {
        this.#admin.admin.createTopic(topic, { queues }, CREATE_MS, (error) => {
          if (error !== undefined) throw error;
          if (--open === 0) this.#admin.after(0, () => this.#begin());
        });
      }
    });
  }

  /** Producers and members stop making trouble. Sends that are under way go on. */
  stopLoad(): void {
    this.#stopped = true;
    for (const sender of this.#senders) sender.stop();
    for (const group of this.#groups) group.calm();
    this.#meddler?.stop();
    this.#keeper?.stop();
  }

  /**
   * Stops the load, waits at most `settleMs` until everything has come to rest, reads every queue by a fresh group, and closes
   * everything. The faults have ended before.
   */
  finish(settleMs: number): void {
    this.stopLoad();
    this.#settle(this.#admin.clock.nowMs(), settleMs);
  }

  #begin(): void {
    const { plan } = this;
    const host = this.#host;
    this.#senders = plan.senders.map(
      (sender) => new Sender(this.#newApplication(sender.name), host.history, host.newRandom(), sender),
    );
    this.#groups = plan.groups.map((group) => new GroupLoad(host, this.#admin, (name) => this.#newApplication(name), group));
    for (const group of this.#groups) group.start();
    for (const sender of this.#senders) sender.start();
    this.#meddler = new Meddler(host, this.#newApplication('meddler'), plan);
    this.#meddler.start();
    this.#keeper = new StateKeeper(host, this.#newApplication('keeper'), plan);
    this.#keeper.start();
    this.#readLater();
    this.#fetchLater();
    this.started = true;
  }

  #newApplication(name: string): Application {
    const application = new Application(this.#host, name);
    this.#applications.set(name, application);
    return application;
  }

  // ---- readers without a group, and a look at what groups have committed ----

  #readLater(): void {
    const { readersMs } = this.plan;
    this.#admin.after(readersMs / 2 + this.#random.below(readersMs), () => {
      if (this.#stopped) return;
      this.#read();
      this.#readLater();
    });
  }

  #read(): void {
    const { history } = this.#host;
    const name = `reader-${++this.#readers}`;
    const filters = Object.fromEntries(this.plan.topics.map(({ topic }) => [topic, undefined]));
    history.add({ kind: 'group', group: name, mode: 'broadcasting', from: 'first', filters, ordered: true, untilEnd: true });
    const subscriptions = this.plan.topics.map(({ topic }) => ({ topic }));
    const options = { mode: 'groupless', subscriptions, from: 'first', untilEnd: true, ordered: true } as const;
    const settings = { group: name, options, handlerMsMax: 0, failPercent: 0 };
    const application = this.#newApplication(name);
    const member = new Member(application, history, this.#host.newRandom(), settings);
    // One that cannot come to its end, since a broker is gone, is let go.
    this.#admin.after(60_000, () => member.leave(false));
  }

  #fetchLater(): void {
    this.#admin.after(FETCH_MS, () => {
      if (this.#stopped) return;
      this.#fetch();
      this.#fetchLater();
    });
  }

  #fetch(): void {
    const { brokers } = this.#host;
    this.#admin.within(() => {
      for (const { plan } of this.#groups) {
        if (plan.mode !== 'clustering') continue;
        const queues = this.plan.topics
          .filter(({ topic }) => topic in plan.filters)
          .flatMap(({ topic, queues: count }) =>
            brokers.flatMap((broker) => Array.from({ length: count }, (_, queue) => ({ topic, broker, queue }))),
          );
        this.#admin.offsets.fetch(plan.group, queues, 3_000, () => {});
      }
    });
  }

  // ---- the end ----

  #settle(fromMs: number, settleMs: number): void {
    const parts = { admin: this.#admin, topics: this.plan.topics, senders: this.#senders, groups: this.#groups };
    lookForUnrest(parts, (problems) => {
      const tookMs = this.#admin.clock.nowMs() - fromMs;
      if (problems.length > 0 && tookMs < settleMs) return this.#admin.after(LOOK_MS, () => this.#settle(fromMs, settleMs));
      this.#host.history.add({ kind: 'settled', tookMs, problems });
      this.#drain();
    });
  }

  #drain(): void {
    const reader = this.#newApplication('drain');
    drain({ host: this.#host, admin: this.#admin, reader, topics: this.plan.topics }, (error) => {
      if (error !== undefined) this.#host.history.add({ kind: 'settled', tookMs: 0, problems: [error] });
      for (const group of this.#groups) group.close();
      for (const sender of this.#senders) sender.close();
      this.#meddler?.close();
      this.#keeper?.close();
      this.#admin.after(1_000, () => {
        this.#admin.close();
        this.ended = true;
      });
    });
  }
}
