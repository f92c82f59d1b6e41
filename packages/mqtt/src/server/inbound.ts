import { MqttError, protocolError } from '../codec/mqtt-error.ts';
import type { Ack, Properties, Publish } from '../codec/packet.ts';
import { isFailure, REASON } from '../codec/reason-codes.ts';
import type { Publication, PublicationProperties, PublishOutcome } from '../ports.ts';
import { type Acknowledgement, Acknowledgements } from './acknowledgements.ts';
import { InboundAliases } from './aliases.ts';
import { type Connection, HOLD } from './connection.ts';
import type { Endings } from './endings.ts';
import { publishRefusal } from './publish-refusal.ts';
import type { Requests } from './requests.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';

const REASONS: Readonly<Record<PublishOutcome, number>> = {
  success: REASON.SUCCESS,
  'topic-name-invalid': REASON.TOPIC_NAME_INVALID,
  'not-authorized': REASON.NOT_AUTHORIZED,
  'quota-exceeded': REASON.QUOTA_EXCEEDED,
  'packet-too-large': REASON.QUOTA_EXCEEDED,
  'unspecified-error': REASON.UNSPECIFIED_ERROR,
};

function propertiesOf(properties: Properties | undefined, wallMs: number): PublicationProperties | undefined {
  if (properties === undefined) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const { messageExpiryInterval } = properties;
  return {
    ...(payloadFormatIndicator === undefined ? undefined : { payloadFormatIndicator }),
    ...(contentType === undefined ? undefined : { contentType }),
    ...(responseTopic === undefined ? undefined : { responseTopic }),
    ...(correlationData === undefined ? undefined : { correlationData }),
    ...(userProperties === undefined ? undefined : { userProperties }),
    ...(messageExpiryInterval === undefined ? undefined : { expiresAtMs: wallMs + messageExpiryInterval * 1_000 }),
  };
}

/** What clients publish. */
export class Inbound {
  readonly #context: ServerContext;
  readonly #endings: Endings;
  readonly #requests: Requests;
  /** Connections that are not read until the cluster is ready. */
  readonly #held = new Set<Connection>();

  constructor(context: ServerContext, endings: Endings, requests: Requests) {
    this.#context = context;
    this.#endings = endings;
    this.#requests = requests;
  }

  publish(session: Session, publish: Publish): void {
    const topic = this.#topicOf(session.connection, publish);
    this.#context.figures.published[publish.qos]++;
    const refusal = publishRefusal(this.#context.gate, session, topic, publish);
    if (refusal !== undefined) this.#tellRefusal(session, topic, refusal);
    if (publish.qos === 0) return this.#once(session, topic, publish, refusal);
    this.#checkQuota(session, publish);
    if (publish.qos === 1) this.#acknowledged(session, topic, publish, refusal);
    else this.#exactly(session, topic, publish, refusal);
  }

  #tellRefusal({ connection, clientId }: Session, topic: string, reason: number): void {
    this.#context.tellRefusal('publish-refused', connection.peer, { client: clientId, topic, reason });
  }

  #topicOf(connection: Connection, publish: Publish): string {
    const alias = publish.properties?.topicAlias;
    if (alias === undefined) return publish.topic;
    connection.aliasesIn ??= new InboundAliases();
    return connection.aliasesIn.topicOf(publish, alias, this.#context.limits.topicAliasMaximum);
  }

  /** [MQTT-3.3.4-7]. 3.1.1 knows no such number: its clients are not read for a while (`Requests`). */
  #checkQuota(session: Session, { qos, packetId }: Publish): void {
    const begun = session.unanswered + (session.open?.size ?? 0);
    if (session.version === 4 || begun < this.#context.limits.receiveMaximum) return;
    if (qos === 2 && session.open?.has(packetId)) return;
    throw new MqttError(REASON.RECEIVE_MAXIMUM_EXCEEDED, `${begun} publishes are under way, and one more came`);
  }

  #publicationOf({ clientId }: Session, topic: string, { qos, retain, payload, properties }: Publish): Publication {
    return { topic, qos, retain, payload, clientId, properties: propertiesOf(properties, this.#context.wallMs) };
  }

  #once(session: Session, topic: string, publish: Publish, refusal: number | undefined): void {
    if (refusal !== undefined) {
      this.#context.figures.publishesRefused++;
      return;
    }
    this.#flow(session.connection, this.#context.cluster.publish(this.#publicationOf(session, topic, publish)));
  }

