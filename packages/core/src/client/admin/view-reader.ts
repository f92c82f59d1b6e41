import { QanatError } from '../../errors.ts';
import type { ClientHost } from '../host.ts';
import type { RouteCache } from '../route-cache.ts';
import { type ClusterView, readView } from './cluster-view.ts';

export type ViewDone = (error: QanatError | undefined, view: ClusterView, leftMs: number) => void;

interface Reader {
  readonly dueMs: number;
  readonly done: ViewDone;
  ended: boolean;
}

/**
 * Reads what a NameServer knows of the whole cluster. A view of ten thousand topics is half a megabyte: calls that come while an
 * answer is on its way share the next question, so that each sees a view that was asked for after its call.
 */
export class ViewReader {
  readonly #host: ClientHost & { readonly routes: RouteCache };
  #waiting: Reader[] = [];
  #asking = false;

  constructor(host: ClientHost & { readonly routes: RouteCache }) {
    this.#host = host;
  }

  /** `done` is called once, with what is left of the time. */
  read(timeoutMs: number, done: ViewDone): void {
    const { engine } = this.#host;
    const reader = { dueMs: engine.nowMs() + timeoutMs, done, ended: false };
    this.#waiting.push(reader);
    if (!this.#asking) return this.#ask();
    engine.timers.at(reader.dueMs, () => {
      this.#waiting = this.#waiting.filter((other) => other !== reader);
      const late = new QanatError('CONNECTION_FAILED', 'no NameServer answered in time', { outcome: 'not-sent' });
      this.#end(reader, late, readView([]));
    });
  }

  #ask(): void {
    const { engine, routes } = this.#host;
    const readers = this.#waiting;
    this.#waiting = [];
    this.#asking = true;
    const dueMs = readers.reduce((latest, reader) => Math.max(latest, reader.dueMs), 0);
    routes.link.askAny({ all: true }, Math.max(1, dueMs - engine.nowMs()), (error, pages, nameServer) => {
      const view = readView(pages);
      for (const broker of view.brokers) routes.directory.update(broker, nameServer);
      this.#asking = false;
      if (this.#waiting.length > 0) this.#ask();
      for (const reader of readers) this.#end(reader, error, view);
    });
  }

  #end(reader: Reader, error: QanatError | undefined, view: ClusterView): void {
    if (reader.ended) return;
    reader.ended = true;
    reader.done(error, view, Math.max(1, reader.dueMs - this.#host.engine.nowMs()));
  }
}
