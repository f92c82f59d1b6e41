import type { Program, Step } from '../../play/program.ts';
import { broker, FENCE, get, OPEN, put, scan, send, TOPIC, write } from './steps.ts';

const INIT: Step = { op: 'request', frame: 'INIT_PRODUCER', header: {}, keep: { p: 'producerId', e: 'producerEpoch' } };
const numbered = (dedupId: string, baseSequence: number): Step =>
  send(dedupId, `m${baseSequence}`, {}, { producerId: '$p', producerEpoch: '$e', baseSequence });

export const DEDUP_PROGRAMS: readonly Program[] = [
  broker('stores-once', [
    OPEN,
    TOPIC,
    send('', 'before'),
    send('d/1', 'x'),
    get('d/1'),
    send('d/1', 'x'),
    send('d/1', 'another'),
    send('d/2', 'y'),
    get('d/1', 'd/2'),
    send('d/1', 'x', { queue: 1 }),
    write([put('d/3', 'text'), { key: 'd/4', valueHex: '0000000000000007' }, { key: 'd/5', valueHex: 'ffffffffffffffff' }]),
    send('d/3', 'z'),
    send('d/4', 'z'),
    send('d/5', 'z'),
    write([{ key: 'd/1', remove: true }]),
    send('d/1', 'x'),
    get('d/1'),
    scan(),
  ]),
  broker('dedup-without-acknowledgement', [
    OPEN,
    TOPIC,
    send('d/1', 'x', { ack: 2 }),
    {
      op: 'oneWay',
      frame: 'SEND',
      header: { topic: '~t', dedupId: 'd/2', ack: 2 },
      payload: { batch: { records: [{ body: 'y' }] } },
    },
    FENCE,
    get('d/1', 'd/2'),
    send('d/2', 'y'),
  ]),
  broker('dedup-of-what-is-on-its-way', [
    OPEN,
    TOPIC,
    send('d/1', 'x', {}, {}, { wait: false }),
    send('d/1', 'x', {}, {}, { wait: false }),
    send('d/2', 'y', {}, {}, { wait: false }),
    send('d/1', 'x'),
    FENCE,
    get('d/1', 'd/2'),
  ]),
  broker('dedup-of-producers', [
    OPEN,
    TOPIC,
    INIT,
    numbered('d/0', 0),
    numbered('d/1', 1),
    // The producer's own numbers come first: they know the batch although the id is free.
    write([{ key: 'd/1', remove: true }]),
    numbered('d/1', 1),
    // The id comes next: a number that leaves a gap is a duplicate, and only without one a gap.
    numbered('d/0', 9),
    numbered('d/9', 9),
    get('d/9'),
    // A duplicate uses the next number.
    numbered('d/0', 2),
    numbered('', 3),
    numbered('d/0', 4),
    numbered('', 4),
    numbered('d/5', 5),
    get('d/0', 'd/5'),
  ]),
];
