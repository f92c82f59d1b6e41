import type { QueueId } from '@qanat/core';
import type { OutboundExchange, Place } from '../ports.ts';
import type { InboundKnowledge } from './inbound-knowledge.ts';
import { same } from './session-entries.ts';
import type { SessionRecord } from './session-record.ts';

/** A session that this bridge has. */
export interface LocalSession {
  readonly clientId: string;
  /** Of this bridge's claims; a later claim of the same session has a higher one. */
  readonly epoch: number;
  /** Its state queue. */
  readonly queue: QueueId;
  /** As it stands in the cluster. */
  record: SessionRecord;
  version: number;
  /** Version of the fence of its exchanges; 0: it has none yet. */
  fence: number;
  /** Its pointers, by key. */
  pointers: ReadonlyMap<string, Uint8Array | undefined>;
  /** When its pointers were last saved, by the bridge's clock. */
  savedAtMs: number;
  /** Places of exchanges that have ended since it was saved. */
  finished: Place[];
  /** Of the exchanges of QoS 2 that come; undefined: it has not been asked for. */
  inbound: InboundKnowledge | undefined;
  /** The engine has it: it is asked for what is unsettled. */
  live: boolean;
}

/** A session that does not outlive its connection: nothing of it is saved. */
export const isFleeting = ({ record }: LocalSession): boolean => record.expiryInterval === 0;

/** What is saved of a session at a time. */
export interface Saving {
  readonly cursor: ReadonlyMap<string, number>;
  readonly pointers: ReadonlyMap<string, Uint8Array>;
  readonly exchanges: readonly OutboundExchange[];
  /** The ended exchanges that need not be remembered any more. */
  readonly finished: readonly Place[];
}

/** Whether what is to be saved is what was. */
export function sameEntries(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array | undefined>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !same(other, value)) return false;
  }
  return true;
}
