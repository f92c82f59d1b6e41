import { StateRecord } from '../../packages/core/src/wire/gen/messages.ts';
import { codecTarget } from './header.mjs';

const ID = new Uint8Array(16).fill(1);

export const RECORDS = [
  { termStarted: { term: 3 } },
  { topicChanged: { topicId: 1, topic: 'orders', queues: 4 } },
  { topicRemoved: { topicId: 1 } },
  { producerNamed: { name: 'p', producerId: 5, epoch: 2 } },
];

export default codecTarget(StateRecord, () => [
  ...RECORDS.flatMap((record) => {
    try {
      return [StateRecord.encode(record)];
    } catch {
      return [];
    }
  }),
  ID,
]);
