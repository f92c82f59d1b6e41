import type { Role } from '../driver/driver.ts';
import { askedIn } from '../families/codec/asked.ts';
import { deliveriesOf } from '../families/mqtt/messages.ts';
import type { HistoryEvent } from '../history/event.ts';
import { View } from '../history/view.ts';
import type { Program, Step } from '../play/program.ts';

/**
 * Whether a history shows that the subject does the work of its role at all. Without any such history nothing else is
 * counted: what answers everything, or nothing, keeps many rules by accident.
 */
const SIGNS: Readonly<Record<Role, (view: View) => boolean>> = {
  nameserver: (view) =>
    view
      .requests('ROUTE_QUERY', 'kit')
      .some(({ answer }) => answer?.routes.some((route: { shares: unknown[] }) => route.shares.length > 0)),
  broker: (view) =>
    view.requests('SEND', 'kit').some(({ answer }) => answer !== undefined) &&
    view.requests('PULL', 'kit').some(({ answer, payload }) => answer !== undefined && payload.length > 0),
  producer: (view) =>
    view.requests('SEND', 'subject').length > 0 &&
    view.calls('send').some(({ result }) => result !== undefined && result.error === undefined),
  consumer: (view) => view.requests('PULL', 'subject').length > 0 && view.told('delivered').length > 0,
  bridge: (view) =>
    deliveriesOf(view).some(({ publication, qos, isNew }) => isNew && qos > 0 && publication?.takenIndex !== undefined),
  codec: (view) => ['decode', 'encode'].every((op) => hasRightFrame(view, op)),
};

const hasRightFrame = (view: View, op: string): boolean =>
  askedIn(view).some((asked) => asked.op === op && asked.what === 'frame' && asked.succeeds && asked.wrong === undefined);

/** What one program that shows it does, for people. */
export const VITAL_SIGNS: Readonly<Record<Role, string>> = {
  nameserver: 'a broker was registered and a route named it',
  broker: 'a batch was stored and read back',
  producer: 'a message was sent and acknowledged',
  consumer: 'a message was pulled and delivered',
  codec: 'a frame was decoded and encoded right',
  bridge: 'a message of QoS 1 was acknowledged and given to a subscriber',
};

export const showsLife = (role: Role, events: readonly HistoryEvent[]): boolean => SIGNS[role](new View(events, 0));

const ORDERS = { topic: '~vital', queues: 1 };
const ONE = { records: [{ body: 'alive' }] };

const registering = (broker: string): readonly Step[] => [
  { op: 'open' },
  {
    op: 'request',
    frame: 'REGISTER_BROKER',
    header: {
      broker,
      cluster: 'default',
      storeId: { $hex: '01'.repeat(16) },
      term: 1,
      revision: 1,
      endpoints: [{ listener: 'default', scheme: 'qanat', address: 'vital:7610' }],
      software: 'kit',
      topics: [ORDERS],
    },
  },
  { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~vital'] } },
];

const STEPS: Readonly<Record<Exclude<Role, 'nameserver'>, readonly Step[]>> = {
  broker: [
    { op: 'open' },
    { op: 'request', frame: 'TOPIC_CREATE', header: ORDERS },
    { op: 'request', frame: 'SEND', header: { topic: '~vital' }, payload: { batch: ONE } },
    { op: 'request', frame: 'PULL', header: { topics: [{ topic: '~vital', queues: [{}] }] } },
  ],
  producer: [{ op: 'createTopic' }, { op: 'start', client: 'p' }, { op: 'send' }],
  consumer: [
    { op: 'createTopic' },
    { op: 'publish' },
    { op: 'start', client: 'c', group: '~vital', subscriptions: [{ topic: '~orders' }], from: 'first' },
    { op: 'awaitDelivered' },
  ],
  codec: [{ op: 'vector', file: 'frames', case: 1 }],
  bridge: [
    { op: 'connect', d: 'a' },
    { op: 'subscribe', d: 'a', qos: 1 },
    { op: 'publish', d: 'a', qos: 1 },
    { op: 'awaitPackets', d: 'a' },
  ],
};

/**
 * The least work of a role: run when no other program has shown that a subject does any, as with a few programs only.
 * @param user of the kit at a NameServer that asks, which lets a broker register by its own name only.
 */
export const vitalProgram = (role: Role, user = '~vital'): Program => ({
  // The operations for codecs and bridges are those of their families.
  family: role === 'codec' ? 'codec' : role === 'bridge' ? 'mqtt' : 'vital',
  name: 'works-at-all',
  role,
  steps: role === 'nameserver' ? registering(user) : STEPS[role],
});