  #flow(connection: Connection, more: boolean): void {
    if (more || !connection.open) return;
    this.#held.add(connection);
    this.#context.output.hold(connection, HOLD.CLUSTER);
  }

  /** The cluster takes more. */
  ready(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const connection of held) this.#context.output.release(connection, HOLD.CLUSTER);
  }

  /** The connection has ended. */
  forget(connection: Connection): void {
    this.#held.delete(connection);
  }

  #acknowledged(session: Session, topic: string, publish: Publish, refusal: number | undefined): void {
    session.unanswered++;
    const entry = this.#await(session, publish.packetId, 1);
    if (refusal !== undefined) return this.#answer(session, entry, refusal);
    const publication = this.#publicationOf(session, topic, publish);
    const more = this.#context.cluster.publish(publication, (outcome) => this.#done(session, topic, entry, outcome));
    this.#flow(session.connection, more);
  }

  #exactly(session: Session, topic: string, publish: Publish, refusal: number | undefined): void {
    const { packetId } = publish;
    session.open ??= new Set();
    session.open.add(packetId);
    const entry = this.#await(session, packetId, 2);
    if (refusal !== undefined) return this.#answer(session, entry, refusal);
    const publication = this.#publicationOf(session, topic, publish);
    const done = (outcome: PublishOutcome): void => this.#done(session, topic, entry, outcome);
    const more = this.#context.cluster.publishOnce(publication, packetId, done);
    this.#flow(session.connection, more);
  }

  #await(session: Session, packetId: number, qos: 1 | 2): Acknowledgement {
    session.acknowledgements ??= new Acknowledgements();
    this.#requests.begin(session);
    return session.acknowledgements.add(packetId, qos);
  }

  #done(session: Session, topic: string, entry: Acknowledgement, outcome: PublishOutcome): void {
    const reasonCode = REASONS[outcome];
    if (isFailure(reasonCode)) this.#tellRefusal(session, topic, reasonCode);
    this.#answer(session, entry, reasonCode);
    this.#context.answered();
  }

  #answer(session: Session, entry: Acknowledgement, reasonCode: number): void {
    entry.reasonCode = reasonCode;
    const { acknowledgements, connection } = session;
    for (let next = acknowledgements?.next(); next !== undefined; next = acknowledgements?.next()) {
      if (!connection.open) return;
      this.#acknowledge(session, next, next.reasonCode as number);
    }
  }

  #acknowledge(session: Session, { packetId, qos }: Acknowledgement, reasonCode: number): void {
    const { connection } = session;
    this.#requests.end(session);
    if (qos === 1) session.unanswered--;
    if (isFailure(reasonCode)) return this.#refuse(session, packetId, qos, reasonCode);
    this.#context.output.ack(connection, qos === 1 ? 'PUBACK' : 'PUBREC', packetId);
  }

  /**
   * A client of 3.1.1 cannot be told, so it loses the connection (3.1.1 section 3.3.5). So does one whose exchange of QoS 2 may
   * be stored or not: told of a failure it would use the packet id for another message, which then passed for this one.
   */
  #refuse(session: Session, packetId: number, qos: 1 | 2, reasonCode: number): void {
    const { connection, version } = session;
    this.#context.figures.publishesRefused++;
    if (version === 4 || (qos === 2 && reasonCode === REASON.UNSPECIFIED_ERROR))
      return this.#endings.disconnect(connection, reasonCode);
    if (qos === 2) session.open?.delete(packetId);
    this.#context.output.packet(connection, { type: qos === 1 ? 'PUBACK' : 'PUBREC', packetId, reasonCode });
  }

  /** Every PUBREL is answered, also one for an exchange that nobody knows [MQTT-4.3.3-11]. */
  pubrel(session: Session, { packetId }: Ack): void {
    this.#requests.begin(session);
    this.#context.cluster.forget(session.clientId, packetId, (known) => {
      if (!session.connection.open) return;
      session.open?.delete(packetId);
      this.#complete(session, packetId, known);
      this.#requests.end(session);
      this.#context.answered();
    });
  }

  #complete({ connection, version }: Session, packetId: number, known: boolean): void {
    const { output } = this.#context;
    if (known || version === 4) return output.ack(connection, 'PUBCOMP', packetId);
    output.packet(connection, { type: 'PUBCOMP', packetId, reasonCode: REASON.PACKET_IDENTIFIER_NOT_FOUND });
  }

  /** A client that sends an AUTH has named no method: CONNECT with one is refused [MQTT-4.12.0-6]. */
  auth(): never {
    throw protocolError('AUTH without an authentication method in CONNECT');
  }
}
