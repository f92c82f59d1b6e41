// Steps of the directed programs.
import { encodeBatch, type RecordInit } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { hexOf, type JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { sealed } from './batch-oracle.ts';

export const OPEN: Step = { op: 'open' };
export const DRAIN: Step = { op: 'drain' };

export const topic = (queues = 2, name = '~t'): Step => ({
  op: 'request',
  frame: 'TOPIC_CREATE',
  header: { topic: name, queues },
});

/** A SEND of `batch` (as in payloads) to queue 0 of `~t`; `more` are fields of the step, `header` of the frame. */
export const send = (batch: JsonObject, more: JsonObject = {}): Step => {
  const { header = {}, ...rest } = more;
  return { op: 'request', frame: 'SEND', header: { topic: '~t', ...(header as JsonObject) }, payload: { batch }, ...rest };
};

/** A SEND of these bytes. */
export const sendHex = (hex: string, more: JsonObject = {}): Step => ({ ...send({}, more), payload: { hex } });

/** One record with a text of its own. */
export const text = (body: string, more: JsonObject = {}): JsonObject => ({ records: [{ body }], ...more });

export const initProducer = (header: JsonObject, keep: JsonObject = {}, more: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'INIT_PRODUCER',
  header,
  keep,
  ...more,
});

export const broker = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'produce',
  name,
  role: 'broker',
  steps,
  ...more,
});

const NOW_MS = 1_700_000_000_000;

interface Changes {
  readonly records?: readonly RecordInit[];
  readonly compress?: boolean;
  /** Bytes put at places, before length and checksum are set. */
  readonly patch?: readonly (readonly [number, string])[];
  /** Bytes put between header and columns. */
  readonly longer?: number;
  /** Bytes put instead of everything behind the header. */
  readonly behind?: string;
  /** Bytes put at places, behind it: length and checksum may be wrong then. */
  readonly spoil?: readonly (readonly [number, string])[];
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** A batch of one's own making: its length and checksum are right, whatever else is in it. */
export function batchHex(body: string, changes: Changes = {}): string {
  const { records, compress = false, patch = [], longer = 0, behind, spoil = [] } = changes;
  const built = encodeBatch(nodePlatform, records ?? [{ body: new TextEncoder().encode(body) }], {
    bornTimeMs: NOW_MS,
    producerId: 0,
    producerEpoch: 0,
    baseSequence: 0,
    compress,
  });
  const rest = behind === undefined ? built.slice(64) : bytesOf(behind);
  const batch = Uint8Array.from([...built.slice(0, 64), ...new Uint8Array(longer), ...rest]);
  batch[3] = (64 + longer) / 8;
  for (const [at, hex] of patch) batch.set(bytesOf(hex), at);
  const right = sealed(batch);
  for (const [at, hex] of spoil) right.set(bytesOf(hex), at);
  return hexOf(right);
}
