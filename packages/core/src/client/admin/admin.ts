import type { LiveFrame, RequestInit } from '../../connection/request.ts';
import { QanatError } from '../../errors.ts';
import type { GroupResetInit } from '../../wire/gen/administration-messages.ts';
import { noneServes } from '../broker-reach.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { ClientHost } from '../host.ts';
import type { ConnectionHost } from '../name-server-query.ts';
import type { RouteCache } from '../route-cache.ts';
import type {
  BrokerGroup,
  BrokerInfo,
  GroupDescription,
  GroupOverview,
  QueueStatus,
  ResetStep,
  TopicDescription,
  TopicSummary,
} from './admin-types.ts';
import { askBrokers, type BrokerAnswer } from './broker-fan-out.ts';
import { describeGroups, peerOf, replicaOf } from './broker-group.ts';
import { brokerInfos, type ClusterView, liveBrokers, topicSummaries } from './cluster-view.ts';
import { isMove, moveGroup, type ResetTarget, resetPosition, resetSteps } from './group-reset.ts';
import { compareQueues, describeGroup, kindName } from './group-view.ts';
import { type Settled, Settling } from './settle.ts';
import { type ViewDone, ViewReader } from './view-reader.ts';

export type AdminDone<Result> = (error: QanatError | undefined, result: Result) => void;

const NOTHING = undefined as never;

/**
 * Administration of a cluster: what concerns one broker is asked there, what concerns the cluster is asked at each and joined.
 * Every method calls `done` once, after `timeoutMs` and a little at the latest.
 */
export class Admin {
  readonly #host: ClientHost & ConnectionHost & { readonly routes: RouteCache };
  readonly #views: ViewReader;
  readonly #settling: Settling;

  constructor(host: ClientHost & ConnectionHost & { readonly routes: RouteCache }) {
    this.#host = host;
    this.#views = new ViewReader(host);
    this.#settling = new Settling(host);
  }

