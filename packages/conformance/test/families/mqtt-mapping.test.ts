import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mqtt } from '../../src/families/mqtt/index.ts';
import { encoded, type Message, publishPacket } from '../../src/families/mqtt/sent-packets.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { hexOf, type JsonObject } from '../../src/json.ts';
import { judgeRun } from '../../src/run/run-program.ts';

type Happening = HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 'atMs'> : never) : never;

/** A history of one device, `dev`, that has subscribed to everything below `t` with QoS 2; then what a test says. */
const history = (...happenings: readonly Happening[]): HistoryEvent[] =>
  [...BEGIN, ...happenings, END].map((event, i) => ({ ...event, atMs: i * 10 }) as HistoryEvent);

const packet = (from: 'kit' | 'subject', what: object): Happening => ({
  kind: 'packet',
  connection: 1,
  from,
  bytes: encoded(what, 5),
});

const CONNECT = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'dev', clean: true };
const ASKED = { op: 'cluster', id: 1 } as const;
const BEGIN: readonly Happening[] = [
  { kind: 'opened', connection: 1, by: 'kit', node: 'subject' },
  packet('kit', CONNECT),
  packet('subject', { cmd: 'connack', sessionPresent: false, reasonCode: 0 }),
  packet('kit', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't/#', qos: 2 }] }),
  packet('subject', { cmd: 'suback', messageId: 1, granted: [2] }),
  { kind: 'call', ...ASKED, args: {} },
  { kind: 'result', ...ASKED, ok: {} },
];
/** Long behind everything. */
const END: Happening = { kind: 'step', step: 9, op: 'end' };
const late = (events: HistoryEvent[]): HistoryEvent[] => [
  ...events.slice(0, -1),
  { ...(events.at(-1) as HistoryEvent), atMs: 60_000 },
];

/** The device publishes, and is acknowledged. */
const published = (step: JsonObject = {}, message: Partial<Message> = {}): readonly Happening[] => {
  const all = { topic: 't/a', payload: new TextEncoder().encode('21.5'), qos: 1, retain: false, ...message };
  return [
    { kind: 'packet', connection: 1, from: 'kit', bytes: publishPacket(step, all, 7, 5, (text) => text) },
    packet('subject', { cmd: all.qos === 2 ? 'pubrec' : 'puback', messageId: 7 }),
  ];
};

const RIGHT = { 'mqtt.qos': '1', 'mqtt.client': 'dev' };

/** What the kit has read of the cluster. */
const stored = (...messages: readonly JsonObject[]): Happening => ({
  kind: 'note',
  note: 'stored',
  args: {
    messages: messages.map((one, i) => ({
      ...{ queue: 0, offset: i, key: 't/a', tag: null, properties: RIGHT, body: hexOf(new TextEncoder().encode('21.5')) },
      ...one,
    })),
  },
});

/** What another client of the cluster has stored. */
const told = (args: JsonObject): Happening => ({ kind: 'note', note: 'told', args });

const given = (what: object): Happening =>
  packet('subject', {
    cmd: 'publish',
    topic: 't/x',
    payload: 'by key',
    qos: 1,
    messageId: 3,
    dup: false,
    retain: false,
    ...what,
  });

/** The clauses that hold, and those that fail. */
function verdictOn(events: HistoryEvent[]): { holds: readonly string[]; fails: readonly string[] } {
  const all = judgeRun(
    { events, slackMs: 5 },
    mqtt.clauses.filter(({ id }) => id.startsWith('QNT-MQT')),
  );
  expect(all.flatMap(({ broken }) => broken ?? [])).toEqual([]);
  return {
    holds: all.flatMap(({ id, passes, failures }) => (passes > 0 && failures.length === 0 ? [id] : [])),
    fails: all.flatMap(({ id, failures }) => (failures.length > 0 ? [id] : [])),
  };
}

