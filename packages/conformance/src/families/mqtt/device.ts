import { joinParts } from '@qanat/core';
import type { Link } from '../../ground/ground.ts';
import type { Play } from '../../play/play.ts';
import type { DeviceSession } from './device-session.ts';
import { encoded } from './sent-packets.ts';
import { WireError } from './wire/byte-reader.ts';
import { type Packet, type PacketName, packetEnd, readPacket, type Version } from './wire/packet.ts';

/** How a device of the kit behaves beside what its program says. */
export interface DeviceHabits {
  readonly version: Version;
  /** Packets that it does not answer until it is told to. */
  readonly holds: ReadonlySet<string>;
  /** It drops its link instead of answering the n-th packet of this type. */
  readonly dropAt: { readonly packet: string; readonly nth: number } | undefined;
  /** Resends what is not acknowledged when its session is resumed, as a client has to. */
  readonly resends: boolean;
}

const ANSWERS: Readonly<Partial<Record<PacketName, string>>> = { PUBREC: 'pubrel', PUBREL: 'pubcomp' };

/** One connection of a device: it notes what it sends and what comes, and answers as a client has to. */
export class Device {
  readonly number: number;
  readonly session: DeviceSession;
  readonly habits: DeviceHabits;
  readonly #play: Play;
  readonly #link: Link;
  state: 'opening' | 'open' | 'closed' = 'opening';
  connack: Packet | undefined;
  /** Packets that came, by type. */
  readonly counts = new Map<PacketName, number>();
  received = 0;
  /** Packet ids of SUBSCRIBE and UNSUBSCRIBE that were answered. */
  readonly answered = new Set<number>();
  readonly #held: Packet[] = [];
  #pending: Uint8Array = new Uint8Array(0);
  #endedHere = false;
  #isBroken = false;
  #greeting: Uint8Array | undefined;

  constructor(play: Play, session: DeviceSession, habits: DeviceHabits, greeting: Uint8Array) {
    this.#play = play;
    this.session = session;
    this.habits = habits;
    this.number = play.nextConnection++;
    this.#greeting = greeting;
    this.#link = play.ground.dial(
      play.address,
      {
        onOpen: () => this.#opened(),
        onBytes: (bytes) => this.#take(bytes),
        onClose: (error) => this.#closed(error?.message),
      },
      new Uint8Array(0),
    );
    play.links.push({ destroy: () => this.#leave() });
  }

  /** Sends whole packets, and notes them. */
  send(bytes: Uint8Array): void {
    if (this.state === 'closed' || this.#endedHere) return;
    this.#play.history.add({ kind: 'packet', connection: this.number, from: 'kit', bytes });
    this.#link.write(bytes);
  }

  /** Sends bytes that are no packet, or are none that a client may send. */
  sendRaw(bytes: Uint8Array): void {
    if (this.state === 'closed' || this.#endedHere || bytes.length === 0) return;
    this.#play.history.add({ kind: 'bytes', connection: this.number, from: 'kit', bytes });
    this.#link.write(bytes);
  }

  /** The program is over: nothing is noted any more. */
  #leave(): void {
    this.#endedHere = true;
    this.state = 'closed';
    this.#link.destroy();
  }

  drop(): void {
    this.#endedHere = true;
    this.#link.destroy();
    this.#closed(undefined);
  }

  end(): void {
    this.#endedHere = true;
    this.#link.end();
  }

  setReading(on: boolean): void {
    if (this.state === 'closed') return;
    this.#play.note('reading', { connection: this.number, on });
    this.#link.setReading(on);
  }

  countOf(name: PacketName): number {
    return this.counts.get(name) ?? 0;
  }

  /** Answers what it has held back, in order; `most` of it. */
  release(most = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < most && this.#held.length > 0; i++) this.#answer(this.#held.shift() as Packet);
  }

  #opened(): void {
    if (this.state === 'closed') return;
    this.state = 'open';
    this.#play.history.add({ kind: 'opened', connection: this.number, by: 'kit', node: 'subject', binding: 'tcp' });
    if (this.#greeting === undefined || this.#greeting.length === 0) return;
    this.send(this.#greeting);
  }

  #take(bytes: Uint8Array): void {
    // Behind what is no packet nothing can be read.
    if (this.#isBroken || this.#endedHere) return;
    const all = this.#pending.length === 0 ? bytes : joinParts([this.#pending, bytes]);
    let at = 0;
    try {
      for (let end = packetEnd(all, at); end !== undefined; end = packetEnd(all, at)) {
        this.#packet(all.slice(at, end));
        at = end;
        if (this.#endedHere) return;
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#isBroken = true;
      this.#play.history.add({ kind: 'broken', connection: this.number, why: error.message, bytes: all.slice(at) });
    }
    this.#pending = all.slice(at);
  }

  #packet(bytes: Uint8Array): void {
    // Behind the event, whoever waits for the packet looks again.
    const packet = tried(bytes, this.habits.version);
    if (packet !== undefined) this.#see(packet);
    this.received++;
    this.#play.history.add({ kind: 'packet', connection: this.number, from: 'subject', bytes });
    if (packet !== undefined) this.#react(packet);
  }

  #see(packet: Packet): void {
    this.counts.set(packet.name, this.countOf(packet.name) + 1);
    if (packet.name === 'CONNACK') this.connack = packet;
    if ((packet.name === 'SUBACK' || packet.name === 'UNSUBACK') && packet.packetId !== undefined)
      this.answered.add(packet.packetId);
  }

  #react(packet: Packet): void {
    const { holds, dropAt } = this.habits;
    if (dropAt?.packet === packet.name && this.countOf(packet.name) === dropAt.nth) return this.drop();
    if (packet.name === 'CONNACK' && packet.reason === 0) return this.#welcomed(packet);
    if (holds.has(packet.name)) this.#held.push(packet);
    else this.#answer(packet);
  }

  /** The session goes on, or is a new one. */
  #welcomed({ sessionPresent = false }: Packet): void {
    if (!sessionPresent) return this.session.forget();
    if (!this.habits.resends) return;
    for (const bytes of this.session.unacknowledged(this.habits.version)) this.send(bytes);
  }

  #answer({ name, packetId = 0, qos = 0, reason = 0 }: Packet): void {
    const { version } = this.habits;
    if (name === 'PUBLISH' && qos > 0) this.send(encoded({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: packetId }, version));
    if (name === 'PUBACK' || name === 'PUBCOMP' || (name === 'PUBREC' && reason >= 0x80)) return this.session.done(packetId);
    const answer = ANSWERS[name];
    if (answer === undefined) return;
    if (name === 'PUBREC') this.session.recorded(packetId);
    this.send(encoded({ cmd: answer, messageId: packetId }, version));
  }

  #closed(why: string | undefined): void {
    if (this.state === 'closed') return;
    const wasOpen = this.state === 'open';
    this.state = 'closed';
    const { history } = this.#play;
    const of = { connection: this.number };
    if (!wasOpen) history.add({ kind: 'refused', ...of, node: 'subject', why: why ?? 'closed before it was open' });
    else history.add({ kind: 'closed', ...of, by: this.#endedHere ? 'kit' : 'subject', clean: why === undefined });
  }
}

/** What cannot be read stands in the history: the clauses say what is wrong with it. */
function tried(bytes: Uint8Array, version: Version): Packet | undefined {
  try {
    return readPacket(bytes, version);
  } catch {
    return undefined;
  }
}
