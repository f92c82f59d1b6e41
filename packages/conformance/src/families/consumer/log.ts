import { bytesOf, isObject, type JsonObject } from '../../json.ts';
import { filtersOf } from '../../play/drain.ts';
import { listOf, numberOf, textOf } from '../../play/program.ts';
import { type ClientRun, type Facts, once } from '../clients/facts.ts';
import { readSentBatch } from '../clients/records.ts';
import { keyOf } from './deliveries.ts';

/** A message that the kit stored. */
export interface Logged {
  readonly key: string;
  readonly topic: string;
  readonly broker: string;
  readonly offset: number;
  readonly tag: string;
  /** The note that tells of it: it was stored before. */
  readonly index: number;
  readonly ms: number;
  /** A consumer that keeps the rules can read it. */
  readonly readable: boolean;
}

/** Everything that the kit stored, by queue and offset. */
export const logOf = once(({ view, end }: Facts): ReadonlyMap<string, ReadonlyMap<number, Logged>> => {
  const log = new Map<string, Map<number, Logged>>();
  const add = (message: Logged): void => {
    const queue = log.get(message.key) ?? new Map<number, Logged>();
    log.set(message.key, queue);
    queue.set(message.offset, message);
  };
  for (const note of [...view.notes('published'), ...view.notes('stored-batch')]) {
    const args = isObject(note.args) ? note.args : {};
    if (args.stored !== true || note.index >= end.index) continue;
    const tags = note.note === 'published' ? listOf(args, 'tags') : batchTags(args);
    const [topic, broker] = [textOf(args, 'topic'), textOf(args, 'broker')];
    tags.forEach((tag, i) => {
      add({
        key: keyOf(topic, broker, numberOf(args, 'queue', 0)),
        topic,
        broker,
        offset: numberOf(args, 'offset', 0) + i,
        tag: typeof tag === 'string' ? tag : '',
        index: note.index,
        ms: note.atMs,
        readable: tag !== undefined,
      });
    });
  }
  return log;
});

/** A tag for each record of a raw batch; undefined for those that cannot be read. */
function batchTags(args: JsonObject): readonly (string | undefined)[] {
  const records = readSentBatch(bytesOf(textOf(args, 'bytes')));
  const count = numberOf(args, 'count', 0);
  return Array.from({ length: count }, (_, i) => (records.length === count ? records[i]?.tag : undefined));
}

/** Whether a message is for a client. */
export function wants({ args }: ClientRun, { topic, tag }: { readonly topic: string; readonly tag: string }): boolean {
  const filters = filtersOf(args);
  const filter = filters.get(topic);
  return filters.has(topic) && (filter === undefined || filter.has(tag));
}

export const isMember = ({ args, role }: ClientRun): boolean =>
  role === 'consumer' && textOf(args, 'mode', 'clustering') === 'clustering';

export const groupOf = ({ args }: ClientRun): string => textOf(args, 'group', 'group');
