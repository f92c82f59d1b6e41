import { Random } from '@qanat/core';
import type { Connack, Connect, Properties, Will } from '../codec/packet.ts';
import { REASON } from '../codec/reason-codes.ts';
import { selectionOf } from '../filters/topic-filter.ts';
import type { Claimed, ClaimRefusal, ClaimRequest } from '../ports.ts';
import { mayHaveSessionOf } from '../principal.ts';
import { OutboundAliases } from './aliases.ts';
import { Claims } from './claims.ts';
import { type Connection, HOLD } from './connection.ts';
import type { Endings } from './endings.ts';
import { CLIENT_ID_BYTES_MAX } from './limits.ts';
import { publishRefusal } from './publish-refusal.ts';
import type { ServerContext } from './server-context.ts';
import { Session } from './session.ts';

const FOR_EVER = 0xffff_ffff;
/** So many silences of the Keep Alive end a connection [MQTT-3.1.2-22]. */
const PATIENCE = 1.5;
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

/** Reasons for what the gate and the cluster say. */
const REFUSALS = {
  'bad-credentials': REASON.BAD_USER_NAME_OR_PASSWORD,
  'not-authorized': REASON.NOT_AUTHORIZED,
  'quota-exceeded': REASON.QUOTA_EXCEEDED,
  unavailable: REASON.SERVER_UNAVAILABLE,
} as const;

const isRefusal = (answer: string): answer is keyof typeof REFUSALS => Object.hasOwn(REFUSALS, answer);

/** The will with bytes of its own: the packet's are not kept. */
function kept(will: Will): Will {
  const payload = new Uint8Array(will.payload);
  const { properties } = will;
  if (properties === undefined) return { ...will, payload };
  const { correlationData } = properties;
  const own = correlationData === undefined ? properties : { ...properties, correlationData: new Uint8Array(correlationData) };
  return { ...will, payload, properties: own };
}

/** A CONNECT that is being answered. */
interface Attempt {
  readonly connection: Connection;
  readonly connect: Connect;
  readonly clientId: string;
  /** Seconds. */
  readonly expiryInterval: number;
}

/** Answers CONNECT (MQTT 5.0 section 3.1.4). */
export class Connecting {
  readonly #context: ServerContext;
  readonly #endings: Endings;
  readonly #claims: Claims;
  readonly #random: Random;
  readonly #begin: (session: Session, claimed: Claimed) => void;

  /** @param begin the session is there, and CONNACK is written: what it still has to be sent follows. */
  constructor(context: ServerContext, endings: Endings, seed: number, begin: (session: Session, claimed: Claimed) => void) {
    this.#context = context;
    this.#endings = endings;
    this.#claims = new Claims(context.cluster);
    this.#random = new Random(seed);
    this.#begin = begin;
  }

  connect(connection: Connection, connect: Connect): void {
    const { clientId } = connect;
    connection.phase = 'connecting';
    connection.version = connect.version;
    connection.clientId = clientId === '' ? this.#newClientId() : clientId;
    connection.packetBytesMax = connect.properties?.maximumPacketSize ?? FOR_EVER;
    this.#context.output.hold(connection, HOLD.CONNECTING);
    const refusal = this.#refusal(connect);
    if (refusal !== undefined) return this.#endings.refuse(connection, refusal);
    const expiryInterval = this.#expiryOf(connect);
    const will = connect.will === undefined ? undefined : kept(connect.will);
    const own = will === undefined ? connect : { ...connect, will };
    this.#authenticate({ connection, connect: own, clientId: connection.clientId, expiryInterval });
  }

  /** A name that nobody has: 96 random bits [MQTT-3.1.3-6] [MQTT-3.2.2-16]. */
  #newClientId(): string {
    const words = [this.#random.uint32(), this.#random.uint32(), this.#random.uint32()];
    return `auto-${words.map((word) => word.toString(36).padStart(7, '0')).join('')}`;
  }

