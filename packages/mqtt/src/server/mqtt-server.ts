import { protocolError } from '../codec/mqtt-error.ts';
import type { ClientPacket, Disconnect } from '../codec/packet.ts';
import { REASON } from '../codec/reason-codes.ts';
import type { Claimed, ClusterEvents, Peer, ShareId, StoredPublication, Unsettled } from '../ports.ts';
import { isBehind, restoreBacklog, unsettled } from './backlog.ts';
import { Connecting } from './connecting.ts';
import { Connection, HOLD } from './connection.ts';
import { Delivery } from './delivery.ts';
import { Endings } from './endings.ts';
import { Feeding } from './feeding.ts';
import type { Figures, Gauges } from './figures.ts';
import { Handshakes } from './handshakes.ts';
import { Inbound } from './inbound.ts';
import { KeepAlive } from './keep-alive.ts';
import { DEFAULT_LIMITS, type MqttLimits } from './limits.ts';
import { PeerCount } from './peer-count.ts';
import { Receiving } from './receiving.ts';
import { Requests } from './requests.ts';
import { type MqttServerPorts, ServerContext } from './server-context.ts';
import { type Session, sessionOf } from './session.ts';
import { Shares } from './shares.ts';
import { Subscribing } from './subscribing.ts';

export type { MqttServerPorts } from './server-context.ts';

export interface MqttServerOptions {
  /** For the ids of clients that bring none: another one for each bridge and each start. */
  readonly seed: number;
  /** Those that differ from DEFAULT_LIMITS. */
  readonly limits?: Partial<MqttLimits>;
}

/**
 * An MQTT server for clients of 3.1.1 and 5.0, as a synchronous engine: sockets and the cluster are ports, time is an argument.
 * Each input is handled to its end, and what it brings is given to each socket at once. What arrives for a client that cannot
 * take it stays in the log, as a place.
 */
export class MqttServer implements ClusterEvents {
  readonly #context: ServerContext;
  readonly #keepAlive: KeepAlive;
  readonly #peers: PeerCount;
  readonly #delivery: Delivery;
  readonly #feeding: Feeding;
  readonly #handshakes: Handshakes;
  readonly #shares: Shares;
  readonly #endings: Endings;
  readonly #connecting: Connecting;
  readonly #subscribing: Subscribing;
  readonly #inbound: Inbound;
  readonly #receiving: Receiving;

