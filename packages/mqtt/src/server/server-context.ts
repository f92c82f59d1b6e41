import { type LogFields, type LogLevel, RefusalLog, Timers } from '@qanat/core';
import { reasonName } from '../codec/reason-codes.ts';
import type { Cluster, Gate, Peer, Sockets } from '../ports.ts';
import type { Connection } from './connection.ts';
import { Figures } from './figures.ts';
import { CLIENTS_PER_TURN_MAX, type MqttLimits } from './limits.ts';
import { Output } from './output.ts';
import { hostOf } from './peer-count.ts';
import { Receivers } from './receivers.ts';
import type { Session } from './session.ts';

/** What the MQTT server stands on. */
export interface MqttServerPorts {
  readonly sockets: Sockets;
  readonly gate: Gate;
  readonly cluster: Cluster;
  readonly log: (level: LogLevel, event: string, fields: LogFields) => void;
  /**
   * Something waits to be sent, and no input is being handled: `flush` has to be called before long, at best once when the turn
   * of the event loop ends. Without it, what each `done` of the cluster brings is sent at once.
   */
  readonly wake?: () => void;
}

/** What the parts of one MQTT server share. */
export class ServerContext {
  readonly limits: MqttLimits;
  readonly cluster: Cluster;
  readonly gate: Gate;
  readonly sockets: Sockets;
  readonly #refusals: RefusalLog;
  readonly timers = new Timers();
  readonly figures = new Figures();
  readonly receivers = new Receivers();
  readonly output: Output;
  readonly connections = new Map<number, Connection>();
  /** By client id. */
  readonly sessions = new Map<string, Session>();
  /** By queue the offset behind what has `arrived`. */
  readonly arrivedTo = new Map<number, number>();
  /** A copy of `arrivedTo` as it is now; undefined: not made yet. */
  #arrivedByNow: ReadonlyMap<number, number> | undefined;
  /** Work of clients that goes on in later turns, in the order in which it was put off. */
  #putOff: (() => void)[] = [];
  nowMs = 0;
  /** Wall clock minus `nowMs`. */
  wallOffsetMs = 0;
  stopping = false;
  readonly #wake: (() => void) | undefined;
  #woken = false;
  #inputs = 0;

  constructor(limits: MqttLimits, ports: MqttServerPorts) {
    this.limits = limits;
    this.cluster = ports.cluster;
    this.gate = ports.gate;
    this.sockets = ports.sockets;
    this.#refusals = new RefusalLog((event, fields) => ports.log('warn', event, fields));
    this.#wake = ports.wake;
    this.output = new Output(ports.sockets);
  }

  /** ms since 1970. */
  get wallMs(): number {
    return this.nowMs + this.wallOffsetMs;
  }

  /** Messages have arrived in a queue, up to an offset. */
  arrived(queue: number, to: number): void {
    this.arrivedTo.set(queue, to);
    this.#arrivedByNow = undefined;
  }

  /** Messages pass that nobody here wants: how far queues have arrived is not known any more. */
  passedOver(): void {
    this.arrivedTo.clear();
    this.#arrivedByNow = undefined;
  }

  /** `arrivedTo` as it is now, to be compared with later. */
  arrivedByNow(): ReadonlyMap<number, number> {
    this.#arrivedByNow ??= new Map(this.arrivedTo);
    return this.#arrivedByNow;
  }

  /** Goes on with the work of a client in a later turn of the event loop, after others have been served. */
  putOff(work: () => void): void {
    this.#putOff.push(work);
    // Whoever drives this asks for the next deadline only when it was called.
    if (this.#putOff.length === 1) this.#wake?.();
  }

  /** When something is due. */
  nextDeadlineMs(): number | undefined {
    return this.#putOff.length > 0 ? this.nowMs : this.timers.nextDeadlineMs();
  }

  tick(): void {
    for (const work of this.#putOff.splice(0, CLIENTS_PER_TURN_MAX)) work();
    this.timers.tick(this.nowMs);
  }

  /** Tells operators of a client that is refused or ended, the same of one host, user and reason once a minute. */
  tellRefusal(event: string, peer: Peer, { reason, ...fields }: LogFields & { readonly reason?: number }): void {
    const named = reason === undefined ? {} : { reason: reasonName(reason) };
    const key = [event, hostOf(peer), fields.user, named.reason, fields.why].join(' ');
    this.#refusals.tell(this.nowMs, event, key, { ...fields, ...named, peer: peer.address });
  }

  /** Handles an input, and sends what came of it. Inputs within inputs are part of them. */
  input(nowMs: number, handle: () => void): void {
    this.nowMs = Math.max(nowMs, this.nowMs);
    this.#inputs++;
    try {
      handle();
    } finally {
      this.#inputs--;
    }
    if (this.#inputs === 0) this.flush();
  }

  /** Sends what waits. */
  flush(): void {
    this.#woken = false;
    this.output.flush();
  }

  /** Wraps a `done` of a port: what it brings is sent soon. */
  answered(): void {
    if (this.#inputs > 0 || !this.output.waits || this.#woken) return;
    if (this.#wake === undefined) return this.flush();
    this.#woken = true;
    this.#wake();
  }
}