describe('a publication in the cluster', () => {
  it('is right as the common message', () => {
    const { holds, fails } = verdictOn(history(...published(), stored({})));
    expect(fails).toEqual([]);
    expect(holds).toEqual(expect.arrayContaining(['QNT-MQT-001', 'QNT-MQT-005', 'QNT-MQT-006', 'QNT-MQT-008', 'QNT-MQT-021']));
  });

  const wrong: readonly (readonly [string, string, JsonObject])[] = [
    ['under another key', 'QNT-MQT-005', { key: 't', properties: { ...RIGHT, 'mqtt.topic': 't/a' } }],
    ['with a tag', 'QNT-MQT-005', { tag: 'x' }],
    ['without its QoS', 'QNT-MQT-008', { properties: { 'mqtt.client': 'dev' } }],
    ['without its publisher', 'QNT-MQT-008', { properties: { 'mqtt.qos': '1' } }],
    ['with a property of nobody', 'QNT-MQT-006', { properties: { ...RIGHT, 'mqtt.dup': '0' } }],
    ['with its topic twice', 'QNT-MQT-006', { properties: { ...RIGHT, 'mqtt.topic': 't/a' } }],
  ];
  it.each(wrong)('%s breaks %s', (_, id, message) => {
    expect(verdictOn(history(...published(), stored(message))).fails).toContain(id);
  });

  it('that is not there though it was acknowledged breaks QNT-MQT-001 and QNT-MQT-021', () => {
    expect(verdictOn(history(...published(), stored())).fails).toEqual(['QNT-MQT-001', 'QNT-MQT-021']);
  });

  it('of QoS 2 that is there twice breaks QNT-MQT-024', () => {
    const two = { properties: { ...RIGHT, 'mqtt.qos': '2' } };
    expect(verdictOn(history(...published({}, { qos: 2 }), stored(two))).holds).toContain('QNT-MQT-024');
    expect(verdictOn(history(...published({}, { qos: 2 }), stored(two, two))).fails).toEqual(['QNT-MQT-024']);
  });

  it('under a long topic has the first 16 bytes of its SHA-256 as its key (QNT-MQT-004)', () => {
    const topic = `t/${'x'.repeat(300)}`;
    const key = `#${createHash('sha256').update(topic).digest('hex').slice(0, 32)}`;
    const properties = { ...RIGHT, 'mqtt.topic': topic };
    const events = (of: string): HistoryEvent[] => history(...published({}, { topic }), stored({ key: of, properties }));
    expect(verdictOn(events(key))).toMatchObject({ fails: [], holds: expect.arrayContaining(['QNT-MQT-004']) });
    expect(verdictOn(events(topic.slice(0, 255))).fails).toContain('QNT-MQT-004');
  });

  it('with long properties has them in front of its payload (QNT-MQT-014)', () => {
    const user = [['a', 'x'.repeat(40_000)]];
    const inside = JSON.stringify({ 'mqtt.client': 'dev', 'mqtt.user': JSON.stringify(user) });
    const body = hexOf(new TextEncoder().encode(`${inside}21.5`));
    const right = { body, properties: { 'mqtt.qos': '1', 'mqtt.head': `${inside.length}` } };
    expect(verdictOn(history(...published({ user }), stored(right)))).toMatchObject({
      fails: [],
      holds: expect.arrayContaining(['QNT-MQT-008', 'QNT-MQT-014']),
    });
    const outside = { properties: { ...RIGHT, 'mqtt.user': JSON.stringify(user) } };
    expect(verdictOn(history(...published({ user }), stored(outside))).fails).toEqual(['QNT-MQT-014']);
  });

  it('that no rule selects is refused (QNT-MQT-022)', () => {
    const [publish] = published({}, { topic: '$x/a' });
    const refused = packet('subject', { cmd: 'puback', messageId: 7, reasonCode: 0x90 });
    expect(verdictOn(history(publish as Happening, refused)).holds).toContain('QNT-MQT-022');
    expect(verdictOn(history(...published({}, { topic: '$x/a' }))).fails).toContain('QNT-MQT-022');
  });
});

describe('a message of another client', () => {
  const byKey = told({ key: 't/x', body: 'by key', properties: {} });

  it('reaches devices by its key, with QoS 1 (QNT-MQT-009, QNT-MQT-011)', () => {
    const { holds, fails } = verdictOn(history(byKey, given({})));
    expect([fails, holds]).toEqual([[], expect.arrayContaining(['QNT-MQT-009', 'QNT-MQT-011'])]);
    expect(verdictOn(history(byKey, given({ qos: 2 }))).fails).toEqual(['QNT-MQT-009']);
    expect(verdictOn(history(byKey, given({ topic: 't/y' }))).fails).toEqual(['QNT-MQT-011']);
    expect(verdictOn(late(history(byKey))).fails).toEqual(['QNT-MQT-011']);
  });

  it('by no MQTT topic reaches nobody (QNT-MQT-011)', () => {
    const none = told({ key: 't/#', body: 'by key', properties: {} });
    expect(verdictOn(late(history(none))).holds).toContain('QNT-MQT-011');
    expect(verdictOn(history(none, given({}))).fails).toEqual(['QNT-MQT-011']);
  });

  it('gives its properties as User Properties, but for those of its own (QNT-MQT-010)', () => {
    const coloured = told({ key: 't/x', body: 'by key', properties: { colour: 'red', 'qnt.a': '1' } });
    expect(verdictOn(history(coloured, given({ properties: { userProperties: { colour: 'red' } } }))).fails).toEqual([]);
    expect(verdictOn(history(coloured, given({}))).fails).toEqual(['QNT-MQT-010']);
    expect(
      verdictOn(history(coloured, given({ properties: { userProperties: { colour: 'red', 'qnt.a': '1' } } }))).fails,
    ).toEqual(['QNT-MQT-010']);
  });
});
