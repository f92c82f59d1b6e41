import type { ClusterEvents } from '@qanat/mqtt';

/** Keeps what the cluster tells before there is a server to hear it. */
export class EarlyEvents implements ClusterEvents {
  readonly #kept: ((events: ClusterEvents) => void)[] = [];
  #target: ClusterEvents = this;

  /** To whom the cluster speaks now. */
  get target(): ClusterEvents {
    return this.#target;
  }

  /** From now on the cluster speaks to the server, which first hears what was kept. */
  lead(server: ClusterEvents): void {
    this.#target = server;
    for (const tell of this.#kept.splice(0)) tell(server);
  }

  listens(): boolean {
    return true;
  }

  arrived(...told: Parameters<ClusterEvents['arrived']>): void {
    this.#kept.push((events) => events.arrived(...told));
  }

  takenOver(...told: Parameters<ClusterEvents['takenOver']>): void {
    this.#kept.push((events) => events.takenOver(...told));
  }

  setOffline(...told: Parameters<ClusterEvents['setOffline']>): void {
    this.#kept.push((events) => events.setOffline(...told));
  }

  shared(...told: Parameters<ClusterEvents['shared']>): void {
    this.#kept.push((events) => events.shared(...told));
  }

  unsettled(): ReturnType<ClusterEvents['unsettled']> {
    return [];
  }

  ready(...told: Parameters<ClusterEvents['ready']>): void {
    this.#kept.push((events) => events.ready(...told));
  }
}
