import type { ConsumerOptions, Random } from '@qanat/core';
import type { Application, WorkloadHost } from './application.ts';
import { Member } from './member.ts';
import type { GroupPlan } from './plan.ts';

/** The members of one group: they join, leave and die. */
export class GroupLoad {
  readonly plan: GroupPlan;
  readonly members: Member[] = [];
  readonly #host: WorkloadHost;
  readonly #random: Random;
  readonly #admin: Application;
  readonly #newApplication: (name: string) => Application;
  #joined = 0;
  #stopped = false;

  constructor(host: WorkloadHost, admin: Application, newApplication: (name: string) => Application, plan: GroupPlan) {
    this.plan = plan;
    this.#host = host;
    this.#admin = admin;
    this.#random = host.newRandom();
    this.#newApplication = newApplication;
  }

  /** Members that were not asked to leave. */
  get staying(): readonly Member[] {
    return this.members.filter(({ leaving }) => !leaving);
  }

  start(): void {
    const { group, mode, from, ordered, concurrency, batchRecordsMax, joinAtMs, members, resets } = this.plan;
    const filters = filtersOf(this.plan);
    const inOrder = ordered || (concurrency === 1 && batchRecordsMax === 0);
    if (mode === 'clustering') this.#host.history.add({ kind: 'group', group, mode, from, filters, ordered: inOrder });
    this.#admin.after(joinAtMs, () => {
      for (let i = 0; i < members; i++) this.#join();
      this.#churnLater();
    });
    for (const { atMs, to } of resets) this.#admin.after(atMs, () => this.#reset(to));
  }

  /** Nobody comes or goes any more; handlers are quick and do not fail; there is at least one member. */
  calm(): void {
    this.#stopped = true;
    if (this.staying.length === 0 && this.#joined > 0) this.#join();
    for (const member of this.members) member.gentle = true;
  }

  close(): void {
    for (const member of this.staying) member.leave(true);
  }

  #churnLater(): void {
    const { churnMs } = this.plan;
    if (churnMs >= Number.MAX_SAFE_INTEGER) return;
    this.#admin.after(churnMs / 2 + this.#random.below(churnMs), () => {
      if (this.#stopped) return;
      this.#churn();
      this.#churnLater();
    });
  }

  #churn(): void {
    const { staying } = this;
    const { membersMax, killPercent } = this.plan;
    if (staying.length === 0 || (staying.length < membersMax && this.#random.below(2) === 0)) return this.#join();
    const member = staying[this.#random.below(staying.length)] as Member;
    if (this.#random.below(100) < killPercent) member.kill();
    else member.leave(killPercent === 0 || this.#random.below(4) > 0);
  }

  #join(): void {
    const { plan } = this;
    const name = `${plan.group}-member-${++this.#joined}`;
    const { history } = this.#host;
    const group = plan.mode === 'clustering' ? plan.group : `${plan.group}/${name}`;
    if (plan.mode === 'broadcasting') {
      const { from, ordered, concurrency, batchRecordsMax } = plan;
      const filters = filtersOf(plan);
      const inOrder = ordered || (concurrency === 1 && batchRecordsMax === 0);
      history.add({ kind: 'group', group, mode: 'broadcasting', from, filters, ordered: inOrder });
    }
    const { handlerMsMax, failPercent } = plan;
    const settings = { group, options: optionsOf(plan, name), handlerMsMax, failPercent };
    this.members.push(new Member(this.#newApplication(name), history, this.#host.newRandom(), settings));
  }

  #reset(to: 'first' | 'last'): void {
    if (this.#joined === 0) return;
    this.#admin.within(() => this.#admin.admin.resetGroup(this.plan.group, to, {}, 10_000, () => {}));
  }
}

function optionsOf(plan: GroupPlan, name: string): ConsumerOptions {
  const { mode, group, from, filters, ordered, concurrency, batchRecordsMax } = plan;
  const subscriptions = Object.entries(filters).map(([topic, tags]) =>
    tags === null ? { topic } : { topic, filter: tags.join('||') },
  );
  return {
    mode,
    ...(mode === 'clustering' ? { group } : {}),
    // What the brokers call it is what the history calls it.
    instanceId: name,
    subscriptions,
    from,
    ordered,
    ...(concurrency === 1 ? {} : { concurrency }),
    ...(batchRecordsMax === 0 ? {} : { batch: { recordsMax: batchRecordsMax } }),
  };
}

const filtersOf = ({ filters }: GroupPlan): Record<string, readonly string[] | undefined> =>
  Object.fromEntries(Object.entries(filters).map(([topic, tags]) => [topic, tags ?? undefined]));
