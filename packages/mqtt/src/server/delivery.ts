import type { Publish } from '../codec/packet.ts';
import type { StoredPublication } from '../ports.ts';
import type { Flight } from './flights.ts';
import { isExpired, lower, type Manner, plainPublish, publishFor } from './outbound-publish.ts';
import type { Stretch } from './output.ts';
import { type Receiver, receiverOf } from './receivers.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import { Waiting } from './waiting.ts';

/**
 * A message that was selected by one receiver's subscriptions [MQTT-3.8.4-8], sent here for the first time. Of QoS 1 it may be
 * that another bridge has sent it, and died; exchanges of QoS 2 that have begun are known.
 */
export function mannerFor(message: StoredPublication, receiver: Receiver): Manner {
  const qos = lower(message.qos, receiver.qos);
  return {
    qos,
    retain: message.retain && receiver.retainAsPublished,
    identifiers: receiver.identifiers,
    dup: qos === 1 && message.storeTimeMs <= receiver.session.sentUntilMs,
    packetId: 0,
    settle: undefined,
  };
}

/** Two versions, with RETAIN and without. */
const KINDS = 4;

/** Sends messages to clients: what arrives, to all who receive it, and any message to one. */
export class Delivery {
  readonly #context: ServerContext;
  readonly #onRoom: (session: Session) => void;
  /** PUBLISH packets of QoS 0 of the message in hand, by version and RETAIN: they are the same for many clients. */
  readonly #common: (Stretch | undefined)[] = new Array(KINDS).fill(undefined);
  /** There are some. */
  #prepared = false;

  /** @param onRoom a message that was to be sent is not, after all. */
  constructor(context: ServerContext, onRoom: (session: Session) => void) {
    this.#context = context;
    this.#onRoom = onRoom;
  }

  /** A message that is new: to every session that receives it, or noted for it. */
  arrived(message: StoredPublication): void {
    const { receivers, figures, wallMs } = this.#context;
    const audience = receivers.of(message.topic);
    if (audience.length === 0) return;
    if (isExpired(message, wallMs)) {
      figures.droppedExpired++;
      return;
    }
    if (this.#prepared) this.#forget();
    for (const one of audience) {
      const receiver = receiverOf(one, message.clientId);
      if (receiver !== undefined) this.#offer(message, receiver);
    }
  }

  #forget(): void {
    for (let kind = 0; kind < KINDS; kind++) this.#common[kind] = undefined;
    this.#prepared = false;
  }

  #offer(message: StoredPublication, receiver: Receiver): void {
    const { session } = receiver;
    if (lower(message.qos, receiver.qos) === 0) return this.#quick(message, receiver);
    if (session.waiting === undefined && this.hasRoomFor(session, message))
      return void this.send(session, message, mannerFor(message, receiver));
    session.waiting ??= new Waiting();
    session.waiting.later(message, this.#context.limits.pendingPlacesMax);
  }

