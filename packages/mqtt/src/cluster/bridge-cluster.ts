import { type Clock, type LogFields, type LogLevel, QanatError, RefusalLog } from '@qanat/core';
import { FilterTree } from '../filters/filter-tree.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type {
  Claimed,
  ClaimRefusal,
  ClaimRequest,
  Cluster,
  ClusterEvents,
  OutboundExchange,
  Place,
  Publication,
  PublishOutcome,
  ShareId,
  Standing,
  StoredPublication,
  Suspension,
} from '../ports.ts';
import { ClusterParts } from './cluster-parts.ts';
import type { StateLimits } from './kept-state.ts';
import { LimitRefusals } from './limit-refusals.ts';
import { RETRY_MS, SCAN_MESSAGES_MAX } from './limits.ts';
import { instanceOf } from './liveness.ts';
import type { LocalSession } from './local-session.ts';
import type { LogClient } from './log-client.ts';
import { outcomeOf, type Stored, type StoredAt } from './outbox.ts';
import { mayBeRetained, retainedBytes } from './retained-record.ts';
import { sessionKey } from './state-keys.ts';
import { StoredMessage } from './stored-publication.ts';
import { pause } from './waiting.ts';

export interface BridgeClusterOptions {
  /** Stays the caller's: it is not closed with the bridge. */
  readonly client: LogClient;
  /** Name of the bridge, of letters, digits, `_`, `-`, `.`. */
  readonly bridgeId: string;
  readonly rules: TopicRules;
  /** Topic of the cluster whose keyed state holds sessions and retained messages. Default `mqtt-state`. */
  readonly stateTopic?: string;
  /** When messages of QoS 1 and 2 count as stored. Default `committed`. */
  readonly ack?: 'committed' | 'leader';
  /** Creates the topics that are not there. Default true. */
  readonly createTopics?: boolean;
  /** What the cluster may keep for devices, where that differs from the defaults. */
  readonly limits?: Partial<StateLimits>;
  /** Tells this life of the bridge from all others of the same name. Default: start, process and a count. */
  readonly life?: string;
  /** Gives the start up. */
  readonly signal?: AbortSignal | undefined;
  /** The client's clock. */
  readonly clock: Clock;
  readonly log: (level: LogLevel, event: string, fields: LogFields) => void;
}

/** Counters since the start, and present sizes. */
export interface ClusterFigures {
  /** Messages of QoS 0 that were not stored. */
  readonly shed: number;
  /** Wills that can never be stored. */
  readonly willsDropped: number;
  /** CONNECT that was refused since too much is kept of sessions. */
  readonly sessionsRefused: number;
  /** What was not retained since too much is: publishes that were refused or dropped, wills, messages of other clients. */
  readonly retainedRefused: number;
  /** Bytes that wait to be stored. */
  readonly publishBytes: number;
  /** Sessions of this bridge. */
  readonly sessions: number;
  /** Sessions of the cluster that outlive their connection. */
  readonly sessionsKept: number;
  /** Sessions of the cluster that are offline and remember messages. */
  readonly offlineSessions: number;
  readonly retained: number;
  /** Bytes of all sessions and retained messages of the cluster, as STATE_BYTES_MAX counts them. */
  readonly stateBytes: number;
  /** Bytes of recent messages that are kept for reading them again. */
  readonly recentBytes: number;
  /** Bytes of messages of shared subscriptions that devices have not acknowledged. */
  readonly shareBytes: number;
  /** Messages that are stored and not indexed, in the queues that this bridge indexes. */
  readonly indexLag: number;
  /** Reads of the log that the recent messages could not serve. */
  readonly fetches: number;
}

let lives = 0;

const uniqueLife = (clock: Clock): string =>
  [Math.floor(clock.wallMs()), ++lives, process.pid].map((number) => number.toString(36)).join('.');

/** The port of the MQTT server to a Qanat cluster: everything that outlives a connection is in topics and their keyed state. */
export class BridgeCluster implements Cluster {
  readonly #parts: ClusterParts;
  readonly #options: BridgeClusterOptions;
  readonly #refused: LimitRefusals;
  readonly #troubles: RefusalLog;
  #closed = false;

