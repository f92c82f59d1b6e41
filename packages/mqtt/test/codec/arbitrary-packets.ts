// Packets as fast-check draws them: everything that each side may say.
import type {
  Ack,
  ClientPacket,
  Connect,
  Properties,
  ProtocolVersion,
  Publish,
  ServerPacket,
  Suback,
  Subscribe,
  Will,
} from '@qanat/mqtt';
import fc from 'fast-check';

const size = 'max';
const replaced = (pattern: RegExp) => (value: string) => value.replace(pattern, '_');
/** Any Unicode without U+0000; sometimes long. */
export const texts = fc
  .oneof(
    { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 20, size }) },
    fc.string({ unit: 'binary', maxLength: 400, size }),
  )
  .map(replaced(/\0/g));
const topics = texts.map((value) => value.replace(/[+#]/g, '_') || '/').filter((topic) => topic.split('/').length <= 128);
const level = fc.oneof(fc.constantFrom('+', '', 'a', '$x'), texts.map(replaced(/[+#/]/g)));
const filters = fc
  .tuple(fc.constantFrom('', '$share/g/'), fc.array(level, { minLength: 1, maxLength: 4, size }), fc.constantFrom('', '/#'))
  .map(([share, levels, tail]) => share + levels.join('/') + tail)
  .filter((filter) => filter !== '' && !/^\$share\/($|[^/]*$)/.test(filter) && !filter.endsWith('$share/g/'));
export const bytes = fc.uint8Array({ maxLength: 60, size });
const payloads = fc.oneof({ weight: 9, arbitrary: bytes }, fc.uint8Array({ minLength: 120, maxLength: 20_000, size }));
const packetIds = fc.integer({ min: 1, max: 65_535 });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const flag = fc.constantFrom(0 as const, 1 as const);
const uint16 = fc.integer({ min: 0, max: 65_535 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const atLeast1 = (most: number) => fc.integer({ min: 1, max: most });
const pairs = fc.array(fc.tuple(fc.oneof(texts, fc.constantFrom('1', '0', '__proto__', '')), texts), {
  minLength: 1,
  maxLength: 6,
  size,
});

const EACH = {
  payloadFormatIndicator: flag,
  messageExpiryInterval: uint32,
  contentType: texts,
  responseTopic: topics,
  correlationData: bytes,
  sessionExpiryInterval: uint32,
  assignedClientIdentifier: texts,
  serverKeepAlive: uint16,
  authenticationMethod: texts,
  authenticationData: bytes,
  requestProblemInformation: flag,
  willDelayInterval: uint32,
  requestResponseInformation: flag,
  responseInformation: texts,
  serverReference: texts,
  reasonString: texts,
  receiveMaximum: atLeast1(65_535),
  topicAliasMaximum: uint16,
  topicAlias: atLeast1(65_535),
  maximumQoS: flag,
  retainAvailable: flag,
  userProperties: pairs,
  maximumPacketSize: atLeast1(0xffff_ffff),
  wildcardSubscriptionAvailable: flag,
  subscriptionIdentifiersAvailable: flag,
  sharedSubscriptionAvailable: flag,
  subscriptionIdentifiers: fc.array(atLeast1(268_435_455), { minLength: 1, maxLength: 1 }),
};

type Name = keyof typeof EACH;
type Drawn = fc.Arbitrary<{ properties?: Properties }>;

/** Some of the properties, none with 3.1.1; no object where there is none. */
function properties(version: ProtocolVersion, ...names: readonly Name[]): Drawn {
  if (version === 4) return fc.constant({});
  const some = fc.record(Object.fromEntries(names.map((name) => [name, EACH[name]])), {
    requiredKeys: [],
    noNullPrototype: true,
  }) as fc.Arbitrary<Properties>;
  return fc.option(some, { nil: {} }).map((drawn) => (Object.keys(drawn).length === 0 ? {} : { properties: drawn }));
}

const MESSAGE = ['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic', 'correlationData'] as const;
const DETAILS = ['reasonString', 'userProperties'] as const;
const oneOf = (...codes: readonly number[]) => fc.constantFrom(...codes);
/** Joins what was drawn in parts. */
const joined = <Packet>(...parts: readonly fc.Arbitrary<object>[]) =>
  fc.tuple(...parts).map((drawn) => Object.assign({}, ...drawn) as Packet);
const withMethod = (drawn: { properties?: Properties }): object => {
  const { authenticationMethod, authenticationData, ...others } = drawn.properties ?? {};
  const pair =
    authenticationMethod === undefined || authenticationData === undefined ? {} : { authenticationMethod, authenticationData };
  const kept = { ...others, ...pair };
  return Object.keys(kept).length === 0 ? {} : { properties: kept };
};

function wills(version: ProtocolVersion): fc.Arbitrary<Will> {
  const fields = fc.record({ topic: topics, payload: bytes, qos, retain: fc.boolean() });
  return joined(fields, properties(version, ...MESSAGE, 'willDelayInterval', 'userProperties'));
}

const CONNECTING = [
  'sessionExpiryInterval',
  'receiveMaximum',
  'maximumPacketSize',
  'topicAliasMaximum',
  'userProperties',
] as const;
const ASKED = ['requestResponseInformation', 'requestProblemInformation', 'authenticationMethod', 'authenticationData'] as const;

export const connects = (version: ProtocolVersion): fc.Arbitrary<Connect> =>
  joined<Connect>(
    fc.record({
      type: fc.constant('CONNECT'),
      version: fc.constant(version),
      cleanStart: fc.boolean(),
      keepAlive: uint16,
      clientId: texts,
    }),
    fc.option(fc.record({ will: wills(version) }), { nil: {} }),
    fc.constantFrom({}, { username: '' }, { username: 'ü' }),
    fc.constantFrom({}, { password: new Uint8Array(0) }, { password: new Uint8Array([0, 255]) }),
    properties(version, ...CONNECTING, ...ASKED).map(withMethod),
  ).filter(
    (packet) =>
      version === 5 ||
      ((packet.clientId !== '' || packet.cleanStart) && (packet.username !== undefined || packet.password === undefined)),
  );

const publishes = (version: ProtocolVersion, ...more: readonly Name[]): fc.Arbitrary<Publish> =>
  joined<Publish>(
    fc.record({ type: fc.constant('PUBLISH'), retain: fc.boolean(), topic: topics, payload: payloads }),
    fc.oneof(
      fc.constant({ dup: false, qos: 0, packetId: 0 }),
      fc.record({ dup: fc.boolean(), qos: fc.constantFrom(1, 2), packetId: packetIds }),
    ),
    properties(version, ...MESSAGE, 'topicAlias', 'userProperties', ...more),
  );

function acks(version: ProtocolVersion): fc.Arbitrary<Ack> {
  const of = (types: readonly string[], codes: readonly number[]) =>
    joined<Ack>(
      fc.record({ type: fc.constantFrom(...types), packetId: packetIds, reasonCode: version === 4 ? oneOf(0) : oneOf(...codes) }),
      properties(version, ...DETAILS),
    );
  return fc.oneof(
    of(['PUBACK', 'PUBREC'], [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
    of(['PUBREL', 'PUBCOMP'], [0, 0x92]),
  );
}

const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 };
const subscriptions = (version: ProtocolVersion) =>
  version === 4
    ? fc.record({ filter: filters, qos }).map((drawn) => ({ ...drawn, ...plain }))
    : fc
        .record({
          filter: filters,
          qos,
          noLocal: fc.boolean(),
          retainAsPublished: fc.boolean(),
          retainHandling: fc.constantFrom(0, 1, 2),
        })
        .map((drawn) => (drawn.filter.startsWith('$share/') ? { ...drawn, noLocal: false } : { ...drawn }));

const list = <Entry>(entry: fc.Arbitrary<Entry>) => fc.array(entry, { minLength: 1, maxLength: 5, size });

const subscribes = (version: ProtocolVersion): fc.Arbitrary<Subscribe> =>
  joined<Subscribe>(
    fc.record({ type: fc.constant('SUBSCRIBE'), packetId: packetIds, subscriptions: list(subscriptions(version)) }),
    properties(version, 'subscriptionIdentifiers', 'userProperties'),
  );

const unsubscribes = (version: ProtocolVersion) =>
  joined<ClientPacket>(
    fc.record({ type: fc.constant('UNSUBSCRIBE'), packetId: packetIds, filters: list(filters) }),
    properties(version, 'userProperties'),
  );

const auths = joined<ClientPacket & ServerPacket>(
  fc.record({ type: fc.constant('AUTH'), reasonCode: oneOf(0x18, 0x19) }),
  fc
    .record({ authenticationMethod: texts, authenticationData: bytes, reasonString: texts, userProperties: pairs })
    .map((drawn) => ({ properties: { ...drawn } })),
);

/** All that a client sends. */
export function clientPackets(version: ProtocolVersion): fc.Arbitrary<ClientPacket> {
  const ending = joined<ClientPacket>(
    fc.record({ type: fc.constant('DISCONNECT'), reasonCode: version === 4 ? oneOf(0) : oneOf(0, 4, 0x81, 0x98) }),
    properties(version, 'sessionExpiryInterval', ...DETAILS),
  );
  const ping = fc.constant<ClientPacket>({ type: 'PINGREQ' });
  const both = [connects(version), publishes(version), acks(version), subscribes(version), unsubscribes(version), ending, ping];
  return fc.oneof(...(both as fc.Arbitrary<ClientPacket>[]), ...(version === 5 ? [auths] : []));
}

const OFFERED = ['sessionExpiryInterval', 'receiveMaximum', 'maximumQoS', 'retainAvailable', 'maximumPacketSize'] as const;
const OFFERED_TOO = [
  'assignedClientIdentifier',
  'topicAliasMaximum',
  'wildcardSubscriptionAvailable',
  'responseInformation',
] as const;
const REST = ['subscriptionIdentifiersAvailable', 'sharedSubscriptionAvailable', 'serverKeepAlive', 'serverReference'] as const;

/** All that a server sends. */
export function serverPackets(version: ProtocolVersion): fc.Arbitrary<ServerPacket> {
  const connack = joined<ServerPacket>(
    fc.record({ type: fc.constant('CONNACK') }),
    fc.constantFrom({ sessionPresent: true, reasonCode: 0 }, { sessionPresent: false, reasonCode: version === 4 ? 5 : 0x87 }),
    properties(version, ...OFFERED, ...OFFERED_TOO, ...REST, ...DETAILS, 'authenticationMethod', 'authenticationData'),
  );
  const suback = joined<Suback>(
    fc.record({ type: fc.constant('SUBACK'), packetId: packetIds, reasonCodes: list(oneOf(0, 1, 2, 0x80)) }),
    properties(version, ...DETAILS),
  );
  const unsuback = joined<Suback>(
    fc.record({
      type: fc.constant('UNSUBACK'),
      packetId: packetIds,
      reasonCodes: version === 4 ? fc.constant([]) : list(oneOf(0, 0x11, 0x87)),
    }),
    properties(version, ...DETAILS),
  );
  const ending = joined<ServerPacket>(
    fc.record({ type: fc.constant('DISCONNECT'), reasonCode: oneOf(0, 0x8e, 0x9d) }),
    properties(version, 'serverReference', ...DETAILS),
  );
  const ping = fc.constant<ServerPacket>({ type: 'PINGRESP' });
  const both = [connack, publishes(version, 'subscriptionIdentifiers'), acks(version), suback, unsuback, ping];
  return fc.oneof(...(both as fc.Arbitrary<ServerPacket>[]), ...(version === 5 ? [ending, auths] : []));
}
