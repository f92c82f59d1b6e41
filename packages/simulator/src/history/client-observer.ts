import { decodeFrame, type Input, joinParts, type LiveFrame, type Output } from '@qanat/core';
import type { History } from './history.ts';
import type { EngineObserver } from './observed-engine.ts';
import { frameNameOf, requestOf } from './wire-facts.ts';

/** What must not be asked of a server that said that it leaves (spec, chapter of connections). */
const NEW_WORK: ReadonlySet<LiveFrame> = new Set(['SEND', 'PULL', 'INIT_PRODUCER']);

/** Writes down when a client's members subscribe, and what it asks of servers that have said GOAWAY. */
export class ClientObserver implements EngineObserver {
  readonly #node: string;
  readonly #history: History;
  readonly #leaving = new Set<number>();
  /** Told in the present burst of inputs: what leaves with it may have been asked before. */
  readonly #told = new Set<number>();

  constructor(node: string, history: History) {
    this.#node = node;
    this.#history = history;
  }

  input(input: Input): void {
    if (input.kind === 'frame' && frameNameOf(input.frame) === 'GOAWAY') this.#told.add(input.connection);
    else if (input.kind === 'closed') {
      this.#told.delete(input.connection);
      this.#leaving.delete(input.connection);
    }
  }

  output(output: Output): void {
    if (output.kind !== 'send') return;
    const name = frameNameOf(output.parts[0] as Uint8Array);
    if (name === undefined) return;
    if (name === 'CLIENT_HEARTBEAT') this.#heartbeat(output.parts);
    if (NEW_WORK.has(name) && this.#leaving.has(output.connection))
      this.#history.add({ kind: 'askedAfterGoAway', node: this.#node, frame: name });
  }

  drained(): void {
    for (const connection of this.#told) this.#leaving.add(connection);
    this.#told.clear();
  }

  #heartbeat(parts: readonly Uint8Array[]): void {
    const { group, member, joinedAgoMs, subscription } = requestOf('CLIENT_HEARTBEAT', decodeFrame(joinParts(parts)));
    if (subscription === undefined) return;
    this.#history.add({ kind: 'subscribed', phase: 'sent', node: this.#node, group, member, joinedAgoMs });
  }
}
