import { publishPacket } from '../../families/mqtt/sent-packets.ts';
import type { Version } from '../../families/mqtt/wire/packet.ts';
import type { Fault } from './faults.ts';
import { fieldsOf, type ModelSession, type Outgoing, type Stored } from './model-session.ts';
import type { ServerEnd, StreamGround } from './stream-ground.ts';

export interface Client {
  readonly number: number;
  readonly end: ServerEnd;
  version: Version;
  pending: Uint8Array;
  session: ModelSession | undefined;
  will: Stored | undefined;
  willDelayMs: number;
  expiry: number;
  receiveMaximum: number;
  packetMax: number;
  keepAliveMs: number;
  heardAtMs: number;
  readonly aliases: Map<number, string>;
  closed: boolean;
}

/** How the model server sends messages to its clients. */
export class ModelSending {
  readonly #ground: StreamGround;
  readonly #has: (fault: Fault) => boolean;
  readonly #clientOf: (session: ModelSession) => Client | undefined;

  constructor(ground: StreamGround, has: (fault: Fault) => boolean, clientOf: (session: ModelSession) => Client | undefined) {
    this.#ground = ground;
    this.#has = has;
    this.#clientOf = clientOf;
  }

  get #nowMs(): number {
    return this.#ground.clock.nowMs();
  }

  /** A message for a session: sent at once where there is room. */
  queue(session: ModelSession, one: Pick<Outgoing, 'message' | 'qos' | 'retain' | 'subscriptionIds'>): void {
    if (one.qos === 0 && session.link === undefined) return;
    const outgoing: Outgoing = { ...one, packetId: 0, state: 'waiting', link: 0 };
    if (this.#has('turns the order round')) session.outgoing.unshift(outgoing);
    else session.outgoing.push(outgoing);
    if (!this.#has('turns the order round')) return this.feed(session);
    this.#ground.later(() => this.feed(session));
  }

  /** Messages of QoS 1 and 2 that the client has not acknowledged. */
  underWay({ session, number }: Client): number {
    return session?.outgoing.filter(({ state, link }) => state !== 'waiting' && link === number).length ?? 0;
  }

  /** Sends what there is room for. */
  feed(session: ModelSession): void {
    const client = this.#clientOf(session);
    if (client === undefined) return;
    for (const one of [...session.outgoing]) {
      if (one.link === client.number) continue;
      const isFull = this.underWay(client) >= client.receiveMaximum && !this.#has('knows no receive maximum');
      if (one.qos > 0 && isFull) return;
      this.#deliver(client, session, one);
    }
  }

  #deliver(client: Client, session: ModelSession, one: Outgoing): void {
    const { message, qos, retain, subscriptionIds } = one;
    const isAgain = one.state === 'sent';
    const remove = (): void => void session.outgoing.splice(session.outgoing.indexOf(one), 1);
    if (!isAgain && message.expiresAtMs <= this.#nowMs && !this.#has('sends what has expired')) return remove();
    one.packetId = one.packetId === 0 && qos > 0 ? session.freeId() : one.packetId;
    const fields = this.#has('drops properties')
      ? {}
      : fieldsOf(message, this.#has('tells the whole expiry') ? message.atMs : this.#nowMs);
    const step = { ...fields, subscriptionIds, dup: isAgain && !this.#has('sends again without DUP') };
    const of = { topic: message.topic, payload: message.payload, qos, retain };
    const bytes = publishPacket(step, of, one.packetId, client.version, (text) => text);
    if (bytes.length > client.packetMax && !this.#has('knows no packet size')) return remove();
    one.state = 'sent';
    one.link = client.number;
    client.end.write(bytes);
    if (qos === 0) remove();
  }

  /** The client has acknowledged. */
  done(session: ModelSession, packetId: number): void {
    const at = session.outgoing.findIndex((one) => one.packetId === packetId && one.state !== 'waiting');
    if (at >= 0) session.outgoing.splice(at, 1);
    this.feed(session);
  }
}
