import type { ClientEvent, QueueId } from '@qanat/core';
import { noteOfEvent } from './client-events.ts';
import type { Diagnostics } from './output/diagnostics.ts';

/** Brokers grant queues one by one: what comes within this time is told in one line. */
const GATHER_MS = 100;

type Move = Extract<ClientEvent, { readonly kind: 'assigned' | 'revoked' }>;

/** Tells the events of a client on standard error. */
export class EventTeller {
  readonly #diagnostics: Diagnostics;
  /** A reader without a group holds every queue: no news. */
  readonly #tellsMoves: boolean;
  #gathered: Move | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(diagnostics: Diagnostics, tellsMoves: boolean) {
    this.#diagnostics = diagnostics;
    this.#tellsMoves = tellsMoves;
  }

  tell(event: ClientEvent): void {
    if (event.kind === 'assigned' || event.kind === 'revoked') {
      if (this.#tellsMoves) this.#gather(event);
      return;
    }
    this.flush();
    this.#diagnostics.note(noteOfEvent(event));
  }

  /** Tells what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    const event = this.#gathered;
    this.#gathered = undefined;
    if (event !== undefined) this.#diagnostics.note(noteOfEvent(event));
  }

  #gather(event: Move): void {
    if (this.#gathered?.kind !== event.kind) {
      this.flush();
      this.#gathered = event;
      this.#timer = setTimeout(() => this.flush(), GATHER_MS);
      return;
    }
    const queues: readonly QueueId[] = [...this.#gathered.queues, ...event.queues];
    this.#gathered = { ...this.#gathered, queues };
  }
}
