// biome-ignore-all lint/suspicious/noTemplateCurlyInString: patches are pieces of source text.
/** Bugs of the MQTT server: one edit of packages/mqtt/src each, and the clause that has to go red. */
const CONNECTING = 'server/connecting.ts';
const DELIVERY = 'server/delivery.ts';
const ENDINGS = 'server/endings.ts';
const FEEDING = 'server/feeding.ts';
const INBOUND = 'server/inbound.ts';
const SUBSCRIBING = 'server/subscribing.ts';
const OUTBOUND_PUBLISH = 'server/outbound-publish.ts';
const PACKET_END = 'codec/packet-end.ts';

const of = (name, clause, file, find, replace) => ({ name: `mqtt-${name}`, clause, file, find, replace, over: 'mqtt' });

export const MUTANTS = [
  of('no-session-told', 'MQTT-3.2.2-3', CONNECTING, "'CONNACK', sessionPresent,", "'CONNACK', sessionPresent: false,"),
  of('session-told-to-everybody', 'MQTT-3.2.2-2', CONNECTING, "'CONNACK', sessionPresent,", "'CONNACK', sessionPresent: true,"),
  of(
    'taken-over-with-another-reason',
    'MQTT-3.1.4-3',
    CONNECTING,
    'session.connection, REASON.SESSION_TAKEN_OVER',
    'session.connection, REASON.SERVER_UNAVAILABLE',
  ),
  of('twice-the-keep-alive', 'MQTT-3.1.2-22', CONNECTING, 'const PATIENCE = 1.5;', 'const PATIENCE = 5;'),
  of('less-than-the-keep-alive', 'MQTT-3.1.2-22', CONNECTING, 'const PATIENCE = 1.5;', 'const PATIENCE = 0.5;'),
  of(
    'receive-maximum-of-the-client-ignored',
    'MQTT-3.3.4-9',
    CONNECTING,
    'Math.min(receiveMaximum, ',
    'Math.max(receiveMaximum, ',
  ),
  of(
    'aliases-beyond-those-of-the-client',
    'MQTT-3.1.2-26',
    CONNECTING,
    'Math.min(connect.properties?.topicAliasMaximum ?? 0, limits.topicAliasMaximum)',
    'limits.topicAliasMaximum',
  ),
  of('unknown-methods-taken', 'MQTT-4.12.0-1', CONNECTING, 'if (properties?.authenticationMethod !== undefined)', 'if (false)'),
  of(
    'one-client-id-for-all',
    'MQTT-3.2.2-16',
    CONNECTING,
    'return `auto-${words.map',
    "if (words.length > 0) return 'auto';\n    return `auto-${words.map",
  ),
  of('expiry-of-3.1.1-is-none', 'MQTT-3.2.2-3', CONNECTING, 'return cleanStart ? 0 : most;', 'return 0;'),
  of('higher-qos-of-the-two', 'MQTT-3.8.4-8', OUTBOUND_PUBLISH, 'one < other ? one : other', 'one > other ? one : other'),
  of(
    'retain-passed-on',
    'MQTT-3.3.1-12',
    DELIVERY,
    '    retain: message.retain && receiver.retainAsPublished,',
    '    retain: message.retain,',
  ),
  of(
    'retain-never-passed-on',
    'MQTT-3.3.1-13',
    DELIVERY,
    '    retain: message.retain && receiver.retainAsPublished,',
    '    retain: false,',
  ),
  of(
    'subscription-identifiers-left-out',
    'MQTT-3.3.4-4',
    DELIVERY,
    '    identifiers: receiver.identifiers,',
    '    identifiers: undefined,',
  ),
  of(
    'too-long-ends-the-feed',
    'MQTT-3.1.2-24',
    DELIVERY,
    'if (stretch === undefined || stretch.to - stretch.from > connection.packetBytesMax) {\n      figures.droppedTooLarge++;\n      return false;',
    'if (stretch === undefined) {\n      figures.droppedTooLarge++;\n      return false;',
  ),
  of('first-copy-with-dup', 'MQTT-3.3.1-3', DELIVERY, '    dup: qos === 1 &&', '    dup: qos === 1 ||'),
  of('new-ids-when-sent-again', 'MQTT-4.4.0-1', DELIVERY, 'if (manner.packetId === 0) manner.packetId', 'manner.packetId'),
  of(
    'wills-never-discarded',
    'MQTT-3.1.2-10',
    ENDINGS,
    '{ expiryInterval, discardWill, backlog }',
    '{ expiryInterval, discardWill: false, backlog }',
  ),
  of(
    'wills-always-discarded',
    'MQTT-3.1.2-8',
    ENDINGS,
    '{ expiryInterval, discardWill, backlog }',
    '{ expiryInterval, discardWill: true, backlog }',
  ),
  of(
    'nothing-left-for-a-session',
    'MQTT-4.5.0-1',
    ENDINGS,
    'expiryInterval === 0 ? NOTHING_LEFT : backlogOf(this.#context, session, { costMax: RETAINED_PLACES_LEFT_MAX })',
    'NOTHING_LEFT',
  ),
  of(
    'reason-not-told',
    'MQTT-3.1.4-3',
    ENDINGS,
    "connection.phase === 'online' && connection.version === 5 && !connection.blocked",
    "connection.phase === 'new'",
  ),
  of('sent-again-without-dup', 'MQTT-3.3.1-1', FEEDING, '      dup: true,', '      dup: false,'),
  of(
    'expired-sent-from-the-backlog',
    'MQTT-3.3.2-5',
    FEEDING,
    'if (isExpired(message, this.#context.wallMs)) this.#context.figures',
    'if (false) this.#context.figures',
  ),
  of('retained-without-retain', 'MQTT-3.3.1-9', FEEDING, '      retain: true,', '      retain: false,'),
  of(
    'no-quota-of-the-server',
    'MQTT-3.3.4-7',
    INBOUND,
    'if (session.version === 4 || begun < this.#context.limits.receiveMaximum) return;',
    'if (begun >= 0) return;',
  ),
  of(
    'unknown-pubrel-not-answered',
    'MQTT-4.3.3-11',
    INBOUND,
    "if (known || version === 4) return output.ack(connection, 'PUBCOMP', packetId);",
    "if (!known) return;\n    if (version > 0) return output.ack(connection, 'PUBCOMP', packetId);",
  ),
  of(
    'pubrec-in-the-place-of-puback',
    'MQTT-4.3.2-4',
    INBOUND,
    "qos === 1 ? 'PUBACK' : 'PUBREC', packetId);",
    "'PUBREC', packetId);",
  ),
  of('expiry-in-milliseconds', 'MQTT-3.3.2-6', INBOUND, 'messageExpiryInterval * 1_000', 'messageExpiryInterval * 100'),
  of(
    'content-type-forgotten',
    'MQTT-3.3.2-20',
    INBOUND,
    '    ...(contentType === undefined ? undefined : { contentType }),\n',
    '',
  ),
  of(
    'user-properties-turned-round',
    'MQTT-3.3.2-18',
    INBOUND,
    '{ userProperties }),',
    '{ userProperties: [...userProperties].reverse() }),',
  ),
  of(
    'qos-2-stored-as-often-as-it-comes',
    'MQTT-4.3.3-10',
    INBOUND,
    'this.#context.cluster.publishOnce(publication, packetId, done)',
    'this.#context.cluster.publish(publication, done)',
  ),
  of('unsubscribe-answered-only', 'MQTT-3.10.4-2', SUBSCRIBING, 'if (before !== undefined) this.#leave(session, filter);', ''),
  of('codes-of-3.1.1-for-everybody', 'MQTT-3.11.3-1', SUBSCRIBING, 'session.version === 4 ? [] : codes', '[]'),
  of('lengths-of-any-form', 'MQTT-1.5.5-1', PACKET_END, 'if (byte === 0 && i > 1) throw', 'if (byte === 0 && i > 9) throw'),
];
