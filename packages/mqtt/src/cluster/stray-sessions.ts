import type { ClaimSlots } from './claim-slots.ts';
import type { Liveness } from './liveness.ts';
import { isConflict, type SessionStore } from './session-entries.ts';
import type { KnownSession, SessionMirror } from './session-mirror.ts';
import type { SessionRecord } from './session-record.ts';
import type { Sequences } from './waiting.ts';

export interface StraysScope {
  readonly store: SessionStore;
  readonly mirror: SessionMirror;
  readonly liveness: Liveness;
  readonly slots: ClaimSlots;
  /** Of clients: while something is under way for one, its session is no stray. */
  readonly sequences: Sequences;
  /** Whether this bridge has the session of a key. */
  readonly has: (key: string) => boolean;
  readonly wallMs: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Sessions that this bridge does not have although their records name it: a claim was given up, and nobody heard what became of
 * it. Others would take them for online.
 */
export class StraySessions {
  readonly #scope: StraysScope;
  /** Keys of records that named this bridge when it did not have their session: most belong to a claim that is under way. */
  readonly #keys = new Set<string>();

  constructor(scope: StraysScope) {
    this.#scope = scope;
  }

  /** What the mirror tells of a session. */
  changed(key: string, { record }: KnownSession): void {
    if (this.#isStray(key, record)) this.#keys.add(key);
  }

  /** Gives them back. Those that cannot be now are with the next call. */
  sweep(): void {
    const { mirror, sequences } = this.#scope;
    for (const key of this.#keys) {
      const known = mirror.sessions.get(key);
      if (known === undefined || !this.#isStray(key, known.record)) this.#keys.delete(key);
      else if (!sequences.has(known.record.clientId)) this.#giveBack(key, known);
    }
  }

  #isStray(key: string, { owner }: SessionRecord): boolean {
    return owner === this.#scope.liveness.instance && !this.#scope.has(key);
  }

  /** CONNACK never left, so there is no will yet [MQTT-3.1.2-7]. */
  #giveBack(key: string, { queue, record: { clientId } }: KnownSession): void {
    const { store, slots, sequences, wallMs, onTrouble } = this.#scope;
    const work = async (): Promise<void> => {
      // The mirror is a little late.
      const found = await store.read(queue, clientId);
      if (found === undefined || !this.#isStray(key, found.record)) return;
      const offline = { owner: undefined, offlineSinceMs: wallMs(), will: undefined, willDueMs: 0 };
      await store.replace(queue, { ...found.record, ...offline }, found.version, [], () => false);
    };
    sequences
      .run(clientId, () => slots.run(queue, work))
      .catch((error: unknown) => {
        if (!isConflict(error)) onTrouble(error);
      });
  }
}
