// Steps of the programs of this family.
import type { Json, JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

export const OPEN: Step = { op: 'open', hello: { features: [2, 3] } };
export const PLAIN: Step = { op: 'open' };
export const TOPIC: Step = { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~t', queues: 2 } };
export const REMOVE: Step = { op: 'request', frame: 'TOPIC_REMOVE', header: { topic: '~t' } };
export const FENCE: Step = { op: 'fence' };

export const ask = (frame: string, header: JsonObject, entries: readonly Json[], more: JsonObject = {}): Step => ({
  op: 'request',
  frame,
  header: { topic: '~t', ...header },
  payload: { entries },
  ...more,
});
export const write = (entries: readonly Json[], more: JsonObject = {}): Step => ask('STATE_WRITE', {}, entries, more);
export const put = (key: string, value: string, more: JsonObject = {}): Json => ({ key, value, ...more });
export const get = (...keys: readonly string[]): Step =>
  ask(
    'STATE_GET',
    {},
    keys.map((key) => ({ key })),
  );
export const scan = (header: JsonObject = {}, more: JsonObject = {}): Step => ask('STATE_SCAN', header, [], more);
export const text = (key: string): JsonObject => ({
  $hex: [...new TextEncoder().encode(key)].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
});
export const changes = (since: Json, header: JsonObject = {}, more: JsonObject = {}): Step =>
  scan({ changes: true, since, ...header }, more);
export const raw = (frame: string, hex: string): Step => ({ op: 'request', frame, header: { topic: '~t' }, payload: { hex } });
export const send = (
  dedupId: string,
  body: string,
  header: JsonObject = {},
  batch: JsonObject = {},
  more: JsonObject = {},
): Step => ({
  op: 'request',
  frame: 'SEND',
  header: { topic: '~t', dedupId, ...header },
  payload: { batch: { records: [{ body }], ...batch } },
  ...more,
});
export const KEEP = { keep: { v: 'version' } };

/** Payloads that are no list of state entries. */
export const NO_LISTS: readonly string[] = [
  '0001',
  '00010000000000000000000000000000',
  '0001000000000001000000000000000061',
  '0000000000000000000000000000000061',
  `0201000000000000${'00'.repeat(8)}${'61'.repeat(513)}`,
  '0001000400000000000000000000000061',
  '0001800000000000000000000000000061',
  '0001000200000000002000000000000061',
  '000100010000000100000000000000006162',
  '000100000000000000000000000000006100',
];

export const broker = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'keyed-state',
  name: `keyed-state-${name}`,
  role: 'broker',
  steps,
  ...more,
});

export const many = (n: number, value = ''): readonly Json[] => Array.from({ length: n }, (_, i) => put(`k${i}`, value));

export const SIZES = { size: 700_000 };
export const CUT: Partial<Program> = { needs: ['powerloss', 'settings'], alone: true, setup: { broker: { flush: 'sync' } } };
export const FULL = { log: { reserveBytes: 2 ** 50 } };
