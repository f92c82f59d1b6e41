import type { BrokerPool } from '../broker-pool.ts';
import type { ClientHost, ClientPart } from '../host.ts';
import type { RouteCache } from '../route-cache.ts';

/** What a producer needs of its client. */
export interface ProducerHost extends ClientHost {
  readonly routes: RouteCache;
  readonly pool: BrokerPool;
  attach(part: ClientPart): () => void;
}
