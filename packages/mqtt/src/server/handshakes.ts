import { protocolError } from '../codec/mqtt-error.ts';
import type { Ack } from '../codec/packet.ts';
import { isFailure, REASON } from '../codec/reason-codes.ts';
import type { Flight } from './flights.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';

/** What clients answer to deliveries of QoS 1 and 2 [MQTT-4.3.2] [MQTT-4.3.3]. */
export class Handshakes {
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /** A reason that says failure ends the delivery as well: the message is not sent again [MQTT-4.4.0-2] [MQTT-4.8.2-6]. */
  puback(session: Session, { packetId }: Ack): void {
    const flight = session.flights.get(packetId);
    if (flight === undefined || flight.state === 'reserved') return;
    if (flight.qos !== 1) throw protocolError(`PUBACK for packet ${packetId}, which is of QoS 2`);
    this.#land(session, flight);
  }

  pubrec(session: Session, { packetId, reasonCode }: Ack): void {
    const flight = session.flights.get(packetId);
    if (flight === undefined) return this.#unknown(session, packetId, reasonCode);
    if (flight.state === 'reserved') return;
    if (flight.qos !== 2) throw protocolError(`PUBREC for packet ${packetId}, which is of QoS 1`);
    if (flight.state === 'released') return this.#context.output.ack(session.connection, 'PUBREL', packetId);
    if (flight.state !== 'sent') return;
    if (isFailure(reasonCode)) this.#end(session, flight);
    else this.release(session, flight);
  }

  #unknown({ connection }: Session, packetId: number, reasonCode: number): void {
    if (isFailure(reasonCode)) return;
    const { output } = this.#context;
    if (connection.version === 4) output.ack(connection, 'PUBREL', packetId);
    else output.packet(connection, { type: 'PUBREL', packetId, reasonCode: REASON.PACKET_IDENTIFIER_NOT_FOUND });
  }

  /** PUBREL, once the cluster has written down that it comes: from then on the message is not sent again [MQTT-4.3.3-6]. */
  release(session: Session, flight: Flight): void {
    const { queue, offset, packetId } = flight;
    flight.state = 'releasing';
    this.#context.cluster.exchange(
      session.clientId,
      session.epoch,
      packetId,
      { queue, offset, packetId, released: true },
      (held) => {
        if (!held || !session.connection.open) return;
        flight.state = 'released';
        this.#context.output.ack(session.connection, 'PUBREL', packetId);
        this.#context.answered();
      },
    );
  }

  /** PUBREL for an exchange that was released on a connection before [MQTT-4.4.0-1]. */
  releaseAgain(session: Session, flight: Flight): void {
    this.#context.output.ack(session.connection, 'PUBREL', flight.packetId);
  }

  pubcomp(session: Session, { packetId }: Ack): void {
    const flight = session.flights.get(packetId);
    if (flight?.state === 'released') this.#end(session, flight);
  }

  #end(session: Session, flight: Flight): void {
    this.#land(session, flight);
    this.#context.cluster.exchange(session.clientId, session.epoch, flight.packetId, undefined, () => {});
  }

  #land(session: Session, flight: Flight): void {
    session.flights.delete(flight.packetId);
    session.landed(flight);
    this.#context.figures.acknowledged++;
    flight.settle?.(true);
  }
}
