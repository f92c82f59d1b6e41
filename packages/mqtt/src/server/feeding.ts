import { isShared } from '../filters/topic-filter.ts';
import type { Place, StoredPublication } from '../ports.ts';
import { type Delivery, mannerFor } from './delivery.ts';
import type { Flight } from './flights.ts';
import { READ_PLACES_MAX, RETAINED_PER_TURN_MAX } from './limits.ts';
import { isExpired, lower } from './outbound-publish.ts';
import { receiverOf } from './receivers.ts';
import { costOf, messagesOf, type RetainedDelivery, type RetainedRounds, type Round } from './retained-rounds.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import { type Loaded, type Resend, type Scan, Waiting } from './waiting.ts';

/** Sends sessions what waits for them, as their windows and sockets have room. */
export class Feeding {
  readonly #context: ServerContext;
  readonly #delivery: Delivery;
  /** An exchange whose message is gone from the log. */
  readonly #release: (session: Session, flight: Flight) => void;
  /** Nothing waits for the session any more, and there is room. */
  readonly #fed: (session: Session) => void;

  constructor(
    context: ServerContext,
    delivery: Delivery,
    on: { readonly release: (session: Session, flight: Flight) => void; readonly fed: (session: Session) => void },
  ) {
    this.#context = context;
    this.#delivery = delivery;
    this.#release = on.release;
    this.#fed = on.fed;
  }

  /** There may be room, or more waits. */
  feed(session: Session): void {
    if (!session.connection.open) return;
    while (session.waiting !== undefined) if (!this.#step(session, session.waiting)) return;
    if (session.shares !== undefined) this.#fed(session);
  }

  /** @returns whether something was done, and more may be. */
  #step(session: Session, waiting: Waiting): boolean {
    if (waiting.loaded.length > 0) return this.#sendLoaded(session, waiting);
    if (waiting.reading !== undefined || waiting.scanning || !session.connection.open) return false;
    if (waiting.resends.length > 0) return session.hasRoom && this.#readResends(session, waiting);
    if (!waiting.retained.empty) return this.#sendRetained(session, waiting);
    return this.#readOn(session, waiting);
  }

