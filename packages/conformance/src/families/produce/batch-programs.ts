import type { Program, Step } from '../../play/program.ts';
import { batchHex, broker, DRAIN, OPEN, send, sendHex, text, topic } from './steps.ts';

const ACK_NONE = 2;

const TAGGED = [{ body: new TextEncoder().encode('x'), tag: 'red', key: 'k' }];
const LONG = [{ body: new Uint8Array(400).fill(0x61) }];

/** Batches that a broker has to take, however odd. */
const ODD: readonly string[] = [
  batchHex('ignored bits', { patch: [[36, 'fc00']] }),
  batchHex('longer header', { longer: 8 }),
  batchHex('longer still', { records: TAGGED, longer: 64 }),
  batchHex("broker's fields", { patch: [[8, '000000000000002a0000000912345678000000000000ffff']] }),
  batchHex('deflated', { records: LONG, compress: true }),
  batchHex('no records', { behind: 'ffffffffffffffffffff' }),
  batchHex('nothing behind', { behind: '' }),
  batchHex('no deflate', { records: LONG, behind: '00000400ffffffff', patch: [[36, '0001']] }),
  batchHex('more than it says', { patch: [[40, '00001000']] }),
  batchHex('wrong sums', { records: TAGGED, patch: [[64, '0102030405060708']] }),
];

/** Batches that a broker refuses, one for each line of the decode order, with all that comes later in order. */
const BAD: readonly string[] = [
  batchHex('').slice(0, 2 * 63),
  batchHex('magic', { patch: [[0, '5243']] }),
  batchHex('version', { patch: [[2, '02']] }),
  batchHex('short header', { patch: [[3, '07']] }),
  batchHex('header over the end', { patch: [[3, 'ff']] }),
  batchHex('length less', { spoil: [[4, '00000010']] }),
  batchHex('length more', { spoil: [[4, '00001000']] }),
  batchHex('no record', { patch: [[40, '00000000']] }),
  batchHex('too many records', { patch: [[40, '00001001']] }),
  batchHex('very many records', { patch: [[40, 'ffffffff']] }),
  ...[2, 3, 7].map((compression) => batchHex('compression', { patch: [[36, `000${compression}`]] })),
  ...['08', '10', '18'].map((checksum) => batchHex('algorithm', { patch: [[37, checksum]] })),
  ...['20', '40', '80', 'e0'].map((reserved) => batchHex('reserved', { patch: [[37, reserved]] })),
  batchHex('producer id', { patch: [[48, '0020000000000000']] }),
  batchHex('born', { patch: [[56, '0020000000000000']] }),
  batchHex('tags over the end', {
    patch: [
      [36, '0100'],
      [40, '00000400'],
    ],
  }),
  batchHex('keys over the end', {
    patch: [
      [36, '0200'],
      [40, '00000400'],
    ],
  }),
  batchHex('no length', { behind: '000000', patch: [[36, '0001']] }),
  batchHex('body sum', { spoil: [[35, 'ff']] }),
  batchHex('record changed', { spoil: [[66, 'ff']] }),
  '',
];

const sendAll = (batches: readonly string[]): readonly Step[] => batches.map((hex) => sendHex(hex));

const RED = { topic: '~t', filter: 'red', queues: [{ queue: 0, offset: 0 }] };

export const BATCH_PROGRAMS: readonly Program[] = [
  broker('take-odd-batches', [OPEN, topic(), send(text('plain', { compress: false })), ...sendAll(ODD), DRAIN, DRAIN]),
  broker('find-tags-behind-a-longer-header', [
    OPEN,
    topic(),
    { op: 'tell', note: 'has-tag', args: { topic: '~t', tag: 'red' } },
    sendHex(batchHex('', { records: TAGGED, longer: 8 })),
    sendHex(batchHex('', { records: TAGGED, longer: 128 })),
    { op: 'request', frame: 'PULL', header: { topics: [RED] } },
  ]),
  broker('refuse-bad-batches', [OPEN, topic(), send(text('before')), ...sendAll(BAD), send(text('behind')), DRAIN]),
  broker('refuse-a-batch-that-is-too-large', [
    OPEN,
    topic(),
    { op: 'produceLarge', bytes: 4_194_304 },
    // Built by hand: the encoder refuses it as well. Then with a wrong checksum, which comes after its length.
    { op: 'produceLarge', bytes: 4_194_305 },
    { op: 'produceLarge', bytes: 4_194_305, patch: [[35, '00']] },
    { op: 'produceLarge', bytes: 4_194_304, patch: [[35, '00']] },
    send(text('behind')),
    { op: 'drain', queues: 1 },
  ]),
  broker('store-batches-of-many-sizes', [
    OPEN,
    OPEN,
    topic(3),
    ...[1, 2, 4096, 7, 64].map((count, i) => send(text(`n${i}`, { count }), { header: { queue: i % 2 }, c: i % 2 })),
    send({ records: [{ size: 65_536 }] }),
    send({ records: [{ body: 'a', tag: 't', key: 'k', properties: { p: 'v' } }, { body: 'b' }] }, { header: { ack: 1 } }),
    { op: 'drain', queues: 3 },
    { op: 'drain', queues: 3, maxBytes: 100 },
  ]),
  // Store times do not follow what the producer says.
  broker('store-batches-that-were-born-backwards', [
    OPEN,
    topic(),
    ...[9, 5, 1, 7].map((born) =>
      send(text(`t${born}`, { bornTimeMs: 1_000_000_000_000 * born }), { header: { queue: born % 2 } }),
    ),
    DRAIN,
  ]),
  broker('acknowledge-as-asked', [
    OPEN,
    topic(),
    send(text('one-way'), { op: 'oneWay', header: { ack: ACK_NONE } }),
    send(text('one-way, answered'), { op: 'oneWay', header: { ack: 0 } }),
    send(text('one-way, leader'), { op: 'oneWay', header: { ack: 1 } }),
    send(text('none, asked'), { header: { ack: ACK_NONE } }),
    initProducerFor('id'),
    send(text('one-way with an id', { producerId: '$id' }), { op: 'oneWay', header: { ack: ACK_NONE } }),
    send(text('leader'), { header: { ack: 1 } }),
    { op: 'fence' },
    DRAIN,
  ]),
  // Each SEND fails in two lines or more.
  broker('check-in-order', [
    OPEN,
    OPEN,
    topic(2),
    initProducerFor('id'),
    sendHex(BAD[1] as string, { header: { topic: '~none', ack: ACK_NONE } }),
    sendHex(BAD[1] as string, { header: { ack: ACK_NONE, queue: 9 } }),
    sendHex(BAD[1] as string, { header: { topic: '~none', queue: 1 } }),
    sendHex(BAD[1] as string, { header: { queue: 2 } }),
    send(text('a', { producerId: '$id', baseSequence: 9 }), { header: { topic: '~none' } }),
    send(text('b', { producerId: '$id', baseSequence: 9 }), { header: { queue: 7 }, c: 0 }),
    {
      ...send(text('c', { producerId: 7, baseSequence: 9 })),
      payload: { batch: text('c', { producerId: 7 }), patch: [[70, 'ffff']] },
    },
    send(text('d', { producerId: 7, baseSequence: 9 }), { c: 0 }),
    DRAIN,
  ]),
];

function initProducerFor(name: string): Step {
  return { op: 'request', frame: 'INIT_PRODUCER', keep: { [name]: 'producerId' } };
}
