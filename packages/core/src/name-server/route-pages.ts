import type { BrokerRouteInit, BrokerShareInit, RouteInit, RoutesInit } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/** A frame is full at three quarters of what a control header may have: the estimate of sizes is coarse. */
const PAGE_BYTES = (LIMITS.CONTROL_HEADER_BYTES_MAX * 3) / 4;
/** Tags, lengths and numbers around the texts of an item, at most. */
const ITEM_BYTES = 24;

const shareBytes = (share: BrokerShareInit | undefined): number => (share?.broker?.length ?? 0) + ITEM_BYTES;

/** Lays routes out in frames that MORE joins; the shares of one topic may go over several frames (spec, chapter of routes). */
export class RoutePages {
  readonly #pages: { routes: RouteInit[]; brokers: BrokerRouteInit[] }[] = [{ routes: [], brokers: [] }];
  #bytes = 0;
  #items = 0;

  addRoute(topic: string, code: number, shares: readonly BrokerShareInit[]): void {
    this.#room(topic.length + ITEM_BYTES + shareBytes(shares[0]));
    let list: BrokerShareInit[] = [];
    this.#last().routes.push({ topic, code, shares: list });
    shares.forEach((share, i) => {
      if (i > 0 && this.#room(shareBytes(share))) {
        list = [];
        this.#last().routes.push({ topic, code, shares: list });
      }
      list.push(share);
    });
  }

  addBroker(broker: BrokerRouteInit): void {
    const endpoints = (broker.endpoints ?? []).reduce(
      (sum, e) => sum + (e.address?.length ?? 0) + (e.listener?.length ?? 0) + ITEM_BYTES,
      0,
    );
    this.#room(endpoints + (broker.broker?.length ?? 0) + (broker.cluster?.length ?? 0) + 3 * ITEM_BYTES);
    this.#last().brokers.push(broker);
  }

  /** At least one page. */
  pages(): readonly RoutesInit[] {
    return this.#pages;
  }

  #last(): { routes: RouteInit[]; brokers: BrokerRouteInit[] } {
    return this.#pages[this.#pages.length - 1] as { routes: RouteInit[]; brokers: BrokerRouteInit[] };
  }

  /** Makes room for an item. @returns whether a new page was begun. */
  #room(bytes: number): boolean {
    const full = this.#bytes + bytes > PAGE_BYTES || this.#items >= LIMITS.LIST_ITEMS_MAX - 1;
    if (full) {
      this.#pages.push({ routes: [], brokers: [] });
      this.#bytes = 0;
      this.#items = 0;
    }
    this.#bytes += bytes;
    this.#items++;
    return full;
  }
}