  #readOn(session: Session, waiting: Waiting): boolean {
    if (waiting.empty) {
      session.waiting = undefined;
      return true;
    }
    if (!session.hasRoom) return false;
    const scan = waiting.dueScan();
    if (scan !== undefined && (waiting.scanNext || waiting.places.length === 0)) return this.#scan(session, waiting, scan);
    waiting.scanNext = true;
    return this.#readPlaces(session, waiting);
  }

  // Reading.

  #room(session: Session): number {
    return Math.min(READ_PLACES_MAX, session.window - session.underWay);
  }

  #readResends(session: Session, waiting: Waiting): boolean {
    const batch: Loaded[] = [];
    while (batch.length < this.#room(session)) {
      const resend = waiting.resends.shift();
      if (resend === undefined) break;
      batch.push({ place: resend, resend, message: undefined });
    }
    return this.#read(session, waiting, batch);
  }

  #readPlaces(session: Session, waiting: Waiting): boolean {
    const batch: Loaded[] = [];
    while (batch.length < this.#room(session)) {
      const place = waiting.places.shift();
      if (place === undefined) break;
      batch.push({ place, resend: undefined, message: undefined });
    }
    return this.#read(session, waiting, batch);
  }

  #read(session: Session, waiting: Waiting, batch: readonly Loaded[]): false {
    waiting.reading = batch;
    this.#context.cluster.read(
      batch.map(({ place }) => ({ queue: place.queue, offset: place.offset })),
      (messages) => {
        // A session that was suspended meanwhile has these places in its backlog.
        if (!session.connection.open) return;
        waiting.reading = undefined;
        batch.forEach((loaded, i) => {
          loaded.message = messages[i];
        });
        waiting.loaded.add(batch);
        this.feed(session);
        this.#context.answered();
      },
    );
    return false;
  }

  #scan(session: Session, waiting: Waiting, scan: Scan): false {
    waiting.scanning = true;
    waiting.scanNext = false;
    const { edition } = session;
    const filters = [...session.subscriptions.keys()].filter((filter) => !isShared(filter));
    this.#context.cluster.scan({ queue: scan.queue, offset: scan.offset }, filters, (found, next) => {
      if (!session.connection.open) return;
      waiting.scanning = false;
      // Messages of a new subscription may lie in what was looked through without it.
      if (session.edition === edition) this.#scanned(session, waiting, scan, found, next);
      this.feed(session);
      this.#context.answered();
    });
    return false;
  }

  #scanned(session: Session, waiting: Waiting, scan: Scan, found: readonly StoredPublication[], next: Place): void {
    const wanted = found.filter((message) => {
      const receiver = this.#context.receivers.one(session, message.topic);
      // QoS 0 was sent when it arrived, or not at all.
      return receiver !== undefined && lower(message.qos, receiver.qos) > 0 && !waiting.isListed(message);
    });
    waiting.loaded.add(wanted.map((message) => ({ place: message, resend: undefined, message })));
    const arrivedTo = this.#context.arrivedTo.get(scan.queue) ?? next.offset;
    const stands = next.offset <= scan.offset;
    if (next.offset >= arrivedTo && (stands || this.#context.arrivedTo.has(scan.queue))) waiting.scans.delete(scan.queue);
    else waiting.scans.set(scan.queue, { ...scan, offset: next.offset });
  }

  // Sending.

  #sendLoaded(session: Session, waiting: Waiting): boolean {
    for (let loaded = waiting.loaded.first; loaded !== undefined; loaded = waiting.loaded.first) {
      const { message, resend } = loaded;
      const isNew = resend === undefined && message !== undefined;
      if (isNew ? !this.#delivery.hasRoomFor(session, message) : !session.hasRoom) return false;
      waiting.loaded.shift();
      if (resend !== undefined) this.#resend(session, resend, message);
      else if (message === undefined) this.#context.figures.droppedGone++;
      else this.#sendSelected(session, message);
    }
    return true;
  }

  #sendSelected(session: Session, message: StoredPublication): void {
    const selected = this.#context.receivers.one(session, message.topic);
    const receiver = selected === undefined ? undefined : receiverOf(selected, message.clientId);
    if (receiver === undefined) return;
    if (isExpired(message, this.#context.wallMs)) this.#context.figures.droppedExpired++;
    else this.#delivery.send(session, message, mannerFor(message, receiver));
  }

  /** What was begun is brought to its end, whether or not it has expired or is still subscribed to [MQTT-3.10.4-3]. */
  #resend(session: Session, resend: Resend, message: StoredPublication | undefined): void {
    const { packetId } = resend;
    const flight = session.flights.get(packetId);
    if (flight?.state !== 'reserved') return;
    if (message === undefined || !this.#mayGet(session, message)) return this.#gone(session, flight);
    const receiver = this.#context.receivers.one(session, message.topic);
    this.#delivery.send(session, message, {
      qos: resend.qos,
      retain: message.retain && (receiver?.retainAsPublished ?? false),
      identifiers: receiver?.identifiers,
      dup: true,
      packetId,
      settle: undefined,
    });
  }

  /** The right to it may have been withdrawn while the session was offline. */
  #mayGet({ principal, clientId }: Session, { topic }: StoredPublication): boolean {
    return this.#context.gate.maySubscribe(principal, topic, clientId);
  }

  /** The client may hold the message of an exchange back for our PUBREL: without it, it would refuse the next one of this id. */
  #gone(session: Session, flight: Flight | undefined): void {
    this.#context.figures.droppedGone++;
    if (flight?.qos === 2) this.#release(session, flight);
    else if (flight !== undefined) session.flights.delete(flight.packetId);
  }

  #sendRetained(session: Session, { retained }: Waiting): boolean {
    while (!retained.empty) {
      if (session.retainedCost >= RETAINED_PER_TURN_MAX) return this.#rest(session);
      const { first } = retained;
      if (first === undefined) {
        if (session.connection.blocked) return false;
        this.#beginRound(session, retained);
      } else {
        if (!this.#hasRoomFor(session, first)) return false;
        retained.shift();
        session.retainedCost++;
        if (this.#isCurrent(first.message)) this.#sendRetainedOne(session, first);
      }
    }
    return true;
  }

  #beginRound(session: Session, retained: RetainedRounds): void {
    const round = retained.next();
    if (round === undefined) return;
    session.retainedCost += costOf(this.#context, round);
    retained.begin(round, [...messagesOf(this.#context, session.clientId, round)]);
  }

  #hasRoomFor(session: Session, { message, subscription }: RetainedDelivery): boolean {
    return lower(message.qos, subscription.qos) === 0 ? !session.connection.blocked : this.#delivery.hasRoomFor(session, message);
  }

  /** Others have their turn. */
  #rest(session: Session): false {
    if (session.resting) return false;
    session.resting = true;
    this.#context.putOff(() => {
      session.resting = false;
      session.retainedCost = 0;
      this.feed(session);
    });
    return false;
  }

  /** One that was replaced since has arrived as it was published: an older state must not follow it. */
  #isCurrent({ topic, queue, offset }: StoredPublication): boolean {
    for (const now of this.#context.cluster.retained(topic)) if (now.queue === queue && now.offset === offset) return true;
    return false;
  }

  #sendRetainedOne(session: Session, { message, subscription }: RetainedDelivery): void {
    if (isExpired(message, this.#context.wallMs)) return;
    const { subscriptionIdentifier, qos } = subscription;
    this.#delivery.send(session, message, {
      qos: lower(message.qos, qos),
      retain: true,
      identifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
      dup: false,
      packetId: 0,
      settle: undefined,
    });
  }

  /** Retained messages of a new subscription [MQTT-3.3.1-9]. */
  retained(session: Session, round: Round): void {
    session.waiting ??= new Waiting();
    session.waiting.retained.add(round);
    this.feed(session);
  }

  /** A filter is subscribed to no more. */
  unsubscribed({ waiting }: Session, filter: string): void {
    waiting?.retained.drop(filter);
  }
}
