import type { CallDone, Driver, Manifest } from '../driver/driver.ts';
import type { Json, JsonObject } from '../json.ts';

/** What a driver of a client does that does no work. */
export const DEGENERATE_CLIENTS = [
  'claims that all went well',
  'fails always',
  'never answers',
  'unsupported',
  'tells what was never sent',
] as const;

export type DegenerateClientName = (typeof DEGENERATE_CLIENTS)[number];

/** A driver without a client behind it. */
export class DegenerateClient implements Driver {
  readonly manifest: Manifest;
  readonly #name: DegenerateClientName;
  #tell: (event: string, client: string, args: Json) => void = () => {};

  constructor(name: DegenerateClientName, role: 'producer' | 'consumer') {
    this.#name = name;
    this.manifest = { name, version: '0', roles: [role], abilities: ['policy', 'abandon', 'events', 'batch'] };
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    switch (this.#name) {
      case 'never answers':
        return;
      case 'fails always':
        return done({ kind: 'failed', text: 'no' }, null);
      case 'unsupported':
        return done({ kind: 'unsupported' }, null);
      case 'tells what was never sent':
        if (op === 'consumer.start')
          this.#tell('delivered', String(args.client ?? 'c'), {
            topic: 'orders',
            broker: 'broker-a',
            queue: 0,
            offset: 0,
            body: 'm0.0',
            attempt: 1,
          });
        return done(undefined, op === 'send' ? RECEIPT : {});
      default:
        return done(undefined, op === 'send' ? RECEIPT : {});
    }
  }

  onTold(listener: (event: string, client: string, args: Json) => void): void {
    this.#tell = listener;
  }

  async close(): Promise<void> {}
}

const RECEIPT: Json = [{ broker: 'broker-a', queue: 0, offset: 0, duplicate: false, count: 1 }];
