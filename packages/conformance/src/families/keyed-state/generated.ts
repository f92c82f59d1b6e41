import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

const key = fc.constantFrom('a', 'b', 'b/1', 'b/2', 'c');
const hexKey = fc.constantFrom('', '61', '62', '622f', '63');

const change = fc.record(
  { key, value: fc.constantFrom('', '1', '22'), remove: fc.boolean(), expect: fc.constantFrom<string | number>(0, '$v', '$w') },
  { requiredKeys: ['key'] },
);

const writing = fc
  .record({ entries: fc.array(change, { minLength: 1, maxLength: 4 }), keep: fc.constantFrom('v', 'w'), wait: fc.boolean() })
  .map(({ entries, keep, wait }) => ({
    ...{ op: 'request', frame: 'STATE_WRITE', header: { topic: '~t' }, payload: { entries } },
    ...{ keep: { [keep]: 'version' }, wait },
  }));

const getting = fc.array(key, { minLength: 1, maxLength: 4 }).map((keys) => ({
  ...{ op: 'request', frame: 'STATE_GET', header: { topic: '~t' }, payload: { entries: keys.map((one) => ({ key: one })) } },
}));

const scanning = fc
  .record({ prefix: hexKey, after: hexKey, limit: fc.constantFrom(0, 0, 1, 2) })
  .map(({ prefix, after, limit }) => ({
    ...{ op: 'request', frame: 'STATE_SCAN' },
    header: { topic: '~t', prefix: { $hex: prefix }, after: { $hex: after }, limit },
  }));

const watching = fc
  .record({ prefix: hexKey, since: fc.constantFrom<string | number>(0, '$v', '$w') })
  .map(({ prefix, since }) => ({
    ...{ op: 'request', frame: 'STATE_SCAN' },
    header: { topic: '~t', prefix: { $hex: prefix }, changes: true, since },
  }));

const sending = fc.record({ dedupId: fc.constantFrom('a', 'b/1', 'd', 'e'), wait: fc.boolean() }).map(({ dedupId, wait }) => ({
  ...{
    op: 'request',
    frame: 'SEND',
    header: { topic: '~t', dedupId },
    payload: { batch: { records: [{ body: dedupId }] } },
    wait,
  },
}));

const other = fc.constantFrom<Step>(
  { op: 'fence' },
  { op: 'request', frame: 'TOPIC_REMOVE', header: { topic: '~t' } },
  { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~t', queues: 2 } },
  { op: 'die', how: 'kill' },
  { op: 'die', how: 'stop' },
  { op: 'open', hello: { features: [2, 3] } },
);

const step = fc.oneof(
  { weight: 5, arbitrary: writing },
  { weight: 3, arbitrary: getting },
  { weight: 2, arbitrary: scanning },
  { weight: 2, arbitrary: watching },
  { weight: 3, arbitrary: sending },
  { weight: 2, arbitrary: other },
);

export const generated: GeneratedPrograms = {
  alone: true,
  steps: fc
    .array(step as fc.Arbitrary<Step>, { minLength: 4, maxLength: 30, size: 'max' })
    .map((steps) => [
      { op: 'open', hello: { features: [2, 3] } },
      { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~t', queues: 2 } },
      ...steps,
    ]),
};
