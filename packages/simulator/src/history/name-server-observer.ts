import { decodeFrame, type Input, joinParts, LIMITS, type Output } from '@qanat/core';
import type { History } from './history.ts';
import type { EngineObserver } from './observed-engine.ts';
import { errorCodeOf, frameNameOf, isResponse, requestOf, responseOf } from './wire-facts.ts';

export interface NameServerObserverOptions {
  readonly node: string;
  readonly history: History;
  readonly nowMs: () => number;
  /** Silence of a broker that it bears. */
  readonly expiryMs: number;
  /** Time without a connection that it bears. Default BROKER_LOST_MS. */
  readonly lostMs?: number;
}

interface Heard {
  readonly connection: number;
  readonly atMs: number;
}

/** Writes down which brokers a NameServer gives up, and how long it had not heard of them. */
export class NameServerObserver implements EngineObserver {
  readonly #options: NameServerObserverOptions;
  readonly #asked = new Map<string, string>();
  readonly #heard = new Map<string, Heard>();
  readonly #closedAtMs = new Map<number, number>();
  /** Brokers that said that they stop. */
  readonly #stopped = new Set<string>();

  constructor(options: NameServerObserverOptions) {
    this.#options = options;
  }

  input(input: Input): void {
    if (input.kind === 'closed') this.#closedAtMs.set(input.connection, this.#options.nowMs());
    if (input.kind !== 'frame') return;
    const name = frameNameOf(input.frame);
    if (name !== 'BROKER_HEARTBEAT' && name !== 'REGISTER_BROKER' && name !== 'UNREGISTER_BROKER') return;
    const frame = decodeFrame(input.frame);
    if (isResponse(frame)) return;
    const { broker: group, replica } = requestOf(name, frame);
    const broker = nodeOf(group, replica);
    if (name === 'UNREGISTER_BROKER') this.#stopped.add(broker);
    else this.#asked.set(`${input.connection} ${frame.correlation}`, broker);
  }

  output(output: Output): void {
    if (output.kind === 'send') this.#answered(output.connection, output.parts);
    if (output.kind !== 'log' || output.event !== 'broker is away') return;
    const { node, history, expiryMs, lostMs = LIMITS.BROKER_LOST_MS } = this.#options;
    const who = nodeOf(String(output.fields.broker), Number(output.fields.replica ?? 0));
    if (this.#stopped.has(who)) return;
    const heard = this.#heard.get(who);
    history.add({
      kind: 'expired',
      node,
      who,
      allowedMs: expiryMs,
      lostAllowedMs: lostMs,
      heardAtMs: heard?.atMs,
      lostAtMs: heard === undefined ? undefined : this.#closedAtMs.get(heard.connection),
    });
  }

  /** A broker is heard when its registration or heartbeat is taken, not when it is refused. */
  #answered(connection: number, parts: readonly Uint8Array[]): void {
    const name = frameNameOf(parts[0] as Uint8Array);
    if (name !== 'BROKER_HEARTBEAT' && name !== 'REGISTER_BROKER') return;
    const frame = decodeFrame(joinParts(parts));
    const asked = `${connection} ${frame.correlation}`;
    const broker = this.#asked.get(asked);
    this.#asked.delete(asked);
    if (broker === undefined || errorCodeOf(frame) !== undefined) return;
    if (name === 'BROKER_HEARTBEAT' && responseOf(name, frame).register) return;
    this.#stopped.delete(broker);
    this.#heard.set(broker, { connection, atMs: this.#options.nowMs() });
  }
}

/** What the host of a replica is called. */
const nodeOf = (group: string, replica: number): string => (replica === 0 ? group : `${group}-${replica}`);