  /**
   * Joins the cluster; resolves when devices may come.
   * @param events what is told, from now on. @throws QanatError.
   */
  static async start(options: BridgeClusterOptions, events: () => ClusterEvents): Promise<BridgeCluster> {
    const cluster = new BridgeCluster(options, events);
    try {
      await cluster.#parts.start(options.signal);
      return cluster;
    } catch (error) {
      cluster.#closed = true;
      throw error;
    }
  }

  private constructor(options: BridgeClusterOptions, events: () => ClusterEvents) {
    const { client, bridgeId, rules, stateTopic = 'mqtt-state', ack = 'committed', createTopics = true, clock, log } = options;
    this.#options = options;
    const warn = (event: string, fields: LogFields): void => log('warn', event, fields);
    this.#troubles = new RefusalLog(warn);
    const { life = uniqueLife(clock) } = options;
    const instance = instanceOf(bridgeId, life);
    const parts = { client, clock, instance, rules, stateTopic, ack, createTopics, limits: options.limits ?? {} };
    this.#parts = new ClusterParts(
      {
        ...parts,
        publishWill: (will, dedupId, done) =>
          this.#publish(this.#withinLimits(will), dedupId, (outcome, at) => done(outcome, at?.queue)),
        onNotRetained: (message) => this.#notRetained(message),
        onWillDropped: (client, topic, why) => log('warn', 'mqtt-will-dropped', { client, topic, why }),
        onTrouble: (error) => this.#trouble(error),
      },
      events,
    );
    this.#refused = new LimitRefusals(this.#parts.kept.limits, clock, warn);
  }

  /** Ends the work of sessions that is under way, then leaves. The server has suspended its sessions before. */
  async close(): Promise<void> {
    await this.#parts.close();
    this.#closed = true;
  }

  figures(): ClusterFigures {
    const { publishing, sessions, kept, retained, recent, reader, wills, shares } = this.#parts;
    return {
      shed: publishing.shed,
      willsDropped: wills.dropped,
      sessionsRefused: this.#refused.sessions,
      retainedRefused: this.#refused.retained,
      publishBytes: publishing.bytes,
      sessions: sessions.size,
      sessionsKept: kept.sessions,
      offlineSessions: this.#parts.offlineSessions,
      retained: retained.size,
      stateBytes: kept.bytes,
      recentBytes: recent.bytes,
      shareBytes: shares.bytes,
      indexLag: this.#parts.indexLag,
      fetches: reader.fetches,
    };
  }

  publish(publication: Publication, done?: (outcome: PublishOutcome) => void): boolean {
    const { publishing } = this.#parts;
    if (publication.qos === 0 && !publication.retain) publishing.drop(publication);
    else this.#publish(publication, undefined, done ?? publishing.dropped);
    return publishing.open;
  }

  publishOnce(publication: Publication, packetId: number, done: (outcome: PublishOutcome) => void): boolean {
    const { publishing, sessions, inbound } = this.#parts;
    const session = sessions.of(publication.clientId ?? '');
    if (session === undefined) queueMicrotask(() => this.#tell(done, 'unspecified-error'));
    else if (inbound.isKnown(session)) this.#publishOnce(session, publication, packetId, done);
    else {
      const release = publishing.hold(publication);
      inbound.whenKnown(session, (state) => {
        if (state === 'known') this.#publishOnce(session, publication, packetId, done);
        else this.#tell(done, 'unspecified-error');
        release();
      });
    }
    return publishing.open;
  }

  takes(topic: string): boolean {
    return this.#parts.publishing.takes(topic);
  }

  forget(clientId: string, packetId: number, done: (known: boolean) => void): void {
    const { sessions, inbound } = this.#parts;
    const session = sessions.of(clientId);
    if (session === undefined) return queueMicrotask(() => this.#tell(done, false));
    this.#again(() => inbound.forget(session, packetId), done);
  }

  inboundExchanges(clientId: string, done: (packetIds: readonly number[]) => void): void {
    const { sessions, inbound } = this.#parts;
    const session = sessions.of(clientId);
    if (session === undefined) return queueMicrotask(() => this.#tell(done, []));
    this.#again(() => inbound.list(session), done);
  }

  claim(request: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void {
    const { kept, mirror, sessions } = this.#parts;
    const known = mirror.sessions.get(sessionKey(request.clientId))?.counted;
    const limit = kept.ofClaim(request, known);
    if (limit !== undefined) {
      this.#refused.sessions++;
      this.#refused.tell(limit, { client: request.clientId, user: request.principal });
      return queueMicrotask(() => this.#tell(done, 'quota-exceeded'));
    }
    const claiming = kept.claiming(request, known);
    kept.sessionChanged(undefined, claiming);
    sessions.claim(request, (claimed) => {
      kept.sessionChanged(claiming, undefined);
      done(claimed);
    });
  }

  mayHold(clientId: string, subscriptions: number, filterBytes: number): boolean {
    const { kept, mirror } = this.#parts;
    const limit = kept.ofSubscriptions(subscriptions, filterBytes, mirror.sessions.get(sessionKey(clientId))?.counted);
    if (limit !== undefined) this.#refused.tell(limit, { client: clientId });
    return limit === undefined;
  }

  subscribed(clientId: string, epoch: number, standing: Standing, done: (ok: boolean) => void): void {
    this.#parts.sessions.subscribed(clientId, epoch, standing, done);
  }

  packetIdOf(place: Place): number {
    return this.#parts.queues.packetIdOf(place);
  }

  suspend(clientId: string, epoch: number, suspension: Suspension): void {
    this.#parts.sessions.suspend(clientId, epoch, suspension);
  }

  exchange(
    clientId: string,
    epoch: number,
    packetId: number,
    exchange: OutboundExchange | undefined,
    done: (held: boolean) => void,
    shared?: StoredPublication,
  ): void {
    const { sessions, shares, outbound } = this.#parts;
    const session = sessions.get(clientId, epoch);
    const handing = shared && shares.handing(shared);
    if (session === undefined || (shared !== undefined && handing === undefined))
      return queueMicrotask(() => this.#tell(done, false));
    outbound.set(session, { packetId, exchange, handing }, (held) => this.#tell(done, held));
  }

  read(places: readonly Place[], done: (messages: readonly (StoredPublication | undefined)[]) => void): void {
    this.#again(() => this.#parts.reader.read(places), done);
  }

  scan(from: Place, filters: readonly string[], done: (found: readonly StoredPublication[], next: Place) => void): void {
    const tree = new FilterTree<true>();
    for (const filter of filters) tree.set(filter, '', true);
    const { queue } = from;
    const work = async (): Promise<{ found: StoredPublication[]; next: Place }> => {
      const found: StoredPublication[] = [];
      let seen = 0;
      const to = this.#parts.tails.position(queue);
      const next = await this.#parts.reader.walk(queue, from.offset, to, (message) => {
        let selected = false;
        tree.match(message.topic, () => {
          selected = true;
        });
        if (selected) found.push(message);
        return ++seen < SCAN_MESSAGES_MAX;
      });
      return { found, next: { queue, offset: Math.max(next, from.offset) } };
    };
    this.#again(work, ({ found, next }) => done(found, next));
  }

  retained(filter: string): Iterable<StoredPublication> {
    return this.#parts.retained.match(filter);
  }

  retainedCount(): number {
    return this.#parts.retained.size;
  }

  joinShare(share: ShareId): void {
    this.#parts.shares.join(share);
  }

  leaveShare(share: ShareId): void {
    this.#parts.shares.leave(share);
  }

  /** The exchanges of the session are known. */
  #publishOnce(session: LocalSession, publication: Publication, packetId: number, done: (outcome: PublishOutcome) => void): void {
    const { inbound } = this.#parts;
    const dedupId = inbound.dedupId(session, packetId);
    this.#publish(publication, dedupId, (outcome, at) => {
      if (at !== undefined) inbound.began(session, packetId, dedupId, at.queue);
      // Stored, but not retained: told so, the device uses the packet id for another message.
      if (at === undefined || outcome === 'success' || outcome === 'unspecified-error') done(outcome);
      else
        this.#again(
          () => inbound.forget(session, packetId),
          () => done(outcome),
        );
    });
  }

  /** Stores a publication, and retains it where it says so; then tells. */
  #publish(publication: Publication, dedupId: string | undefined, done: Stored): void {
    const { publishing, kept } = this.#parts;
    if (!this.#retains(publication)) return publishing.store(publication, false, dedupId, done);
    const limit = this.#parts.retained.limitOf(publication);
    // There is nothing to be removed.
    if (limit !== undefined && publication.payload.length === 0) return publishing.store(publication, false, dedupId, done);
    if (limit !== undefined) this.#notRetained(publication, limit);
    // Before it is stored: a device of 3.1.1 is not told why, and would send it again and again.
    const refusal = !mayBeRetained(publication) ? 'packet-too-large' : limit === undefined ? undefined : 'quota-exceeded';
    if (refusal !== undefined) return queueMicrotask(() => this.#tell(() => done(refusal, undefined), undefined));
    const bytes = retainedBytes(publication);
    kept.retainedChanged(undefined, bytes);
    this.#storeRetained(publication, dedupId, (outcome, at) => {
      kept.retainedChanged(bytes, undefined);
      done(outcome, at);
    });
  }

  #retains({ retain, topic }: Publication): boolean {
    return retain && this.#parts.rules.toCluster(topic)?.retain === true;
  }

  #storeRetained(publication: Publication, dedupId: string | undefined, done: Stored): void {
    this.#parts.publishing.store(publication, true, dedupId, (outcome, at) => {
      if (outcome !== 'success' || at?.offset === undefined) return done(outcome, at);
      this.#retain(publication, at.offset, at).then(
        () => this.#tell(() => done('success', at), undefined),
        (error: unknown) => this.#tell(() => done(outcomeOf(error), at), undefined),
      );
    });
  }

  /** A will is published whatever is retained; nobody waits for it who could be told (QNT-MQT-122). */
  #withinLimits(will: Publication): Publication {
    const limit = this.#retains(will) ? this.#parts.retained.limitOf(will) : undefined;
    if (limit === undefined) return will;
    this.#notRetained(will, limit);
    return { ...will, retain: false };
  }

  #notRetained(message: Publication, limit = this.#parts.retained.limitOf(message)): void {
    if (limit === undefined || message.payload.length === 0) return;
    this.#refused.retained++;
    this.#refused.tell(limit, { topic: message.topic, client: message.clientId });
  }

  #retain(publication: Publication, offset: number, { queue, storeTimeMs }: StoredAt): Promise<void> {
    const payload = new Uint8Array(publication.payload);
    const { queues, retained } = this.#parts;
    return retained.put(new StoredMessage(publication, payload, queues.numberOf(queue), offset, storeTimeMs));
  }

  /** Tells operators, the same once a minute: an outage fails what is tried again every moment. */
  #trouble(error: unknown): void {
    const what = messageOf(error);
    if (!this.#closed) this.#troubles.tell(this.#options.clock.nowMs(), 'mqtt-cluster-trouble', what, { error: what });
  }

  /** Asks until there is an answer: that a broker is away does not mean that a message is gone. */
  #again<Result>(ask: () => Promise<Result>, done: (result: Result) => void): void {
    const attempt = async (): Promise<Result> => {
      for (;;) {
        try {
          return await ask();
        } catch (error) {
          if (this.#closed) throw error;
          this.#trouble(error);
          await pause(this.#options.clock, RETRY_MS);
        }
      }
    };
    attempt().then(
      (result) => this.#tell(done, result),
      () => {}, // closed: nobody waits for it
    );
  }

  #tell<Result>(done: (result: Result) => void, result: Result): void {
    if (!this.#closed) done(result);
  }
}

const messageOf = (error: unknown): string =>
  QanatError.is(error) ? `${error.code}: ${error.message}` : String(error instanceof Error ? error.message : error);
