import type { Program, Step } from '../../play/program.ts';
import { broker, DRAIN, initProducer, OPEN, send, text, topic } from './steps.ts';

const of = (id: string, body: string, baseSequence: number, more = {}): ReturnType<typeof text> =>
  text(body, { producerId: `$${id}`, baseSequence, ...more });

/** `n` batches of one record each, from sequence `from` on. */
const row = (id: string, from: number, n: number, more = {}): readonly Step[] =>
  Array.from({ length: n }, (_, i) => send(of(id, `r${from + i}`, from + i), more));

const ID = { id: 'producerId' };

export const SEQUENCE_PROGRAMS: readonly Program[] = [
  broker('retry-gap-conflict', [
    OPEN,
    topic(),
    initProducer({}, ID),
    send(of('id', 'a', 0, { count: 3 })),
    send(of('id', 'a', 0, { count: 3 })),
    send(of('id', 'z', 5)),
    send(of('id', 'b', 3)),
    send(of('id', 'other', 3)),
    send(of('id', 'b', 3, { count: 2 })),
    send(of('id', 'b', 2)),
    send(of('id', 'far', 4_294_967_295)),
    send(of('id', 'b', 3)),
    send(of('id', 'c', 4)),
    send(of('id', 'q', 1), { header: { queue: 1 } }),
    send(of('id', 'q', 0), { header: { queue: 1 } }),
    send(of('id', 'a', 0, { count: 3 })),
    DRAIN,
  ]),
  broker('remember-64-batches', [
    OPEN,
    topic(),
    initProducer({}, ID),
    ...row('id', 0, 63),
    send(of('id', 'other', 0)),
    send(of('id', 'r0', 0)),
    ...row('id', 63, 7),
    send(of('id', 'r6', 6)),
    send(of('id', 'r5', 5)),
    send(of('id', 'r0', 0)),
    send(of('id', 'never', 0)),
    send(of('id', 'r5', 5, { count: 2 })),
    send(of('id', 'other', 6)),
    DRAIN,
  ]),
  ...(['kill', 'stop'] as const).map((how) =>
    broker(
      `remember-through-a-${how}`,
      [
        OPEN,
        topic(),
        initProducer({}, ID),
        ...row('id', 0, 66),
        send(of('id', 'one', 0, { count: 2 }), { header: { queue: 1 } }),
        { op: 'die', how },
        OPEN,
        initProducer({ producerId: '$id' }),
        send(of('id', 'r65', 65)),
        send(of('id', 'r2', 2)),
        send(of('id', 'r1', 1)),
        send(of('id', 'other', 64)),
        send(of('id', 'gap', 99)),
        send(of('id', 'r66', 66)),
        send(of('id', 'one', 0, { count: 2 }), { header: { queue: 1 } }),
        send(of('id', 'two', 2), { header: { queue: 1 } }),
        DRAIN,
      ],
      { needs: [how], alone: true },
    ),
  ),
  // Nothing waits for an answer: order, numbers and duplicates of what is on its way.
  broker('pipeline', [
    OPEN,
    OPEN,
    topic(),
    initProducer({}, ID),
    ...Array.from({ length: 8 }, (_, i) => [
      send(of('id', `p${i}`, 2 * i, { count: 2 }), { wait: false }),
      send(text(`f${i}`), { wait: false, c: 0, header: { queue: 1 } }),
      send(text(`o${i}`), { op: 'oneWay', c: 0, header: { queue: 1, ack: 2 } }),
    ]).flat(),
    send(of('id', 'p7', 14, { count: 2 }), { wait: false }),
    send(of('id', 'p7', 20), { wait: false }),
    { op: 'fence', c: 0 },
    { op: 'fence', c: 1 },
    { op: 'pass', ms: 50 },
    DRAIN,
  ]),
  // The connection breaks before the answers are read: retries behind a takeover are told apart.
  broker('retry-behind-a-lost-connection', [
    OPEN,
    topic(),
    initProducer({}, ID),
    send(of('id', 'a', 0)),
    send(of('id', 'b', 1), { wait: false }),
    send(of('id', 'c', 2), { wait: false }),
    { op: 'close', reset: true },
    OPEN,
    initProducer({ producerId: '$id' }),
    send(of('id', 'b', 1)),
    send(of('id', 'c', 2)),
    send(of('id', 'd', 3)),
    DRAIN,
  ]),
  broker(
    'retry-behind-a-kill',
    [
      OPEN,
      topic(),
      initProducer({}, ID),
      send(of('id', 'a', 0)),
      ...row('id', 1, 6, { wait: false }),
      { op: 'pass', ms: 0.6 },
      { op: 'die', how: 'kill' },
      OPEN,
      initProducer({ producerId: '$id' }),
      ...row('id', 1, 6),
      send(of('id', 'end', 7)),
      DRAIN,
    ],
    { needs: ['kill'], alone: true },
  ),
];
