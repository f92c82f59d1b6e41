import { SnapshotStore } from '../../packages/core/src/broker/log/snapshot-store.ts';
import { writeUint32At } from '../../packages/core/src/wire/bytes.ts';
import { Snapshot } from '../../packages/core/src/wire/gen/messages.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { codecTarget } from './header.mjs';
import { concat, must } from './rules.mjs';

const POSITION = 5;
const NAME = `snap/${String(POSITION).padStart(20, '0')}.snap`;
const codec = codecTarget(Snapshot, () => []);

/** Puts the checksum in front of the rest. */
function mend(input) {
  if (input.length >= 4) writeUint32At(input, 0, nodePlatform.crc32(input.subarray(4), 0));
  return input;
}

const snapshot = {
  position: POSITION,
  storeId: new Uint8Array(16).fill(2),
  term: 3,
  nextTopicId: 2,
  topics: [{ topicId: 1, topic: 'orders', queues: [{ nextOffset: 7 }] }],
};

export default {
  seeds: () => [mend(concat([new Uint8Array(4), Snapshot.encode(snapshot)]))],
  mend,
  run(input) {
    const reports = [];
    const store = new SnapshotStore({ log: (_level, event) => reports.push(event) }, nodePlatform);
    const task = store.newest([{ name: NAME, size: input.length }]);
    must(task.next().value.op === 'read', 'it does not read');
    const read = task.next(input);
    must(read.done === true, 'it reads twice');
    must((read.value === undefined) === (reports.length === 1), 'a damaged snapshot is not reported');
    if (read.value !== undefined) codec.run(input.subarray(4));
  },
};