  constructor(options: MqttServerOptions, ports: MqttServerPorts) {
    const context = new ServerContext({ ...DEFAULT_LIMITS, ...options.limits }, ports);
    const requests = new Requests(context);
    this.#context = context;
    this.#peers = new PeerCount(context.limits);
    this.#delivery = new Delivery(context, (session) => this.#feeding.feed(session));
    this.#handshakes = new Handshakes(context);
    this.#shares = new Shares(context, this.#delivery);
    this.#feeding = new Feeding(context, this.#delivery, {
      release: (session, flight) => this.#handshakes.release(session, flight),
      fed: (session) => this.#shares.offer(session),
    });
    this.#endings = new Endings(context, this.#shares, (connection) => this.#ended(connection));
    this.#keepAlive = new KeepAlive(
      context.timers,
      context.limits.connectDeadlineMs,
      () => context.nowMs,
      (connection) => this.#endings.expired(connection),
    );
    this.#connecting = new Connecting(context, this.#endings, options.seed, (session, claimed) => this.#begin(session, claimed));
    this.#subscribing = new Subscribing(context, this.#shares, this.#feeding, requests);
    this.#inbound = new Inbound(context, this.#endings, requests);
    this.#receiving = new Receiving(context, this.#endings, (connection, packet) => this.#handle(connection, packet));
  }

  /** @param offsetMs wall clock, in ms since 1970, minus `nowMs`. To be told at the start, and when the clock is set. */
  wallClock(offsetMs: number): void {
    this.#context.wallOffsetMs = offsetMs;
  }

  // Sockets.

  /** @param connection a number that was never used before. Beyond the limits of connections the socket is aborted. */
  accepted(connection: number, peer: Peer, nowMs: number): void {
    const { sockets, connections, figures } = this.#context;
    this.#context.input(nowMs, () => {
      if (!this.#peers.add(peer)) {
        figures.connectionsRefused++;
        this.#context.tellRefusal('too-many-connections', peer, {});
        return sockets.abort(connection);
      }
      figures.connectionsAccepted++;
      const accepted = new Connection(connection, peer, this.#context.nowMs);
      connections.set(connection, accepted);
      this.#keepAlive.watch(accepted);
    });
  }

  /** @param bytes are not written again after this call: what is published may be kept as a part of them. */
  received(connection: number, bytes: Uint8Array, nowMs: number): void {
    const from = this.#context.connections.get(connection);
    if (from === undefined) return;
    this.#context.input(nowMs, () => {
      this.#receiving.received(from, bytes);
      this.#feed(from);
    });
  }

  /** The socket has sent what waited. */
  drained(connection: number, nowMs: number): void {
    const drained = this.#context.connections.get(connection);
    if (drained === undefined) return;
    this.#context.input(nowMs, () => {
      // To read is no sign of life. But what it sent while its socket was not read comes only now.
      if ((drained.holds & HOLD.UNREAD) !== 0) drained.heardMs = this.#context.nowMs;
      this.#context.output.unblock(drained);
      this.#feed(drained);
    });
  }

  #feed(connection: Connection): void {
    const session = sessionOf(connection);
    if (session !== undefined) this.#feeding.feed(session);
  }

  /** The socket is gone. */
  closed(connection: number, nowMs: number): void {
    const gone = this.#context.connections.get(connection);
    if (gone !== undefined) this.#context.input(nowMs, () => this.#endings.end(gone, { discardWill: false, gone: true }));
  }

  #ended(connection: Connection): void {
    this.#peers.remove(connection.peer);
    this.#inbound.forget(connection);
  }

  // Time.

  tick(nowMs: number): void {
    this.#context.input(nowMs, () => this.#context.tick());
  }

  nextDeadlineMs(): number | undefined {
    return this.#context.nextDeadlineMs();
  }

  /** Sends what `done`s of the cluster have brought: asked for by the port `wake`. */
  flush(nowMs: number): void {
    this.#context.input(nowMs, () => {});
  }

  /**
   * Ends the connections of some peers for what an operator did: with DISCONNECT 0x98 where the client knows it. Their wills are
   * published.
   */
  disconnectWhere(isMeant: (peer: Peer) => boolean, nowMs: number): void {
    this.#context.input(nowMs, () => {
      for (const connection of [...this.#context.connections.values()]) {
        if (!isMeant(connection.peer)) continue;
        // CONNACK has no such reason.
        const refused = connection.phase === 'connecting';
        this.#endings.disconnect(connection, refused ? REASON.NOT_AUTHORIZED : REASON.ADMINISTRATIVE_ACTION);
      }
    });
  }

  /** Says DISCONNECT 0x8B to everybody, and refuses every CONNECT from now on. */
  stop(nowMs: number): void {
    this.#context.input(nowMs, () => {
      this.#context.stopping = true;
      for (const connection of [...this.#context.connections.values()]) this.#stopOne(connection);
    });
  }

  #stopOne(connection: Connection): void {
    const reason = connection.phase === 'connecting' ? REASON.SERVER_UNAVAILABLE : REASON.SERVER_SHUTTING_DOWN;
    this.#endings.disconnect(connection, reason);
  }

  // Packets.

  #handle(connection: Connection, packet: ClientPacket): void {
    if (packet.type === 'CONNECT') return this.#connecting.connect(connection, packet);
    const session = sessionOf(connection);
    if (session !== undefined) this.#handleOnline(connection, session, packet);
  }

  #handleOnline(connection: Connection, session: Session, packet: ClientPacket): void {
    switch (packet.type) {
      case 'PUBLISH':
        return this.#inbound.publish(session, packet);
      case 'PUBACK':
        return this.#handshakes.puback(session, packet);
      case 'PUBREC':
        return this.#handshakes.pubrec(session, packet);
      case 'PUBREL':
        return this.#inbound.pubrel(session, packet);
      case 'PUBCOMP':
        return this.#handshakes.pubcomp(session, packet);
      case 'SUBSCRIBE':
        this.#subscribing.subscribe(session, packet);
        return this.#receiving.spend(connection, packet.subscriptions.length);
      case 'UNSUBSCRIBE':
        this.#subscribing.unsubscribe(session, packet);
        return this.#receiving.spend(connection, packet.filters.length);
      case 'PINGREQ':
        return this.#context.output.pong(connection);
      case 'DISCONNECT':
        return this.#disconnected(connection, session, packet);
      default:
        return this.#inbound.auth();
    }
  }

  #disconnected(connection: Connection, session: Session, { reasonCode, properties }: Disconnect): void {
    const asked = properties?.sessionExpiryInterval;
    if (asked !== undefined) {
      // A session that was to end with its connection cannot be kept after all (MQTT 5.0 section 3.14.2.2.2).
      if (session.expiryInterval === 0 && asked > 0) throw protocolError('DISCONNECT keeps a session that was to end with it');
      session.expiryInterval = Math.min(asked, this.#context.limits.sessionExpiryMax);
    }
    this.#endings.end(connection, { discardWill: reasonCode === REASON.NORMAL_DISCONNECTION });
  }

  /** CONNACK is written: the session's subscriptions hold from here on, and what it has missed follows. */
  #begin(session: Session, claimed: Claimed): void {
    const { connection } = session;
    for (const flight of restoreBacklog(session, claimed)) this.#handshakes.releaseAgain(session, flight);
    for (const subscription of claimed.subscriptions) this.#subscribing.join(session, subscription);
    this.#keepAlive.watch(connection);
    this.#feeding.feed(session);
    this.#context.output.release(connection, HOLD.CONNECTING);
    this.#receiving.goOn(connection);
  }

  // The cluster.

  listens(): boolean {
    const listens = this.#context.receivers.size > 0;
    if (!listens) this.#context.passedOver();
    return listens;
  }

  arrived(messages: readonly StoredPublication[], nowMs: number): void {
    this.#context.input(nowMs, () => {
      for (const message of messages) {
        this.#context.arrived(message.queue, message.offset + 1);
        this.#delivery.arrived(message);
      }
    });
  }

  takenOver(clientId: string, epoch: number, nowMs: number): void {
    const session = this.#context.sessions.get(clientId);
    if (session === undefined || session.epoch !== epoch) return;
    this.#context.figures.sessionsTakenOver++;
    this.#context.input(nowMs, () => this.#endings.disconnect(session.connection, REASON.SESSION_TAKEN_OVER));
  }

  setOffline(clientId: string, epoch: number, nowMs: number): void {
    const session = this.#context.sessions.get(clientId);
    if (session === undefined || session.epoch !== epoch) return;
    // It may come again at once: libraries do not after 0x8E, since somebody else has their client id.
    this.#context.input(nowMs, () => this.#endings.disconnect(session.connection, REASON.SERVER_BUSY));
  }

  shared(share: ShareId, message: StoredPublication, settle: (done: boolean) => void, nowMs: number): void {
    this.#context.input(nowMs, () => this.#shares.given(share, message, settle));
  }

  ready(nowMs: number): void {
    this.#context.input(nowMs, () => this.#inbound.ready());
  }

  unsettled(): Iterable<Unsettled> {
    return unsettled(this.#context);
  }

  figures(): { readonly counters: Readonly<Figures>; readonly gauges: Gauges } {
    const { figures, connections, sessions, receivers } = this.#context;
    let sessionsBehind = 0;
    let underWay = 0;
    for (const session of sessions.values()) {
      underWay += session.underWay;
      if (isBehind(session) && session.waiting !== undefined) sessionsBehind++;
    }
    const { shares, late: sharesLate } = this.#shares.sizes;
    const gauges = {
      connections: connections.size,
      sessions: sessions.size,
      subscriptions: receivers.size,
      shares,
      sharesLate,
      sessionsBehind,
      underWay,
    };
    return { counters: figures, gauges };
  }
}