  /** QoS 0: at once or never. */
  #quick(message: StoredPublication, receiver: Receiver): void {
    const { session, identifiers } = receiver;
    const { connection } = session;
    const { output, figures, wallMs } = this.#context;
    if (connection.blocked) {
      figures.droppedSlow++;
      return;
    }
    if (identifiers !== undefined || connection.aliasesOut !== undefined)
      return void this.send(session, message, mannerFor(message, receiver));
    const retain = message.retain && receiver.retainAsPublished;
    const kind = 2 * (session.version - 4) + (retain ? 1 : 0);
    let stretch = this.#common[kind];
    if (stretch === undefined) {
      stretch = output.publish(plainPublish(message, mannerFor(message, receiver), session.version, wallMs), session.version);
      this.#common[kind] = stretch;
      this.#prepared = true;
    }
    if (stretch === undefined || stretch.to - stretch.from > connection.packetBytesMax) {
      figures.droppedTooLarge++;
      return;
    }
    output.stretch(connection, stretch);
    figures.delivered[0]++;
  }

  /**
   * Sends a message to one client, whatever waits; of QoS 1 and 2 the caller has seen that there is room.
   * @param manner is used for nothing else.
   * @returns false: it cannot be said to this client, which counts as done [MQTT-3.1.2-25].
   */
  send(session: Session, message: StoredPublication, manner: Manner): boolean {
    if (manner.qos === 0) return this.#sendOnce(session, message, manner);
    if (manner.packetId === 0) manner.packetId = this.#packetIdFor(session, message, manner);
    return manner.qos === 1 ? this.#sendAcknowledged(session, message, manner) : this.#sendExactly(session, message, manner);
  }

  /**
   * One more message of QoS 1 or 2 may be sent now, and this one: where another one is under way by the packet id of its place,
   * it waits for its turn.
   */
  hasRoomFor(session: Session, message: StoredPublication): boolean {
    if (!session.hasRoom) return false;
    return session.expiryInterval === 0 || session.flights.get(this.#context.cluster.packetIdOf(message)) === undefined;
  }

  /** Exchanges are written down with their ids, and what is a share's is not sent to this session again. */
  #packetIdFor({ expiryInterval, flights }: Session, message: StoredPublication, { qos, settle }: Manner): number {
    const isAgain = qos === 1 && settle === undefined && expiryInterval > 0;
    return isAgain ? this.#context.cluster.packetIdOf(message) : flights.newId();
  }

  #sendOnce(session: Session, message: StoredPublication, manner: Manner): boolean {
    const sent = this.#write(session, message, manner);
    manner.settle?.(true);
    return sent;
  }

  #sendAcknowledged(session: Session, message: StoredPublication, manner: Manner): boolean {
    if (!this.#write(session, message, manner)) {
      session.flights.delete(manner.packetId);
      manner.settle?.(true);
      return false;
    }
    this.#takeOff(session, message, manner, 'sent');
    return true;
  }

  /** QoS 2 [MQTT-4.3.3-1]: that it began is durable before the client can know it. */
  #sendExactly(session: Session, message: StoredPublication, manner: Manner): boolean {
    const { cluster, output, wallMs } = this.#context;
    const { clientId, epoch, connection } = session;
    const { packetId } = manner;
    const recorded = session.flights.get(packetId) !== undefined;
    const length = output.lengthOf(publishFor(connection, message, manner, wallMs), session.version);
    if (length === undefined || length > connection.packetBytesMax) {
      this.#context.figures.droppedTooLarge++;
      session.flights.delete(packetId);
      if (recorded) cluster.exchange(clientId, epoch, packetId, undefined, () => {});
      manner.settle?.(true);
      return false;
    }
    const flight = this.#takeOff(session, message, manner, recorded ? 'sent' : 'recording');
    if (recorded) return this.#write(session, message, manner);
    const { queue, offset } = message;
    const done = (held: boolean): void => {
      this.#recorded(session, flight, message, manner, held);
      this.#context.answered();
    };
    const shared = flight.shared ? message : undefined;
    cluster.exchange(clientId, epoch, packetId, { queue, offset, packetId, released: false }, done, shared);
    return true;
  }

  #recorded(session: Session, flight: Flight, message: StoredPublication, manner: Manner, held: boolean): void {
    const settle = flight.settle;
    flight.settle = undefined;
    if (!held || !session.connection.open) {
      // It was never sent: where the session has ended, another member may have it. Else it is this session's, by its record.
      settle?.(held && session.expiryInterval > 0);
      if (session.connection.open) this.#takeBack(session, flight);
      return;
    }
    flight.state = 'sent';
    // From now on no other session may get it [MQTT-4.8.2-5].
    settle?.(true);
    this.#write(session, message, manner);
  }

  /** Another bridge has the share's queue: there the message goes to somebody. */
  #takeBack(session: Session, flight: Flight): void {
    session.flights.delete(flight.packetId);
    session.landed(flight);
    this.#onRoom(session);
  }

  #takeOff(session: Session, { queue, offset }: StoredPublication, manner: Manner, state: Flight['state']): Flight {
    const { packetId, settle } = manner;
    const qos = manner.qos === 2 ? 2 : 1;
    const flight: Flight = { packetId, queue, offset, qos, state, counted: true, settle, shared: settle !== undefined };
    session.flights.add(flight);
    session.underWay++;
    return flight;
  }

  #write(session: Session, message: StoredPublication, manner: Manner): boolean {
    const { output, figures, wallMs } = this.#context;
    const { connection, version } = session;
    const publish = publishFor(connection, message, manner, wallMs);
    const stretch = output.publish(publish, version);
    if (stretch === undefined || stretch.to - stretch.from > connection.packetBytesMax) {
      figures.droppedTooLarge++;
      return false;
    }
    this.#noteAlias(session, publish, message.topic);
    output.stretch(connection, stretch);
    figures.delivered[manner.qos]++;
    return true;
  }

  #noteAlias({ connection }: Session, publish: Publish, topic: string): void {
    if (publish.topic !== '' && publish.properties?.topicAlias !== undefined) connection.aliasesOut?.give(topic);
  }
}