  listTopics(timeoutMs: number, done: AdminDone<readonly TopicSummary[]>): void {
    this.#view(timeoutMs, (error, view) => {
      if (error === undefined) done(undefined, topicSummaries(view));
      else done(error, NOTHING);
    });
  }

  listBrokers(timeoutMs: number, done: AdminDone<readonly BrokerInfo[]>): void {
    this.#view(timeoutMs, (error, view) => {
      if (error === undefined) done(undefined, brokerInfos(view));
      else done(error, NOTHING);
    });
  }

  /** Broker groups and how each replica fares: all, or the one of that name. */
  describeBrokers(broker: string | undefined, timeoutMs: number, done: AdminDone<readonly BrokerGroup[]>): void {
    this.#view(timeoutMs, (error, view, leftMs) => {
      if (error !== undefined) return done(error, NOTHING);
      const infos = brokerInfos(view).filter((info) => broker === undefined || info.broker === broker);
      if (infos.length === 0 && broker !== undefined) return done(noBroker(broker, view), NOTHING);
      describeGroups(this.#host, infos, Math.min(leftMs, this.#host.settings.attemptMs), (groups) => done(undefined, groups));
    });
  }

  /**
   * Makes a slave the master of its group. `done` has its term. Errors: REPLICA_BEHIND (without `acceptLoss`), NO_BROKER, what
   * the replica says.
   */
  promote(
    broker: string,
    replica: number,
    options: { readonly acceptLoss?: boolean | undefined },
    timeoutMs: number,
    done: AdminDone<number>,
  ): void {
    const header = { acceptLoss: options.acceptLoss ?? false };
    this.#atReplica(broker, replica, 'PROMOTE', header, timeoutMs, (error, answer) =>
      done(error, error === undefined ? (answer as BrokerAnswer<'PROMOTE'>).response.header.term : NOTHING),
    );
  }

  /** Makes the master of a group a slave, which waits for the next master. */
  demote(broker: string, timeoutMs: number, done: AdminDone<undefined>): void {
    this.#atReplica(broker, undefined, 'DEMOTE', {}, timeoutMs, (error) => done(error, undefined));
  }

  /** Creates the topic at every live broker, or at those named. `done` has what it was before. */
  createTopic(
    topic: string,
    options: { readonly queues?: number | undefined; readonly brokers?: readonly string[] | undefined },
    timeoutMs: number,
    done: AdminDone<'created' | 'existed'>,
  ): void {
    this.#view(timeoutMs, (error, view, leftMs) => {
      if (error !== undefined) return done(error, NOTHING);
      const brokers = options.brokers ?? liveBrokers(view);
      const unknown = brokers.find((name) => !view.brokers.some(({ broker }) => broker === name));
      if (unknown !== undefined) return done(noBroker(unknown, view), NOTHING);
      if (brokers.length === 0) return done(noneServes(view.brokers.map(({ broker }) => broker)), NOTHING);
      const settled: Settled = (shares) => brokers.every((broker) => shares?.has(broker));
      this.#everywhere(brokers, 'TOPIC_CREATE', { topic, queues: options.queues ?? 0 }, leftMs, settled, (failed, answers) => {
        if (failed !== undefined) return done(failed, NOTHING);
        done(undefined, answers.every(({ response }) => response.header.existed) ? 'existed' : 'created');
      });
    });
  }

  /** Adds queues: `queues` is their new number at each broker that has the topic. */
  alterTopic(topic: string, queues: number, timeoutMs: number, done: AdminDone<undefined>): void {
    this.#atTopic(topic, timeoutMs, done, (brokers, _, leftMs) => {
      const settled: Settled = (shares) => brokers.every((broker) => shares?.get(broker) === queues);
      this.#everywhere(brokers, 'TOPIC_ALTER', { topic, queues }, leftMs, settled, (error) => done(error, undefined));
    });
  }

  removeTopic(topic: string, timeoutMs: number, done: AdminDone<undefined>): void {
    this.#atTopic(topic, timeoutMs, done, (brokers, _, leftMs) => {
      const settled: Settled = (shares) => !brokers.some((broker) => shares?.has(broker));
      this.#everywhere(brokers, 'TOPIC_REMOVE', { topic }, leftMs, settled, (error) => done(error, undefined));
    });
  }

  describeTopic(topic: string, timeoutMs: number, done: AdminDone<TopicDescription>): void {
    this.#atTopic(topic, timeoutMs, done, (live, view, leftMs) => {
      askBrokers(this.#host, live, 'TOPIC_DESCRIBE', { topic }, leftMs, (answers) => {
        const queues = [...(view.topics.get(topic) ?? [])].flatMap(([broker, count]) =>
          describeShare(
            topic,
            broker,
            count,
            answers.find((answer) => answer.broker === broker),
          ),
        );
        done(undefined, { topic, queues: queues.sort(compareQueues) });
      });
    });
  }

  listGroups(timeoutMs: number, done: AdminDone<readonly GroupOverview[]>): void {
    this.#atLive(timeoutMs, done, 'GROUP_LIST', {}, (answers, view) => {
      const silent = answers.filter(({ error }) => error !== undefined);
      if (silent.length > 0 && silent.length === answers.length) return done(silent[0]?.error, NOTHING);
      const missingBrokers = missing(silent, view);
      const groups = new Map<string, GroupOverview>();
      const rows = answers.flatMap(({ response }) => response.headers.flatMap((page) => page.groups));
      for (const { group, kind, members, lag } of rows) {
        const known = groups.get(group);
        const joined = { members: Math.max(members, known?.members ?? 0), lag: lag + (known?.lag ?? 0) };
        groups.set(group, { group, kind: kindName(kind), ...joined, missingBrokers });
      }
      done(
        undefined,
        [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1)),
      );
    });
  }

  describeGroup(group: string, timeoutMs: number, done: AdminDone<GroupDescription>): void {
    this.#atLive(timeoutMs, done, 'GROUP_DESCRIBE', { group }, (answers, view) => {
      const parts = answers
        .filter(({ error }) => error === undefined)
        .map(({ broker, response }) => ({ broker, pages: response.headers }));
      const silent = answers.filter(({ error }) => error !== undefined && error.code !== 'GROUP_NOT_FOUND');
      if (parts.length > 0) {
        return done(undefined, describeGroup(group, parts, missing(silent, view)));
      }
      done(silent[0]?.error ?? noGroup(group), NOTHING);
    });
  }

  /** Moves the committed offsets of a group; with `dryRun` only tells what it would do. */
  resetGroup(
    group: string,
    to: ResetTarget,
    options: { readonly topic?: string | undefined; readonly dryRun?: boolean | undefined },
    timeoutMs: number,
    done: AdminDone<readonly ResetStep[]>,
  ): void {
    if (isMove(to)) return this.#moveGroup(group, to.moveBy, options, timeoutMs, done);
    const queues = options.topic === undefined ? [] : [{ topic: options.topic }];
    const header: GroupResetInit = { group, queues, dryRun: options.dryRun ?? false, ...resetPosition(to) };
    this.#atLive(timeoutMs, done, 'GROUP_RESET', header, (answers) => {
      const concerned = answers.filter(({ error }) => error?.code !== 'GROUP_NOT_FOUND' && error?.code !== 'TOPIC_NOT_FOUND');
      const failed = concerned.find(({ error }) => error !== undefined);
      if (failed?.error !== undefined) return done(atBroker(failed.broker, failed.error), NOTHING);
      if (concerned.length === 0) return done(answers[0]?.error ?? noGroup(group), NOTHING);
      done(undefined, concerned.flatMap(({ broker, response }) => resetSteps(broker, response.headers)).sort(compareQueues));
    });
  }

  #moveGroup(
    group: string,
    moveBy: number,
    options: { readonly topic?: string | undefined; readonly dryRun?: boolean | undefined },
    timeoutMs: number,
    done: AdminDone<readonly ResetStep[]>,
  ): void {
    const dueMs = this.#host.engine.nowMs() + timeoutMs;
    this.describeGroup(group, timeoutMs, (error, description) => {
      if (error !== undefined) return done(error, NOTHING);
      const leftMs = Math.max(1, dueMs - this.#host.engine.nowMs());
      moveGroup(this.#host, description, moveBy, options, leftMs, (failed, steps) => {
        const did = options.dryRun === true ? [] : [...new Set(steps.map(({ broker }) => broker))];
        if (failed !== undefined) return done(atBroker(failed.broker, failed.error, did), NOTHING);
        done(undefined, steps);
      });
    });
  }

  // ---- the ways to the brokers ----

  #view(timeoutMs: number, done: ViewDone): void {
    this.#views.read(timeoutMs, done);
  }

  /** Asks every live broker. */
  #atLive<N extends LiveFrame, Result>(
    timeoutMs: number,
    done: AdminDone<Result>,
    name: N,
    header: RequestInit<N>,
    answered: (answers: readonly BrokerAnswer<N>[], view: ClusterView) => void,
  ): void {
    this.#view(timeoutMs, (error, view, leftMs) => {
      if (error !== undefined) return done(error, NOTHING);
      askBrokers(this.#host, liveBrokers(view), name, header, leftMs, (answers) => answered(answers, view));
    });
  }

  /** Asks one replica of a broker group, once: its master where no number is given. */
  #atReplica<N extends 'PROMOTE' | 'DEMOTE'>(
    broker: string,
    replica: number | undefined,
    name: N,
    header: RequestInit<N>,
    timeoutMs: number,
    done: (error: QanatError | undefined, answer: BrokerAnswer<N> | undefined) => void,
  ): void {
    this.#view(timeoutMs, (error, view, leftMs) => {
      if (error !== undefined) return done(error, undefined);
      const info = brokerInfos(view).find((one) => one.broker === broker);
      if (info === undefined) return done(noBroker(broker, view), undefined);
      let peer = broker;
      try {
        if (replica !== undefined) peer = peerOf(broker, replicaOf(info, replica));
      } catch (missing) {
        return done(missing as QanatError, undefined);
      }
      askBrokers(this.#host, [peer], name, header, leftMs, ([answer]) =>
        done(answer?.error && atBroker(peer, answer.error), answer),
      );
    });
  }

  /** Finds the live brokers that have a topic. */
  #atTopic<Result>(
    topic: string,
    timeoutMs: number,
    done: AdminDone<Result>,
    found: (live: readonly string[], view: ClusterView, leftMs: number) => void,
  ): void {
    this.#view(timeoutMs, (error, view, leftMs) => {
      if (error !== undefined) return done(error, NOTHING);
      const shares = view.topics.get(topic);
      if (shares === undefined) return done(noTopic(topic, view), NOTHING);
      const live = liveBrokers(view).filter((broker) => shares.has(broker));
      found(live, view, leftMs);
    });
  }

  /** Changes a topic at each broker, and waits until the NameServers tell of it; the first failure is the result. */
  #everywhere<N extends 'TOPIC_CREATE' | 'TOPIC_ALTER' | 'TOPIC_REMOVE'>(
    brokers: readonly string[],
    name: N,
    header: RequestInit<N> & { readonly topic: string },
    timeoutMs: number,
    settled: Settled,
    done: (error: QanatError | undefined, answers: readonly BrokerAnswer<N>[]) => void,
  ): void {
    const dueMs = this.#host.engine.nowMs() + timeoutMs;
    askBrokers(this.#host, brokers, name, header, timeoutMs, (answers) => {
      const failed = answers.find(({ error }) => error !== undefined);
      const did = answers.filter(({ error }) => error === undefined).map(({ broker }) => broker);
      if (failed?.error !== undefined) return done(atBroker(failed.broker, failed.error, did), answers);
      const leftMs = Math.max(1, dueMs - this.#host.engine.nowMs());
      this.#settling.wait(header.topic, leftMs, settled, () => done(undefined, answers));
    });
  }
}