  #refusal({ properties, clientId }: Connect): number | undefined {
    if (this.#context.stopping) return REASON.SERVER_UNAVAILABLE;
    if (properties?.authenticationMethod !== undefined) return REASON.BAD_AUTHENTICATION_METHOD;
    return Buffer.byteLength(clientId) > CLIENT_ID_BYTES_MAX ? REASON.CLIENT_IDENTIFIER_NOT_VALID : undefined;
  }

  #expiryOf({ version, cleanStart, properties }: Connect): number {
    const most = this.#context.limits.sessionExpiryMax;
    // 3.1.1 knows sessions that end with the connection, and those that stay: for as long as sessions do here.
    if (version === 4) return cleanStart ? 0 : most;
    return Math.min(properties?.sessionExpiryInterval ?? 0, most);
  }

  #authenticate(attempt: Attempt): void {
    const { connection, connect } = attempt;
    const { username, password } = connect;
    const credentials = { clientId: attempt.clientId, username, password, peer: connection.peer };
    this.#context.gate.authenticate(credentials, (answer, why) => {
      if (connection.open) this.#authenticated(attempt, answer, why);
      this.#context.answered();
    });
  }

  #authenticated(attempt: Attempt, answer: string, why: string | undefined): void {
    const { connection, connect } = attempt;
    if (isRefusal(answer)) return this.#endings.refuse(connection, REFUSALS[answer], { user: connect.username, why });
    if (this.#context.stopping) return this.#endings.refuse(connection, REASON.SERVER_UNAVAILABLE);
    const { will } = connect;
    const refusal = will === undefined ? undefined : this.#willRefusal(attempt, answer, will);
    if (refusal !== undefined) return this.#endings.refuse(connection, refusal);
    const session = this.#context.sessions.get(attempt.clientId);
    if (session !== undefined && !mayHaveSessionOf(answer, session.principal))
      return this.#endings.refuse(connection, REASON.NOT_AUTHORIZED);
    if (session !== undefined) this.#takeOver(session);
    this.#claim(attempt, answer);
  }

  /** As if it were published now: when it is due nobody can be told. */
  #willRefusal({ clientId }: Attempt, principal: string, will: Will): number | undefined {
    const { gate, cluster } = this.#context;
    const refusal = publishRefusal(gate, { principal, clientId }, will.topic, will);
    return refusal ?? (cluster.takes(will.topic) ? undefined : REASON.TOPIC_NAME_INVALID);
  }

  /** Whoever has the session here gives it up [MQTT-3.1.4-3]. */
  #takeOver(session: Session): void {
    this.#context.figures.sessionsTakenOver++;
    this.#endings.disconnect(session.connection, REASON.SESSION_TAKEN_OVER);
  }

  #claim(attempt: Attempt, principal: string): void {
    const { connection, connect, clientId, expiryInterval } = attempt;
    const { cleanStart, will } = connect;
    const maySubscribe = (filter: string): boolean => this.#maySubscribe(connection, principal, filter);
    const wanted = (): boolean => connection.open;
    const request: ClaimRequest = { clientId, cleanStart, expiryInterval, will, principal, maySubscribe, wanted };
    this.#claims.claim({
      request,
      done: (answer) => {
        this.#claimed(attempt, principal, answer);
        this.#context.answered();
      },
      giveUp: () => this.#endings.end(connection, { discardWill: false }),
    });
  }

  /** Rights may have been withdrawn since the subscription was made. */
  #maySubscribe(connection: Connection, principal: string, filter: string): boolean {
    const { gate } = this.#context;
    const may = gate.maySubscribe(principal, selectionOf(filter), connection.clientId);
    if (!may)
      this.#context.tellRefusal('subscription-dropped', connection.peer, {
        client: connection.clientId,
        user: principal,
        filter,
      });
    return may;
  }

  #claimed(attempt: Attempt, principal: string, answer: Claimed | ClaimRefusal): void {
    const { connection, clientId, expiryInterval } = attempt;
    if (typeof answer === 'string') return this.#endings.refuse(connection, REFUSALS[answer]);
    if (this.#context.stopping) {
      this.#context.cluster.suspend(clientId, answer.epoch, { expiryInterval, discardWill: true, backlog: answer.backlog });
      return this.#endings.refuse(connection, REASON.SERVER_UNAVAILABLE);
    }
    this.#accept(attempt, principal, answer);
  }

  #accept(attempt: Attempt, principal: string, claimed: Claimed): void {
    const { connection, connect, clientId, expiryInterval } = attempt;
    if (!this.#sendConnack(attempt, claimed)) return;
    const receiveMaximum = connect.properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT;
    const session = new Session({
      connection,
      clientId,
      epoch: claimed.epoch,
      principal,
      expiryInterval,
      window: Math.min(receiveMaximum, this.#context.limits.windowMax),
      firstPacketId: claimed.firstPacketId,
      sentUntilMs: claimed.sentUntilMs,
    });
    this.#online(connection, session, connect);
    this.#begin(session, claimed);
  }

  /** @returns whether it was sent; otherwise the session is given back, and the connection has ended. */
  #sendConnack(attempt: Attempt, { sessionPresent, epoch, backlog }: Claimed): boolean {
    const { connection, clientId, expiryInterval } = attempt;
    const { output, cluster } = this.#context;
    const properties = connection.version === 5 ? this.#connackProperties(attempt) : undefined;
    const connack: Connack = { type: 'CONNACK', sessionPresent, reasonCode: REASON.SUCCESS };
    const sent = output.packetIfSayable(connection, properties === undefined ? connack : { ...connack, properties });
    if (sent === 'sent') return true;
    cluster.suspend(clientId, epoch, { expiryInterval, discardWill: true, backlog });
    // It takes packets so small that even this one does not fit: nothing may be sent to it [MQTT-3.1.2-24].
    if (sent === 'too-large') this.#endings.end(connection, { discardWill: true });
    else this.#endings.refuse(connection, REASON.IMPLEMENTATION_SPECIFIC_ERROR);
    return false;
  }

  #online(connection: Connection, session: Session, connect: Connect): void {
    const { limits, sessions, nowMs } = this.#context;
    connection.session = session;
    connection.phase = 'online';
    connection.heardMs = nowMs;
    connection.silenceMaxMs = this.#keepAliveOf(connect) * PATIENCE * 1_000;
    const aliases = Math.min(connect.properties?.topicAliasMaximum ?? 0, limits.topicAliasMaximum);
    if (aliases > 0) connection.aliasesOut = new OutboundAliases(aliases);
    sessions.set(session.clientId, session);
  }

  /** Seconds. A client of 3.1.1 cannot be told another one, so it has what it asked for. */
  #keepAliveOf({ version, keepAlive }: Connect): number {
    const most = this.#context.limits.keepAliveMax;
    if (version === 4 || most === 0) return keepAlive;
    return keepAlive === 0 ? most : Math.min(keepAlive, most);
  }

  /** What the client cannot know by itself (MQTT 5.0 section 3.2.2.3). */
  #connackProperties({ connect, clientId, expiryInterval }: Attempt): Properties {
    const { receiveMaximum, topicAliasMaximum, packetBytesMax } = this.#context.limits;
    const keepAlive = this.#keepAliveOf(connect);
    const asked = connect.properties?.sessionExpiryInterval ?? 0;
    return {
      receiveMaximum,
      maximumPacketSize: packetBytesMax,
      ...(topicAliasMaximum === 0 ? undefined : { topicAliasMaximum }),
      ...(asked === expiryInterval ? undefined : { sessionExpiryInterval: expiryInterval }),
      ...(connect.clientId === '' ? { assignedClientIdentifier: clientId } : undefined),
      ...(keepAlive === connect.keepAlive ? undefined : { serverKeepAlive: keepAlive }),
    };
  }
}