/** Brokers whose part is missing: those that failed, and those that are away, which were not even asked. */
function missing(failed: readonly { readonly broker: string }[], view: ClusterView): readonly string[] {
  return [...failed, ...view.brokers.filter(({ away }) => away)].map(({ broker }) => broker).sort();
}

function describeShare(
  topic: string,
  broker: string,
  count: number,
  answer: BrokerAnswer<'TOPIC_DESCRIBE'> | undefined,
): QueueStatus[] {
  if (answer === undefined || answer.error !== undefined) {
    const unknown = { away: true, oldestOffset: 0, highWatermark: 0, lastStoreTimeMs: undefined };
    return Array.from({ length: count }, (_, queue) => ({ topic, broker, queue, ...unknown }));
  }
  return answer.response.headers.flatMap((page) =>
    page.queues.map(({ queue, oldestOffset, highWatermark, lastStoreTimeMs }) => ({
      topic,
      broker,
      queue,
      away: false,
      oldestOffset,
      highWatermark,
      lastStoreTimeMs: lastStoreTimeMs === 0 ? undefined : lastStoreTimeMs,
    })),
  );
}

const noGroup = (group: string): QanatError => new QanatError('GROUP_NOT_FOUND', `no broker knows group "${group}"`);

function noTopic(topic: string, view: ClusterView): QanatError {
  const meant = didYouMean(topic, [...view.topics.keys()]);
  const hint = meant === undefined ? {} : { hint: `Did you mean "${meant}"?` };
  return new QanatError('TOPIC_NOT_FOUND', `topic "${topic}" does not exist`, hint);
}

function noBroker(name: string, view: ClusterView): QanatError {
  const names = view.brokers.map(({ broker }) => broker).join(', ');
  return new QanatError('NO_BROKER', `no broker "${name}" is registered`, { outcome: 'not-sent', hint: `there are: ${names}` });
}

/** @param did the brokers that did what was asked: of a change made in part nobody may say that it has no effect. */
const atBroker = (broker: string, error: QanatError, did: readonly string[] = []): QanatError =>
  new QanatError(error.code, `${broker}: ${error.message}${did.length === 0 ? '' : ` (done at ${did.join(', ')})`}`, {
    cause: error,
    outcome: did.length === 0 ? error.outcome : 'unknown',
    wireNumber: error.wireNumber,
    hint: error.hint,
  });
