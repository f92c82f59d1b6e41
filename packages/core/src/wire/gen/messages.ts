// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkCount, checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing,
  NO_BYTES, readBytes, readEnum, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import * as reg from './registry.ts';

/** The control header of every frame with the flag ERROR. */
export interface ErrorInfo {
  /** a number of ErrorCode */
  readonly code: number;
  /** for people; its text is no interface */
  readonly message: string;
  /** 0: the client's own back-off */
  readonly retryAfterMs: number;
  /** with SEQUENCE_GAP: the next number */
  readonly expectedSequence: number;
}

export interface ErrorInfoInit {
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly expectedSequence?: number | undefined;
}


function writeErrorInfo(w: ProtobufWriter, v: ErrorInfoInit): ProtobufWriter {
  if (v.code) w.uint32(8).uint32(checkUint32(v.code, 'ErrorInfo.code'));
  if (v.message !== undefined && v.message.length > 0) w.uint32(18).string(v.message);
  if (v.retryAfterMs) w.uint32(24).uint32(checkUint32(v.retryAfterMs, 'ErrorInfo.retry_after_ms'));
  if (v.expectedSequence) w.uint32(32).uint32(checkUint32(v.expectedSequence, 'ErrorInfo.expected_sequence'));
  return w;
}

function readErrorInfo(r: ProtobufReader, end: number): ErrorInfo {
  let code: number = 0;
  let message: string = '';
  let retryAfterMs: number = 0;
  let expectedSequence: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: code = r.uint32(); break;
      case 18: message = readString(r, reg.LIMITS.ERROR_MESSAGE_BYTES_MAX, 'ErrorInfo.message'); break;
      case 24: retryAfterMs = r.uint32(); break;
      case 32: expectedSequence = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (code === 0) missing('ErrorInfo.code');
  return { code, message, retryAfterMs, expectedSequence };
}

export const ErrorInfo: MessageType<ErrorInfo, ErrorInfoInit> = /* @__PURE__ */ messageType('ErrorInfo', writeErrorInfo, readErrorInfo);

/** First frame of a connection, by the client. */
export interface Hello {
  /** highest minor version that the client speaks */
  readonly minor: number;
  /** features that the client would use */
  readonly features: readonly number[];
  /** refuse the connection without them */
  readonly requiredFeatures: readonly number[];
  /** name and version, for logs */
  readonly software: string;
  /** longest frame that the client takes; 0: FRAME_BYTES_MAX */
  readonly frameBytesMax: number;
  /** silence that the client allows; 0: IDLE_MS */
  readonly idleMs: number;
  /** what its operator calls it */
  readonly label: string;
}

export interface HelloInit {
  readonly minor?: number | undefined;
  readonly features?: readonly number[] | undefined;
  readonly requiredFeatures?: readonly number[] | undefined;
  readonly software?: string | undefined;
  readonly frameBytesMax?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly label?: string | undefined;
}


function writeHello(w: ProtobufWriter, v: HelloInit): ProtobufWriter {
  if (v.minor) w.uint32(8).uint32(checkUint32(v.minor, 'Hello.minor'));
  if (v.features !== undefined && v.features.length > 0) {
    w.uint32(18).fork();
    for (const item of v.features) w.uint32(checkUint32(item, 'Hello.features'));
    w.ldelim();
  }
  if (v.requiredFeatures !== undefined && v.requiredFeatures.length > 0) {
    w.uint32(26).fork();
    for (const item of v.requiredFeatures) w.uint32(checkUint32(item, 'Hello.required_features'));
    w.ldelim();
  }
  if (v.software !== undefined && v.software.length > 0) w.uint32(34).string(v.software);
  if (v.frameBytesMax) w.uint32(40).uint32(checkUint32(v.frameBytesMax, 'Hello.frame_bytes_max'));
  if (v.idleMs) w.uint32(48).uint32(checkUint32(v.idleMs, 'Hello.idle_ms'));
  if (v.label !== undefined && v.label.length > 0) w.uint32(58).string(v.label);
  return w;
}

function readHello(r: ProtobufReader, end: number): Hello {
  let minor: number = 0;
  const features: number[] = [];
  const requiredFeatures: number[] = [];
  let software: string = '';
  let frameBytesMax: number = 0;
  let idleMs: number = 0;
  let label: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: minor = r.uint32(); break;
      case 18: { const end = r.end(); while (r.pos < end) { checkCount(features.length, reg.LIMITS.LIST_ITEMS_MAX, 'Hello.features'); features.push(r.uint32()); } } break;
      case 26: { const end = r.end(); while (r.pos < end) { checkCount(requiredFeatures.length, reg.LIMITS.LIST_ITEMS_MAX, 'Hello.required_features'); requiredFeatures.push(r.uint32()); } } break;
      case 34: software = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Hello.software'); break;
      case 40: frameBytesMax = r.uint32(); break;
      case 48: idleMs = r.uint32(); break;
      case 58: label = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Hello.label'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { minor, features, requiredFeatures, software, frameBytesMax, idleMs, label };
}

export const Hello: MessageType<Hello, HelloInit> = /* @__PURE__ */ messageType('Hello', writeHello, readHello);

/** Answer to HELLO. */
export interface HelloOk {
  /** the lower of both */
  readonly minor: number;
  /** active features: asked for and known */
  readonly features: readonly number[];
  readonly software: string;
  readonly role: reg.ServerRole;
  /** the broker's name, or the NameServer's label */
  readonly name: string;
  /** 16 random bytes drawn when the broker's store was made; empty for a NameServer */
  readonly storeId: Uint8Array;
  /** the broker's term; 0 for a NameServer */
  readonly term: number;
  /** longest frame that the server takes */
  readonly frameBytesMax: number;
  /** longest record batch that the server takes */
  readonly batchBytesMax: number;
  /** requests that may wait for a response */
  readonly inFlightMax: number;
  /** silence after which either side closes: the lower of both */
  readonly idleMs: number;
  /** with the feature AUTH: those offered, numbers of AuthMechanism */
  readonly mechanisms: readonly number[];
  /** number of the replica in its broker group; 0 where there is one only */
  readonly replica: number;
  /** of a broker */
  readonly replicaRole: reg.ReplicaRole;
}

export interface HelloOkInit {
  readonly minor?: number | undefined;
  readonly features?: readonly number[] | undefined;
  readonly software?: string | undefined;
  readonly role?: reg.ServerRole | undefined;
  readonly name?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly term?: number | undefined;
  readonly frameBytesMax?: number | undefined;
  readonly batchBytesMax?: number | undefined;
  readonly inFlightMax?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly mechanisms?: readonly number[] | undefined;
  readonly replica?: number | undefined;
  readonly replicaRole?: reg.ReplicaRole | undefined;
}


function writeHelloOk(w: ProtobufWriter, v: HelloOkInit): ProtobufWriter {
  if (v.minor) w.uint32(8).uint32(checkUint32(v.minor, 'HelloOk.minor'));
  if (v.features !== undefined && v.features.length > 0) {
    w.uint32(18).fork();
    for (const item of v.features) w.uint32(checkUint32(item, 'HelloOk.features'));
    w.ldelim();
  }
  if (v.software !== undefined && v.software.length > 0) w.uint32(26).string(v.software);
  if (v.role) w.uint32(32).uint32(v.role);
  if (v.name !== undefined && v.name.length > 0) w.uint32(42).string(v.name);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(50).bytes(v.storeId);
  if (v.term) w.uint32(56).uint32(checkUint32(v.term, 'HelloOk.term'));
  if (v.frameBytesMax) w.uint32(64).uint32(checkUint32(v.frameBytesMax, 'HelloOk.frame_bytes_max'));
  if (v.batchBytesMax) w.uint32(72).uint32(checkUint32(v.batchBytesMax, 'HelloOk.batch_bytes_max'));
  if (v.inFlightMax) w.uint32(80).uint32(checkUint32(v.inFlightMax, 'HelloOk.in_flight_max'));
  if (v.idleMs) w.uint32(88).uint32(checkUint32(v.idleMs, 'HelloOk.idle_ms'));
  if (v.mechanisms !== undefined && v.mechanisms.length > 0) {
    w.uint32(98).fork();
    for (const item of v.mechanisms) w.uint32(checkUint32(item, 'HelloOk.mechanisms'));
    w.ldelim();
  }
  if (v.replica) w.uint32(104).uint32(checkUint32(v.replica, 'HelloOk.replica'));
  if (v.replicaRole) w.uint32(112).uint32(v.replicaRole);
  return w;
}

function readHelloOk(r: ProtobufReader, end: number): HelloOk {
  let minor: number = 0;
  const features: number[] = [];
  let software: string = '';
  let role: reg.ServerRole = 0;
  let name: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let term: number = 0;
  let frameBytesMax: number = 0;
  let batchBytesMax: number = 0;
  let inFlightMax: number = 0;
  let idleMs: number = 0;
  const mechanisms: number[] = [];
  let replica: number = 0;
  let replicaRole: reg.ReplicaRole = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: minor = r.uint32(); break;
      case 18: { const end = r.end(); while (r.pos < end) { checkCount(features.length, reg.LIMITS.LIST_ITEMS_MAX, 'HelloOk.features'); features.push(r.uint32()); } } break;
      case 26: software = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'HelloOk.software'); break;
      case 32: role = readEnum(r, reg.ServerRoleNames, 'HelloOk.role'); break;
      case 42: name = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'HelloOk.name'); break;
      case 50: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'HelloOk.store_id'); break;
      case 56: term = r.uint32(); break;
      case 64: frameBytesMax = r.uint32(); break;
      case 72: batchBytesMax = r.uint32(); break;
      case 80: inFlightMax = r.uint32(); break;
      case 88: idleMs = r.uint32(); break;
      case 98: { const end = r.end(); while (r.pos < end) { checkCount(mechanisms.length, reg.LIMITS.LIST_ITEMS_MAX, 'HelloOk.mechanisms'); mechanisms.push(r.uint32()); } } break;
      case 104: replica = r.uint32(); break;
      case 112: replicaRole = readEnum(r, reg.ReplicaRoleNames, 'HelloOk.replica_role'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { minor, features, software, role, name, storeId, term, frameBytesMax, batchBytesMax, inFlightMax, idleMs, mechanisms, replica, replicaRole };
}

export const HelloOk: MessageType<HelloOk, HelloOkInit> = /* @__PURE__ */ messageType('HelloOk', writeHelloOk, readHelloOk);

/** One step of an authentication, by the client. */
export interface Auth {
  /** the same in every step */
  readonly mechanism: reg.AuthMechanism;
  /** a message of the mechanism; empty with EXTERNAL */
  readonly data: Uint8Array;
}

export interface AuthInit {
  readonly mechanism?: reg.AuthMechanism | undefined;
  readonly data?: Uint8Array | undefined;
}


function writeAuth(w: ProtobufWriter, v: AuthInit): ProtobufWriter {
  if (v.mechanism) w.uint32(8).uint32(v.mechanism);
  if (v.data !== undefined && v.data.length > 0) w.uint32(18).bytes(v.data);
  return w;
}

function readAuth(r: ProtobufReader, end: number): Auth {
  let mechanism: reg.AuthMechanism = 0;
  let data: Uint8Array = NO_BYTES;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: mechanism = readEnum(r, reg.AuthMechanismNames, 'Auth.mechanism'); break;
      case 18: data = readBytes(r, reg.LIMITS.AUTH_DATA_BYTES_MAX, 'Auth.data'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (mechanism === 0) missing('Auth.mechanism');
  return { mechanism, data };
}

export const Auth: MessageType<Auth, AuthInit> = /* @__PURE__ */ messageType('Auth', writeAuth, readAuth);

/** Answer to one step. */
export interface AuthOk {
  /** a message of the mechanism */
  readonly data: Uint8Array;
  /** the connection is authenticated */
  readonly done: boolean;
  /** with done: who the client is now */
  readonly principal: string;
}

export interface AuthOkInit {
  readonly data?: Uint8Array | undefined;
  readonly done?: boolean | undefined;
  readonly principal?: string | undefined;
}


function writeAuthOk(w: ProtobufWriter, v: AuthOkInit): ProtobufWriter {
  if (v.data !== undefined && v.data.length > 0) w.uint32(10).bytes(v.data);
  if (v.done) w.uint32(16).bool(v.done);
  if (v.principal !== undefined && v.principal.length > 0) w.uint32(26).string(v.principal);
  return w;
}

function readAuthOk(r: ProtobufReader, end: number): AuthOk {
  let data: Uint8Array = NO_BYTES;
  let done: boolean = false;
  let principal: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: data = readBytes(r, reg.LIMITS.AUTH_DATA_BYTES_MAX, 'AuthOk.data'); break;
      case 16: done = r.bool(); break;
      case 26: principal = readString(r, reg.LIMITS.PRINCIPAL_NAME_BYTES_MAX, 'AuthOk.principal'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { data, done, principal };
}

export const AuthOk: MessageType<AuthOk, AuthOkInit> = /* @__PURE__ */ messageType('AuthOk', writeAuthOk, readAuthOk);

export type Ping = Record<string, never>;

export type PingInit = Record<string, never>;


function writePing(w: ProtobufWriter, _v: PingInit): ProtobufWriter {
  return w;
}

function readPing(r: ProtobufReader, end: number): Ping {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const Ping: MessageType<Ping, PingInit> = /* @__PURE__ */ messageType('Ping', writePing, readPing);

export type Pong = Record<string, never>;

export type PongInit = Record<string, never>;


function writePong(w: ProtobufWriter, _v: PongInit): ProtobufWriter {
  return w;
}

function readPong(r: ProtobufReader, end: number): Pong {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const Pong: MessageType<Pong, PongInit> = /* @__PURE__ */ messageType('Pong', writePong, readPong);

/** The sender will close; it takes no new requests. */
export interface GoAway {
  /** a number of ErrorCode: why */
  readonly code: number;
  readonly message: string;
  /** pending answers still come within this time */
  readonly graceMs: number;
}

export interface GoAwayInit {
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  readonly graceMs?: number | undefined;
}


function writeGoAway(w: ProtobufWriter, v: GoAwayInit): ProtobufWriter {
  if (v.code) w.uint32(8).uint32(checkUint32(v.code, 'GoAway.code'));
  if (v.message !== undefined && v.message.length > 0) w.uint32(18).string(v.message);
  if (v.graceMs) w.uint32(24).uint32(checkUint32(v.graceMs, 'GoAway.grace_ms'));
  return w;
}

function readGoAway(r: ProtobufReader, end: number): GoAway {
  let code: number = 0;
  let message: string = '';
  let graceMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: code = r.uint32(); break;
      case 18: message = readString(r, reg.LIMITS.ERROR_MESSAGE_BYTES_MAX, 'GoAway.message'); break;
      case 24: graceMs = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { code, message, graceMs };
}

export const GoAway: MessageType<GoAway, GoAwayInit> = /* @__PURE__ */ messageType('GoAway', writeGoAway, readGoAway);

/** One address under which a broker can be reached. */
export interface Endpoint {
  /** name of the listener, "default" if nothing else was said */
  readonly listener: string;
  /** qanat, qanats, ws, wss, mem */
  readonly scheme: string;
  /** host:port */
  readonly address: string;
}

export interface EndpointInit {
  readonly listener?: string | undefined;
  readonly scheme?: string | undefined;
  readonly address?: string | undefined;
}


export function writeEndpoint(w: ProtobufWriter, v: EndpointInit): ProtobufWriter {
  if (v.listener !== undefined && v.listener.length > 0) w.uint32(10).string(v.listener);
  if (v.scheme !== undefined && v.scheme.length > 0) w.uint32(18).string(v.scheme);
  if (v.address !== undefined && v.address.length > 0) w.uint32(26).string(v.address);
  return w;
}

export function readEndpoint(r: ProtobufReader, end: number): Endpoint {
  let listener: string = '';
  let scheme: string = '';
  let address: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: listener = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Endpoint.listener'); break;
      case 18: scheme = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Endpoint.scheme'); break;
      case 26: address = readString(r, reg.LIMITS.ADDRESS_BYTES_MAX, 'Endpoint.address'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (scheme.length === 0) missing('Endpoint.scheme');
  if (address.length === 0) missing('Endpoint.address');
  return { listener, scheme, address };
}

export const Endpoint: MessageType<Endpoint, EndpointInit> = /* @__PURE__ */ messageType('Endpoint', writeEndpoint, readEndpoint);

/** A topic's share at one broker. */
export interface TopicShare {
  readonly topic: string;
  /** the queues are 0 .. queues-1 */
  readonly queues: number;
}

export interface TopicShareInit {
  readonly topic?: string | undefined;
  readonly queues?: number | undefined;
}


export function writeTopicShare(w: ProtobufWriter, v: TopicShareInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queues) w.uint32(16).uint32(checkUint32(v.queues, 'TopicShare.queues'));
  return w;
}

export function readTopicShare(r: ProtobufReader, end: number): TopicShare {
  let topic: string = '';
  let queues: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicShare.topic'); break;
      case 16: queues = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicShare.topic');
  return { topic, queues };
}

export const TopicShare: MessageType<TopicShare, TopicShareInit> = /* @__PURE__ */ messageType('TopicShare', writeTopicShare, readTopicShare);

export interface RouteQuery {
  readonly topics: readonly string[];
  /** every topic and every broker; topics is empty then */
  readonly all: boolean;
  /** add these topics to what this connection watches */
  readonly watch: boolean;
}

export interface RouteQueryInit {
  readonly topics?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly watch?: boolean | undefined;
}


function writeRouteQuery(w: ProtobufWriter, v: RouteQueryInit): ProtobufWriter {
  if (v.topics !== undefined) for (const item of v.topics) w.uint32(10).string(item);
  if (v.all) w.uint32(16).bool(v.all);
  if (v.watch) w.uint32(24).bool(v.watch);
  return w;
}

function readRouteQuery(r: ProtobufReader, end: number): RouteQuery {
  const topics: string[] = [];
  let all: boolean = false;
  let watch: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(topics.length, reg.LIMITS.LIST_ITEMS_MAX, 'RouteQuery.topics'); topics.push(readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'RouteQuery.topics')); break;
      case 16: all = r.bool(); break;
      case 24: watch = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topics, all, watch };
}

export const RouteQuery: MessageType<RouteQuery, RouteQueryInit> = /* @__PURE__ */ messageType('RouteQuery', writeRouteQuery, readRouteQuery);

/** Routes of topics. In a response: of those asked for. In ROUTE_UPDATE: of watched topics that changed. */
export interface Routes {
  readonly routes: readonly Route[];
  /** every broker that the routes name, and those that create topics */
  readonly brokers: readonly BrokerRoute[];
}

export interface RoutesInit {
  readonly routes?: readonly RouteInit[] | undefined;
  readonly brokers?: readonly BrokerRouteInit[] | undefined;
}


function writeRoutes(w: ProtobufWriter, v: RoutesInit): ProtobufWriter {
  if (v.routes !== undefined) for (const item of v.routes) writeRoute(w.uint32(10).fork(), item).ldelim();
  if (v.brokers !== undefined) for (const item of v.brokers) writeBrokerRoute(w.uint32(18).fork(), item).ldelim();
  return w;
}

function readRoutes(r: ProtobufReader, end: number): Routes {
  const routes: Route[] = [];
  const brokers: BrokerRoute[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(routes.length, reg.LIMITS.LIST_ITEMS_MAX, 'Routes.routes'); routes.push(readRoute(r, r.end())); break;
      case 18: checkCount(brokers.length, reg.LIMITS.LIST_ITEMS_MAX, 'Routes.brokers'); brokers.push(readBrokerRoute(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { routes, brokers };
}

export const Routes: MessageType<Routes, RoutesInit> = /* @__PURE__ */ messageType('Routes', writeRoutes, readRoutes);

export interface Route {
  readonly topic: string;
  /** OK, TOPIC_NOT_FOUND, NOT_READY, INVALID_NAME or FORBIDDEN */
  readonly code: number;
  readonly shares: readonly BrokerShare[];
}

export interface RouteInit {
  readonly topic?: string | undefined;
  readonly code?: number | undefined;
  readonly shares?: readonly BrokerShareInit[] | undefined;
}


function writeRoute(w: ProtobufWriter, v: RouteInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.code) w.uint32(16).uint32(checkUint32(v.code, 'Route.code'));
  if (v.shares !== undefined) for (const item of v.shares) writeBrokerShare(w.uint32(26).fork(), item).ldelim();
  return w;
}

function readRoute(r: ProtobufReader, end: number): Route {
  let topic: string = '';
  let code: number = 0;
  const shares: BrokerShare[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'Route.topic'); break;
      case 16: code = r.uint32(); break;
      case 26: checkCount(shares.length, reg.LIMITS.LIST_ITEMS_MAX, 'Route.shares'); shares.push(readBrokerShare(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('Route.topic');
  return { topic, code, shares };
}

export const Route: MessageType<Route, RouteInit> = /* @__PURE__ */ messageType('Route', writeRoute, readRoute);

export interface BrokerShare {
  readonly broker: string;
  readonly queues: number;
}

export interface BrokerShareInit {
  readonly broker?: string | undefined;
  readonly queues?: number | undefined;
}


function writeBrokerShare(w: ProtobufWriter, v: BrokerShareInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.queues) w.uint32(16).uint32(checkUint32(v.queues, 'BrokerShare.queues'));
  return w;
}

function readBrokerShare(r: ProtobufReader, end: number): BrokerShare {
  let broker: string = '';
  let queues: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'BrokerShare.broker'); break;
      case 16: queues = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('BrokerShare.broker');
  return { broker, queues };
}

export const BrokerShare: MessageType<BrokerShare, BrokerShareInit> = /* @__PURE__ */ messageType('BrokerShare', writeBrokerShare, readBrokerShare);

export interface BrokerRoute {
  readonly broker: string;
  readonly cluster: string;
  readonly storeId: Uint8Array;
  readonly term: number;
  readonly endpoints: readonly Endpoint[];
  /** not heard of lately; new sends go elsewhere */
  readonly away: boolean;
  readonly createsTopics: boolean;
  /** of the master, to which endpoints, term and away belong */
  readonly replica: number;
  readonly slaves: readonly ReplicaRoute[];
  /** of the master */
  readonly zone: string;
}

export interface BrokerRouteInit {
  readonly broker?: string | undefined;
  readonly cluster?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly term?: number | undefined;
  readonly endpoints?: readonly EndpointInit[] | undefined;
  readonly away?: boolean | undefined;
  readonly createsTopics?: boolean | undefined;
  readonly replica?: number | undefined;
  readonly slaves?: readonly ReplicaRouteInit[] | undefined;
  readonly zone?: string | undefined;
}


function writeBrokerRoute(w: ProtobufWriter, v: BrokerRouteInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.cluster !== undefined && v.cluster.length > 0) w.uint32(18).string(v.cluster);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(26).bytes(v.storeId);
  if (v.term) w.uint32(32).uint32(checkUint32(v.term, 'BrokerRoute.term'));
  if (v.endpoints !== undefined) for (const item of v.endpoints) writeEndpoint(w.uint32(42).fork(), item).ldelim();
  if (v.away) w.uint32(48).bool(v.away);
  if (v.createsTopics) w.uint32(56).bool(v.createsTopics);
  if (v.replica) w.uint32(64).uint32(checkUint32(v.replica, 'BrokerRoute.replica'));
  if (v.slaves !== undefined) for (const item of v.slaves) writeReplicaRoute(w.uint32(74).fork(), item).ldelim();
  if (v.zone !== undefined && v.zone.length > 0) w.uint32(82).string(v.zone);
  return w;
}

function readBrokerRoute(r: ProtobufReader, end: number): BrokerRoute {
  let broker: string = '';
  let cluster: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let term: number = 0;
  const endpoints: Endpoint[] = [];
  let away: boolean = false;
  let createsTopics: boolean = false;
  let replica: number = 0;
  const slaves: ReplicaRoute[] = [];
  let zone: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'BrokerRoute.broker'); break;
      case 18: cluster = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'BrokerRoute.cluster'); break;
      case 26: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'BrokerRoute.store_id'); break;
      case 32: term = r.uint32(); break;
      case 42: checkCount(endpoints.length, reg.LIMITS.ENDPOINTS_PER_BROKER_MAX, 'BrokerRoute.endpoints'); endpoints.push(readEndpoint(r, r.end())); break;
      case 48: away = r.bool(); break;
      case 56: createsTopics = r.bool(); break;
      case 64: replica = r.uint32(); break;
      case 74: checkCount(slaves.length, reg.LIMITS.REPLICAS_MAX, 'BrokerRoute.slaves'); slaves.push(readReplicaRoute(r, r.end())); break;
      case 82: zone = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'BrokerRoute.zone'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('BrokerRoute.broker');
  return { broker, cluster, storeId, term, endpoints, away, createsTopics, replica, slaves, zone };
}

export const BrokerRoute: MessageType<BrokerRoute, BrokerRouteInit> = /* @__PURE__ */ messageType('BrokerRoute', writeBrokerRoute, readBrokerRoute);

/** A slave of a broker group, in a route. */
export interface ReplicaRoute {
  readonly replica: number;
  readonly endpoints: readonly Endpoint[];
  readonly away: boolean;
  readonly zone: string;
}

export interface ReplicaRouteInit {
  readonly replica?: number | undefined;
  readonly endpoints?: readonly EndpointInit[] | undefined;
  readonly away?: boolean | undefined;
  readonly zone?: string | undefined;
}


function writeReplicaRoute(w: ProtobufWriter, v: ReplicaRouteInit): ProtobufWriter {
  if (v.replica) w.uint32(8).uint32(checkUint32(v.replica, 'ReplicaRoute.replica'));
  if (v.endpoints !== undefined) for (const item of v.endpoints) writeEndpoint(w.uint32(18).fork(), item).ldelim();
  if (v.away) w.uint32(24).bool(v.away);
  if (v.zone !== undefined && v.zone.length > 0) w.uint32(34).string(v.zone);
  return w;
}

function readReplicaRoute(r: ProtobufReader, end: number): ReplicaRoute {
  let replica: number = 0;
  const endpoints: Endpoint[] = [];
  let away: boolean = false;
  let zone: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: replica = r.uint32(); break;
      case 18: checkCount(endpoints.length, reg.LIMITS.ENDPOINTS_PER_BROKER_MAX, 'ReplicaRoute.endpoints'); endpoints.push(readEndpoint(r, r.end())); break;
      case 24: away = r.bool(); break;
      case 34: zone = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'ReplicaRoute.zone'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { replica, endpoints, away, zone };
}

export const ReplicaRoute: MessageType<ReplicaRoute, ReplicaRouteInit> = /* @__PURE__ */ messageType('ReplicaRoute', writeReplicaRoute, readReplicaRoute);

export interface InitProducer {
  /** makes the id durable and fences its former holder; empty for none */
  readonly name: string;
  /** take this id over; 0 for a new one */
  readonly producerId: number;
  /** reserved for transactions */
  readonly producerGroup: string;
  /** with producer_id: the epoch that the client holds; another one is PRODUCER_FENCED */
  readonly epoch: number;
}

export interface InitProducerInit {
  readonly name?: string | undefined;
  readonly producerId?: number | undefined;
  readonly producerGroup?: string | undefined;
  readonly epoch?: number | undefined;
}


function writeInitProducer(w: ProtobufWriter, v: InitProducerInit): ProtobufWriter {
  if (v.name !== undefined && v.name.length > 0) w.uint32(10).string(v.name);
  if (v.producerId) w.uint32(16).uint64(checkUint64(v.producerId, 'InitProducer.producer_id'));
  if (v.producerGroup !== undefined && v.producerGroup.length > 0) w.uint32(26).string(v.producerGroup);
  if (v.epoch) w.uint32(32).uint32(checkUint32(v.epoch, 'InitProducer.epoch'));
  return w;
}

function readInitProducer(r: ProtobufReader, end: number): InitProducer {
  let name: string = '';
  let producerId: number = 0;
  let producerGroup: string = '';
  let epoch: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: name = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'InitProducer.name'); break;
      case 16: producerId = readUint64(r, 'InitProducer.producer_id'); break;
      case 26: producerGroup = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'InitProducer.producer_group'); break;
      case 32: epoch = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { name, producerId, producerGroup, epoch };
}

export const InitProducer: MessageType<InitProducer, InitProducerInit> = /* @__PURE__ */ messageType('InitProducer', writeInitProducer, readInitProducer);

export interface InitProducerOk {
  readonly producerId: number;
  /** of a named producer, 0 otherwise */
  readonly epoch: number;
}

export interface InitProducerOkInit {
  readonly producerId?: number | undefined;
  readonly epoch?: number | undefined;
}


function writeInitProducerOk(w: ProtobufWriter, v: InitProducerOkInit): ProtobufWriter {
  if (v.producerId) w.uint32(8).uint64(checkUint64(v.producerId, 'InitProducerOk.producer_id'));
  if (v.epoch) w.uint32(16).uint32(checkUint32(v.epoch, 'InitProducerOk.epoch'));
  return w;
}

function readInitProducerOk(r: ProtobufReader, end: number): InitProducerOk {
  let producerId: number = 0;
  let epoch: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: producerId = readUint64(r, 'InitProducerOk.producer_id'); break;
      case 16: epoch = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { producerId, epoch };
}

export const InitProducerOk: MessageType<InitProducerOk, InitProducerOkInit> = /* @__PURE__ */ messageType('InitProducerOk', writeInitProducerOk, readInitProducerOk);

export interface Send {
  readonly topic: string;
  readonly queue: number;
  readonly ack: reg.AckLevel;
  /** empty: none; otherwise the feature DEDUP is active */
  readonly dedupId: string;
}

export interface SendInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly ack?: reg.AckLevel | undefined;
  readonly dedupId?: string | undefined;
}


function writeSend(w: ProtobufWriter, v: SendInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'Send.queue'));
  if (v.ack) w.uint32(24).uint32(v.ack);
  if (v.dedupId !== undefined && v.dedupId.length > 0) w.uint32(34).string(v.dedupId);
  return w;
}

function readSend(r: ProtobufReader, end: number): Send {
  let topic: string = '';
  let queue: number = 0;
  let ack: reg.AckLevel = 0;
  let dedupId: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'Send.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: ack = readEnum(r, reg.AckLevelNames, 'Send.ack'); break;
      case 34: dedupId = readString(r, reg.LIMITS.STATE_KEY_BYTES_MAX, 'Send.dedup_id'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('Send.topic');
  return { topic, queue, ack, dedupId };
}

export const Send: MessageType<Send, SendInit> = /* @__PURE__ */ messageType('Send', writeSend, readSend);

export interface SendOk {
  /** offset of the first record; UNKNOWN_OFFSET (2^53-1) for a duplicate that is no longer remembered */
  readonly baseOffset: number;
  readonly storeTimeMs: number;
  /** the batch was stored before */
  readonly duplicate: boolean;
}

export interface SendOkInit {
  readonly baseOffset?: number | undefined;
  readonly storeTimeMs?: number | undefined;
  readonly duplicate?: boolean | undefined;
}


function writeSendOk(w: ProtobufWriter, v: SendOkInit): ProtobufWriter {
  if (v.baseOffset) w.uint32(8).uint64(checkUint64(v.baseOffset, 'SendOk.base_offset'));
  if (v.storeTimeMs) w.uint32(16).uint64(checkUint64(v.storeTimeMs, 'SendOk.store_time_ms'));
  if (v.duplicate) w.uint32(24).bool(v.duplicate);
  return w;
}

function readSendOk(r: ProtobufReader, end: number): SendOk {
  let baseOffset: number = 0;
  let storeTimeMs: number = 0;
  let duplicate: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: baseOffset = readUint64(r, 'SendOk.base_offset'); break;
      case 16: storeTimeMs = readUint64(r, 'SendOk.store_time_ms'); break;
      case 24: duplicate = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { baseOffset, storeTimeMs, duplicate };
}

export const SendOk: MessageType<SendOk, SendOkInit> = /* @__PURE__ */ messageType('SendOk', writeSendOk, readSendOk);

export interface Subscription {
  readonly kind: reg.GroupKind;
  readonly strategy: reg.Strategy;
  /** a higher one replaces the group's record */
  readonly version: number;
  readonly topics: readonly TopicFilter[];
  /** where the group begins in a queue without an offset */
  readonly from: reg.Position;
  readonly fromTimeMs: number;
}

export interface SubscriptionInit {
  readonly kind?: reg.GroupKind | undefined;
  readonly strategy?: reg.Strategy | undefined;
  readonly version?: number | undefined;
  readonly topics?: readonly TopicFilterInit[] | undefined;
  readonly from?: reg.Position | undefined;
  readonly fromTimeMs?: number | undefined;
}


export function writeSubscription(w: ProtobufWriter, v: SubscriptionInit): ProtobufWriter {
  if (v.kind) w.uint32(8).uint32(v.kind);
  if (v.strategy) w.uint32(16).uint32(v.strategy);
  if (v.version) w.uint32(24).uint32(checkUint32(v.version, 'Subscription.version'));
  if (v.topics !== undefined) for (const item of v.topics) writeTopicFilter(w.uint32(34).fork(), item).ldelim();
  if (v.from) w.uint32(40).uint32(v.from);
  if (v.fromTimeMs) w.uint32(48).uint64(checkUint64(v.fromTimeMs, 'Subscription.from_time_ms'));
  return w;
}

export function readSubscription(r: ProtobufReader, end: number): Subscription {
  let kind: reg.GroupKind = 0;
  let strategy: reg.Strategy = 0;
  let version: number = 0;
  const topics: TopicFilter[] = [];
  let from: reg.Position = 0;
  let fromTimeMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: kind = readEnum(r, reg.GroupKindNames, 'Subscription.kind'); break;
      case 16: strategy = readEnum(r, reg.StrategyNames, 'Subscription.strategy'); break;
      case 24: version = r.uint32(); break;
      case 34: checkCount(topics.length, reg.LIMITS.SUBSCRIPTIONS_PER_GROUP_MAX, 'Subscription.topics'); topics.push(readTopicFilter(r, r.end())); break;
      case 40: from = readEnum(r, reg.PositionNames, 'Subscription.from'); break;
      case 48: fromTimeMs = readUint64(r, 'Subscription.from_time_ms'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topics.length === 0) missing('Subscription.topics');
  return { kind, strategy, version, topics, from, fromTimeMs };
}

export const Subscription: MessageType<Subscription, SubscriptionInit> = /* @__PURE__ */ messageType('Subscription', writeSubscription, readSubscription);

export interface TopicFilter {
  readonly topic: string;
  readonly filter: string;
}

export interface TopicFilterInit {
  readonly topic?: string | undefined;
  readonly filter?: string | undefined;
}


function writeTopicFilter(w: ProtobufWriter, v: TopicFilterInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.filter !== undefined && v.filter.length > 0) w.uint32(18).string(v.filter);
  return w;
}

function readTopicFilter(r: ProtobufReader, end: number): TopicFilter {
  let topic: string = '';
  let filter: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicFilter.topic'); break;
      case 18: filter = readString(r, reg.LIMITS.FILTER_BYTES_MAX, 'TopicFilter.filter'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicFilter.topic');
  return { topic, filter };
}

export const TopicFilter: MessageType<TopicFilter, TopicFilterInit> = /* @__PURE__ */ messageType('TopicFilter', writeTopicFilter, readTopicFilter);

/** State, not an event: everything that the member holds at this broker. */
export interface Assignment {
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  /** alive at this broker */
  readonly members: number;
  /** of the group's topics over all brokers, as this broker sees them */
  readonly queues: number;
  readonly leases: readonly Lease[];
  /** by this broker's view the member gets no queue at any broker */
  readonly idle: boolean;
}

export interface AssignmentInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly generation?: number | undefined;
  readonly members?: number | undefined;
  readonly queues?: number | undefined;
  readonly leases?: readonly LeaseInit[] | undefined;
  readonly idle?: boolean | undefined;
}


export function writeAssignment(w: ProtobufWriter, v: AssignmentInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.generation) w.uint32(24).uint64(checkUint64(v.generation, 'Assignment.generation'));
  if (v.members) w.uint32(32).uint32(checkUint32(v.members, 'Assignment.members'));
  if (v.queues) w.uint32(40).uint32(checkUint32(v.queues, 'Assignment.queues'));
  if (v.leases !== undefined) for (const item of v.leases) writeLease(w.uint32(50).fork(), item).ldelim();
  if (v.idle) w.uint32(56).bool(v.idle);
  return w;
}

export function readAssignment(r: ProtobufReader, end: number): Assignment {
  let group: string = '';
  let member: string = '';
  let generation: number = 0;
  let members: number = 0;
  let queues: number = 0;
  const leases: Lease[] = [];
  let idle: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'Assignment.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Assignment.member'); break;
      case 24: generation = readUint64(r, 'Assignment.generation'); break;
      case 32: members = r.uint32(); break;
      case 40: queues = r.uint32(); break;
      case 50: checkCount(leases.length, reg.LIMITS.LIST_ITEMS_MAX, 'Assignment.leases'); leases.push(readLease(r, r.end())); break;
      case 56: idle = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('Assignment.group');
  if (member.length === 0) missing('Assignment.member');
  return { group, member, generation, members, queues, leases, idle };
}

export const Assignment: MessageType<Assignment, AssignmentInit> = /* @__PURE__ */ messageType('Assignment', writeAssignment, readAssignment);

export interface Lease {
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly startOffset: number;
  readonly state: reg.LeaseState;
}

export interface LeaseInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly epoch?: number | undefined;
  readonly startOffset?: number | undefined;
  readonly state?: reg.LeaseState | undefined;
}


function writeLease(w: ProtobufWriter, v: LeaseInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'Lease.queue'));
  if (v.epoch) w.uint32(24).uint64(checkUint64(v.epoch, 'Lease.epoch'));
  if (v.startOffset) w.uint32(32).uint64(checkUint64(v.startOffset, 'Lease.start_offset'));
  if (v.state) w.uint32(40).uint32(v.state);
  return w;
}

function readLease(r: ProtobufReader, end: number): Lease {
  let topic: string = '';
  let queue: number = 0;
  let epoch: number = 0;
  let startOffset: number = 0;
  let state: reg.LeaseState = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'Lease.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: epoch = readUint64(r, 'Lease.epoch'); break;
      case 32: startOffset = readUint64(r, 'Lease.start_offset'); break;
      case 40: state = readEnum(r, reg.LeaseStateNames, 'Lease.state'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('Lease.topic');
  return { topic, queue, epoch, startOffset, state };
}

export const Lease: MessageType<Lease, LeaseInit> = /* @__PURE__ */ messageType('Lease', writeLease, readLease);

export interface TopicCreate {
  readonly topic: string;
  /** 0: the broker's default */
  readonly queues: number;
  /** by a client that found no route; refused where the broker does not create topics on demand */
  readonly onDemand: boolean;
}

export interface TopicCreateInit {
  readonly topic?: string | undefined;
  readonly queues?: number | undefined;
  readonly onDemand?: boolean | undefined;
}


function writeTopicCreate(w: ProtobufWriter, v: TopicCreateInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queues) w.uint32(16).uint32(checkUint32(v.queues, 'TopicCreate.queues'));
  if (v.onDemand) w.uint32(24).bool(v.onDemand);
  return w;
}

function readTopicCreate(r: ProtobufReader, end: number): TopicCreate {
  let topic: string = '';
  let queues: number = 0;
  let onDemand: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicCreate.topic'); break;
      case 16: queues = r.uint32(); break;
      case 24: onDemand = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicCreate.topic');
  return { topic, queues, onDemand };
}

export const TopicCreate: MessageType<TopicCreate, TopicCreateInit> = /* @__PURE__ */ messageType('TopicCreate', writeTopicCreate, readTopicCreate);

export interface TopicCreateOk {
  readonly queues: number;
  readonly existed: boolean;
}

export interface TopicCreateOkInit {
  readonly queues?: number | undefined;
  readonly existed?: boolean | undefined;
}


function writeTopicCreateOk(w: ProtobufWriter, v: TopicCreateOkInit): ProtobufWriter {
  if (v.queues) w.uint32(8).uint32(checkUint32(v.queues, 'TopicCreateOk.queues'));
  if (v.existed) w.uint32(16).bool(v.existed);
  return w;
}

function readTopicCreateOk(r: ProtobufReader, end: number): TopicCreateOk {
  let queues: number = 0;
  let existed: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: queues = r.uint32(); break;
      case 16: existed = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { queues, existed };
}

export const TopicCreateOk: MessageType<TopicCreateOk, TopicCreateOkInit> = /* @__PURE__ */ messageType('TopicCreateOk', writeTopicCreateOk, readTopicCreateOk);

/** One change of a broker's state; exactly one field is set. */
export interface StateRecord {
  readonly termStarted: TermStarted | undefined;
  readonly topicChanged: TopicChanged | undefined;
  readonly topicRemoved: TopicRemoved | undefined;
  readonly groupChanged: GroupChanged | undefined;
  readonly leaseGranted: LeaseGranted | undefined;
  readonly leaseEnded: LeaseEnded | undefined;
  readonly offsetsCommitted: OffsetsCommitted | undefined;
  readonly producerNamed: ProducerNamed | undefined;
  readonly stateWritten: StateWritten | undefined;
}

export interface StateRecordInit {
  readonly termStarted?: TermStartedInit | undefined;
  readonly topicChanged?: TopicChangedInit | undefined;
  readonly topicRemoved?: TopicRemovedInit | undefined;
  readonly groupChanged?: GroupChangedInit | undefined;
  readonly leaseGranted?: LeaseGrantedInit | undefined;
  readonly leaseEnded?: LeaseEndedInit | undefined;
  readonly offsetsCommitted?: OffsetsCommittedInit | undefined;
  readonly producerNamed?: ProducerNamedInit | undefined;
  readonly stateWritten?: StateWrittenInit | undefined;
}


function writeStateRecord(w: ProtobufWriter, v: StateRecordInit): ProtobufWriter {
  if (v.termStarted !== undefined) writeTermStarted(w.uint32(10).fork(), v.termStarted).ldelim();
  if (v.topicChanged !== undefined) writeTopicChanged(w.uint32(18).fork(), v.topicChanged).ldelim();
  if (v.topicRemoved !== undefined) writeTopicRemoved(w.uint32(26).fork(), v.topicRemoved).ldelim();
  if (v.groupChanged !== undefined) writeGroupChanged(w.uint32(34).fork(), v.groupChanged).ldelim();
  if (v.leaseGranted !== undefined) writeLeaseGranted(w.uint32(42).fork(), v.leaseGranted).ldelim();
  if (v.leaseEnded !== undefined) writeLeaseEnded(w.uint32(50).fork(), v.leaseEnded).ldelim();
  if (v.offsetsCommitted !== undefined) writeOffsetsCommitted(w.uint32(58).fork(), v.offsetsCommitted).ldelim();
  if (v.producerNamed !== undefined) writeProducerNamed(w.uint32(66).fork(), v.producerNamed).ldelim();
  if (v.stateWritten !== undefined) writeStateWritten(w.uint32(74).fork(), v.stateWritten).ldelim();
  return w;
}

function readStateRecord(r: ProtobufReader, end: number): StateRecord {
  let termStarted: TermStarted | undefined = undefined;
  let topicChanged: TopicChanged | undefined = undefined;
  let topicRemoved: TopicRemoved | undefined = undefined;
  let groupChanged: GroupChanged | undefined = undefined;
  let leaseGranted: LeaseGranted | undefined = undefined;
  let leaseEnded: LeaseEnded | undefined = undefined;
  let offsetsCommitted: OffsetsCommitted | undefined = undefined;
  let producerNamed: ProducerNamed | undefined = undefined;
  let stateWritten: StateWritten | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: termStarted = readTermStarted(r, r.end()); break;
      case 18: topicChanged = readTopicChanged(r, r.end()); break;
      case 26: topicRemoved = readTopicRemoved(r, r.end()); break;
      case 34: groupChanged = readGroupChanged(r, r.end()); break;
      case 42: leaseGranted = readLeaseGranted(r, r.end()); break;
      case 50: leaseEnded = readLeaseEnded(r, r.end()); break;
      case 58: offsetsCommitted = readOffsetsCommitted(r, r.end()); break;
      case 66: producerNamed = readProducerNamed(r, r.end()); break;
      case 74: stateWritten = readStateWritten(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { termStarted, topicChanged, topicRemoved, groupChanged, leaseGranted, leaseEnded, offsetsCommitted, producerNamed, stateWritten };
}

export const StateRecord: MessageType<StateRecord, StateRecordInit> = /* @__PURE__ */ messageType('StateRecord', writeStateRecord, readStateRecord);

/** First record of every life of a broker. */
export interface TermStarted {
  readonly term: number;
  readonly storeId: Uint8Array;
}

export interface TermStartedInit {
  readonly term?: number | undefined;
  readonly storeId?: Uint8Array | undefined;
}


function writeTermStarted(w: ProtobufWriter, v: TermStartedInit): ProtobufWriter {
  if (v.term) w.uint32(8).uint32(checkUint32(v.term, 'TermStarted.term'));
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(18).bytes(v.storeId);
  return w;
}

function readTermStarted(r: ProtobufReader, end: number): TermStarted {
  let term: number = 0;
  let storeId: Uint8Array = NO_BYTES;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: term = r.uint32(); break;
      case 18: storeId = readBytes(r, reg.LIMITS.CONTROL_HEADER_BYTES_MAX, 'TermStarted.store_id'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { term, storeId };
}

export const TermStarted: MessageType<TermStarted, TermStartedInit> = /* @__PURE__ */ messageType('TermStarted', writeTermStarted, readTermStarted);

export interface TopicChanged {
  /** never reused */
  readonly topicId: number;
  readonly topic: string;
  readonly queues: number;
}

export interface TopicChangedInit {
  readonly topicId?: number | undefined;
  readonly topic?: string | undefined;
  readonly queues?: number | undefined;
}


function writeTopicChanged(w: ProtobufWriter, v: TopicChangedInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'TopicChanged.topic_id'));
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(18).string(v.topic);
  if (v.queues) w.uint32(24).uint32(checkUint32(v.queues, 'TopicChanged.queues'));
  return w;
}

function readTopicChanged(r: ProtobufReader, end: number): TopicChanged {
  let topicId: number = 0;
  let topic: string = '';
  let queues: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 18: topic = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'TopicChanged.topic'); break;
      case 24: queues = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, topic, queues };
}

export const TopicChanged: MessageType<TopicChanged, TopicChangedInit> = /* @__PURE__ */ messageType('TopicChanged', writeTopicChanged, readTopicChanged);

export interface TopicRemoved {
  readonly topicId: number;
}

export interface TopicRemovedInit {
  readonly topicId?: number | undefined;
}


function writeTopicRemoved(w: ProtobufWriter, v: TopicRemovedInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'TopicRemoved.topic_id'));
  return w;
}

function readTopicRemoved(r: ProtobufReader, end: number): TopicRemoved {
  let topicId: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId };
}

export const TopicRemoved: MessageType<TopicRemoved, TopicRemovedInit> = /* @__PURE__ */ messageType('TopicRemoved', writeTopicRemoved, readTopicRemoved);

export interface GroupChanged {
  readonly group: string;
  /** absent until the first member brings one */
  readonly subscription: Subscription | undefined;
  /** where there is no subscription to tell it */
  readonly kind: reg.GroupKind;
}

export interface GroupChangedInit {
  readonly group?: string | undefined;
  readonly subscription?: SubscriptionInit | undefined;
  readonly kind?: reg.GroupKind | undefined;
}


function writeGroupChanged(w: ProtobufWriter, v: GroupChangedInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.subscription !== undefined) writeSubscription(w.uint32(18).fork(), v.subscription).ldelim();
  if (v.kind) w.uint32(24).uint32(v.kind);
  return w;
}

function readGroupChanged(r: ProtobufReader, end: number): GroupChanged {
  let group: string = '';
  let subscription: Subscription | undefined = undefined;
  let kind: reg.GroupKind = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'GroupChanged.group'); break;
      case 18: subscription = readSubscription(r, r.end()); break;
      case 24: kind = readEnum(r, reg.GroupKindNames, 'GroupChanged.kind'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { group, subscription, kind };
}

export const GroupChanged: MessageType<GroupChanged, GroupChangedInit> = /* @__PURE__ */ messageType('GroupChanged', writeGroupChanged, readGroupChanged);

export interface LeaseGranted {
  readonly group: string;
  readonly topicId: number;
  readonly queue: number;
  readonly member: string;
  readonly epoch: number;
  readonly startOffset: number;
  readonly label: string;
}

export interface LeaseGrantedInit {
  readonly group?: string | undefined;
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly member?: string | undefined;
  readonly epoch?: number | undefined;
  readonly startOffset?: number | undefined;
  readonly label?: string | undefined;
}


function writeLeaseGranted(w: ProtobufWriter, v: LeaseGrantedInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.topicId) w.uint32(16).uint32(checkUint32(v.topicId, 'LeaseGranted.topic_id'));
  if (v.queue) w.uint32(24).uint32(checkUint32(v.queue, 'LeaseGranted.queue'));
  if (v.member !== undefined && v.member.length > 0) w.uint32(34).string(v.member);
  if (v.epoch) w.uint32(40).uint64(checkUint64(v.epoch, 'LeaseGranted.epoch'));
  if (v.startOffset) w.uint32(48).uint64(checkUint64(v.startOffset, 'LeaseGranted.start_offset'));
  if (v.label !== undefined && v.label.length > 0) w.uint32(58).string(v.label);
  return w;
}

function readLeaseGranted(r: ProtobufReader, end: number): LeaseGranted {
  let group: string = '';
  let topicId: number = 0;
  let queue: number = 0;
  let member: string = '';
  let epoch: number = 0;
  let startOffset: number = 0;
  let label: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'LeaseGranted.group'); break;
      case 16: topicId = r.uint32(); break;
      case 24: queue = r.uint32(); break;
      case 34: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'LeaseGranted.member'); break;
      case 40: epoch = readUint64(r, 'LeaseGranted.epoch'); break;
      case 48: startOffset = readUint64(r, 'LeaseGranted.start_offset'); break;
      case 58: label = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'LeaseGranted.label'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { group, topicId, queue, member, epoch, startOffset, label };
}

export const LeaseGranted: MessageType<LeaseGranted, LeaseGrantedInit> = /* @__PURE__ */ messageType('LeaseGranted', writeLeaseGranted, readLeaseGranted);

/** The lease is dead; its final offset stands in the record of offsets before it. */
export interface LeaseEnded {
  readonly group: string;
  readonly topicId: number;
  readonly queue: number;
  readonly epoch: number;
}

export interface LeaseEndedInit {
  readonly group?: string | undefined;
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly epoch?: number | undefined;
}


function writeLeaseEnded(w: ProtobufWriter, v: LeaseEndedInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.topicId) w.uint32(16).uint32(checkUint32(v.topicId, 'LeaseEnded.topic_id'));
  if (v.queue) w.uint32(24).uint32(checkUint32(v.queue, 'LeaseEnded.queue'));
  if (v.epoch) w.uint32(32).uint64(checkUint64(v.epoch, 'LeaseEnded.epoch'));
  return w;
}

function readLeaseEnded(r: ProtobufReader, end: number): LeaseEnded {
  let group: string = '';
  let topicId: number = 0;
  let queue: number = 0;
  let epoch: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'LeaseEnded.group'); break;
      case 16: topicId = r.uint32(); break;
      case 24: queue = r.uint32(); break;
      case 32: epoch = readUint64(r, 'LeaseEnded.epoch'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { group, topicId, queue, epoch };
}

export const LeaseEnded: MessageType<LeaseEnded, LeaseEndedInit> = /* @__PURE__ */ messageType('LeaseEnded', writeLeaseEnded, readLeaseEnded);

export interface OffsetsCommitted {
  readonly group: string;
  readonly offsets: readonly CommittedOffset[];
  /** by an administrator: may be lower than before */
  readonly reset: boolean;
}

export interface OffsetsCommittedInit {
  readonly group?: string | undefined;
  readonly offsets?: readonly CommittedOffsetInit[] | undefined;
  readonly reset?: boolean | undefined;
}


function writeOffsetsCommitted(w: ProtobufWriter, v: OffsetsCommittedInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.offsets !== undefined) for (const item of v.offsets) writeCommittedOffset(w.uint32(18).fork(), item).ldelim();
  if (v.reset) w.uint32(24).bool(v.reset);
  return w;
}

function readOffsetsCommitted(r: ProtobufReader, end: number): OffsetsCommitted {
  let group: string = '';
  const offsets: CommittedOffset[] = [];
  let reset: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'OffsetsCommitted.group'); break;
      case 18: offsets.push(readCommittedOffset(r, r.end())); break;
      case 24: reset = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { group, offsets, reset };
}

export const OffsetsCommitted: MessageType<OffsetsCommitted, OffsetsCommittedInit> = /* @__PURE__ */ messageType('OffsetsCommitted', writeOffsetsCommitted, readOffsetsCommitted);

export interface CommittedOffset {
  readonly topicId: number;
  readonly queue: number;
  readonly offset: number;
}

export interface CommittedOffsetInit {
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly offset?: number | undefined;
}


function writeCommittedOffset(w: ProtobufWriter, v: CommittedOffsetInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'CommittedOffset.topic_id'));
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'CommittedOffset.queue'));
  if (v.offset) w.uint32(24).uint64(checkUint64(v.offset, 'CommittedOffset.offset'));
  return w;
}

function readCommittedOffset(r: ProtobufReader, end: number): CommittedOffset {
  let topicId: number = 0;
  let queue: number = 0;
  let offset: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 16: queue = r.uint32(); break;
      case 24: offset = readUint64(r, 'CommittedOffset.offset'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, queue, offset };
}

export const CommittedOffset: MessageType<CommittedOffset, CommittedOffsetInit> = /* @__PURE__ */ messageType('CommittedOffset', writeCommittedOffset, readCommittedOffset);

export interface ProducerNamed {
  readonly name: string;
  readonly producerId: number;
  readonly epoch: number;
  /** whose name it is; empty where nobody was asked */
  readonly principal: string;
}

export interface ProducerNamedInit {
  readonly name?: string | undefined;
  readonly producerId?: number | undefined;
  readonly epoch?: number | undefined;
  readonly principal?: string | undefined;
}


function writeProducerNamed(w: ProtobufWriter, v: ProducerNamedInit): ProtobufWriter {
  if (v.name !== undefined && v.name.length > 0) w.uint32(10).string(v.name);
  if (v.producerId) w.uint32(16).uint64(checkUint64(v.producerId, 'ProducerNamed.producer_id'));
  if (v.epoch) w.uint32(24).uint32(checkUint32(v.epoch, 'ProducerNamed.epoch'));
  if (v.principal !== undefined && v.principal.length > 0) w.uint32(34).string(v.principal);
  return w;
}

function readProducerNamed(r: ProtobufReader, end: number): ProducerNamed {
  let name: string = '';
  let producerId: number = 0;
  let epoch: number = 0;
  let principal: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: name = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'ProducerNamed.name'); break;
      case 16: producerId = readUint64(r, 'ProducerNamed.producer_id'); break;
      case 24: epoch = r.uint32(); break;
      case 34: principal = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'ProducerNamed.principal'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { name, producerId, epoch, principal };
}

export const ProducerNamed: MessageType<ProducerNamed, ProducerNamedInit> = /* @__PURE__ */ messageType('ProducerNamed', writeProducerNamed, readProducerNamed);

/** Changes of a queue's keyed state, all of one version. */
export interface StateWritten {
  readonly topicId: number;
  readonly queue: number;
  readonly version: number;
  /** state entries, as in a STATE_WRITE */
  readonly entries: Uint8Array;
  /** takes effect with the batch that is the next entry of the log, and without it never */
  readonly withBatch: boolean;
}

export interface StateWrittenInit {
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly version?: number | undefined;
  readonly entries?: Uint8Array | undefined;
  readonly withBatch?: boolean | undefined;
}


function writeStateWritten(w: ProtobufWriter, v: StateWrittenInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'StateWritten.topic_id'));
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'StateWritten.queue'));
  if (v.version) w.uint32(24).uint64(checkUint64(v.version, 'StateWritten.version'));
  if (v.entries !== undefined && v.entries.length > 0) w.uint32(34).bytes(v.entries);
  if (v.withBatch) w.uint32(40).bool(v.withBatch);
  return w;
}

function readStateWritten(r: ProtobufReader, end: number): StateWritten {
  let topicId: number = 0;
  let queue: number = 0;
  let version: number = 0;
  let entries: Uint8Array = NO_BYTES;
  let withBatch: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 16: queue = r.uint32(); break;
      case 24: version = readUint64(r, 'StateWritten.version'); break;
      case 34: entries = readBytes(r, reg.LIMITS.STATE_WRITE_BYTES_MAX, 'StateWritten.entries'); break;
      case 40: withBatch = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, queue, version, entries, withBatch };
}

export const StateWritten: MessageType<StateWritten, StateWrittenInit> = /* @__PURE__ */ messageType('StateWritten', writeStateWritten, readStateWritten);

/** Everything that the log up to a position says, but the messages. */
export interface Snapshot {
  /** of the first entry that is not in the snapshot */
  readonly position: number;
  /** of the entry before it */
  readonly chain: number;
  readonly term: number;
  readonly storeId: Uint8Array;
  readonly nextTopicId: number;
  readonly topics: readonly TopicState[];
  readonly groups: readonly GroupState[];
  readonly producers: readonly ProducerState[];
  readonly names: readonly ProducerNamed[];
  /** of the newest entry */
  readonly storeTimeMs: number;
  /** of the present term */
  readonly producerCounter: number;
  /** of the present term */
  readonly epochCounter: number;
  readonly keyedStates: readonly KeyedState[];
  /** the highest that a write of keyed state had at this broker */
  readonly stateVersion: number;
}

export interface SnapshotInit {
  readonly position?: number | undefined;
  readonly chain?: number | undefined;
  readonly term?: number | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly nextTopicId?: number | undefined;
  readonly topics?: readonly TopicStateInit[] | undefined;
  readonly groups?: readonly GroupStateInit[] | undefined;
  readonly producers?: readonly ProducerStateInit[] | undefined;
  readonly names?: readonly ProducerNamedInit[] | undefined;
  readonly storeTimeMs?: number | undefined;
  readonly producerCounter?: number | undefined;
  readonly epochCounter?: number | undefined;
  readonly keyedStates?: readonly KeyedStateInit[] | undefined;
  readonly stateVersion?: number | undefined;
}


function writeSnapshot(w: ProtobufWriter, v: SnapshotInit): ProtobufWriter {
  if (v.position) w.uint32(8).uint64(checkUint64(v.position, 'Snapshot.position'));
  if (v.chain) w.uint32(16).uint32(checkUint32(v.chain, 'Snapshot.chain'));
  if (v.term) w.uint32(24).uint32(checkUint32(v.term, 'Snapshot.term'));
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(34).bytes(v.storeId);
  if (v.nextTopicId) w.uint32(40).uint32(checkUint32(v.nextTopicId, 'Snapshot.next_topic_id'));
  if (v.topics !== undefined) for (const item of v.topics) writeTopicState(w.uint32(50).fork(), item).ldelim();
  if (v.groups !== undefined) for (const item of v.groups) writeGroupState(w.uint32(58).fork(), item).ldelim();
  if (v.producers !== undefined) for (const item of v.producers) writeProducerState(w.uint32(66).fork(), item).ldelim();
  if (v.names !== undefined) for (const item of v.names) writeProducerNamed(w.uint32(74).fork(), item).ldelim();
  if (v.storeTimeMs) w.uint32(80).uint64(checkUint64(v.storeTimeMs, 'Snapshot.store_time_ms'));
  if (v.producerCounter) w.uint32(88).uint64(checkUint64(v.producerCounter, 'Snapshot.producer_counter'));
  if (v.epochCounter) w.uint32(96).uint64(checkUint64(v.epochCounter, 'Snapshot.epoch_counter'));
  if (v.keyedStates !== undefined) for (const item of v.keyedStates) writeKeyedState(w.uint32(106).fork(), item).ldelim();
  if (v.stateVersion) w.uint32(112).uint64(checkUint64(v.stateVersion, 'Snapshot.state_version'));
  return w;
}

function readSnapshot(r: ProtobufReader, end: number): Snapshot {
  let position: number = 0;
  let chain: number = 0;
  let term: number = 0;
  let storeId: Uint8Array = NO_BYTES;
  let nextTopicId: number = 0;
  const topics: TopicState[] = [];
  const groups: GroupState[] = [];
  const producers: ProducerState[] = [];
  const names: ProducerNamed[] = [];
  let storeTimeMs: number = 0;
  let producerCounter: number = 0;
  let epochCounter: number = 0;
  const keyedStates: KeyedState[] = [];
  let stateVersion: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: position = readUint64(r, 'Snapshot.position'); break;
      case 16: chain = r.uint32(); break;
      case 24: term = r.uint32(); break;
      case 34: storeId = readBytes(r, reg.LIMITS.CONTROL_HEADER_BYTES_MAX, 'Snapshot.store_id'); break;
      case 40: nextTopicId = r.uint32(); break;
      case 50: topics.push(readTopicState(r, r.end())); break;
      case 58: groups.push(readGroupState(r, r.end())); break;
      case 66: producers.push(readProducerState(r, r.end())); break;
      case 74: names.push(readProducerNamed(r, r.end())); break;
      case 80: storeTimeMs = readUint64(r, 'Snapshot.store_time_ms'); break;
      case 88: producerCounter = readUint64(r, 'Snapshot.producer_counter'); break;
      case 96: epochCounter = readUint64(r, 'Snapshot.epoch_counter'); break;
      case 106: keyedStates.push(readKeyedState(r, r.end())); break;
      case 112: stateVersion = readUint64(r, 'Snapshot.state_version'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { position, chain, term, storeId, nextTopicId, topics, groups, producers, names, storeTimeMs, producerCounter, epochCounter, keyedStates, stateVersion };
}

export const Snapshot: MessageType<Snapshot, SnapshotInit> = /* @__PURE__ */ messageType('Snapshot', writeSnapshot, readSnapshot);

export interface TopicState {
  readonly topicId: number;
  readonly topic: string;
  readonly queues: readonly QueueState[];
}

export interface TopicStateInit {
  readonly topicId?: number | undefined;
  readonly topic?: string | undefined;
  readonly queues?: readonly QueueStateInit[] | undefined;
}


function writeTopicState(w: ProtobufWriter, v: TopicStateInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'TopicState.topic_id'));
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(18).string(v.topic);
  if (v.queues !== undefined) for (const item of v.queues) writeQueueState(w.uint32(26).fork(), item).ldelim();
  return w;
}

function readTopicState(r: ProtobufReader, end: number): TopicState {
  let topicId: number = 0;
  let topic: string = '';
  const queues: QueueState[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 18: topic = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'TopicState.topic'); break;
      case 26: queues.push(readQueueState(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, topic, queues };
}

export const TopicState: MessageType<TopicState, TopicStateInit> = /* @__PURE__ */ messageType('TopicState', writeTopicState, readTopicState);

export interface QueueState {
  readonly nextOffset: number;
  readonly oldestOffset: number;
  readonly lastStoreTimeMs: number;
}

export interface QueueStateInit {
  readonly nextOffset?: number | undefined;
  readonly oldestOffset?: number | undefined;
  readonly lastStoreTimeMs?: number | undefined;
}


function writeQueueState(w: ProtobufWriter, v: QueueStateInit): ProtobufWriter {
  if (v.nextOffset) w.uint32(8).uint64(checkUint64(v.nextOffset, 'QueueState.next_offset'));
  if (v.oldestOffset) w.uint32(16).uint64(checkUint64(v.oldestOffset, 'QueueState.oldest_offset'));
  if (v.lastStoreTimeMs) w.uint32(24).uint64(checkUint64(v.lastStoreTimeMs, 'QueueState.last_store_time_ms'));
  return w;
}

function readQueueState(r: ProtobufReader, end: number): QueueState {
  let nextOffset: number = 0;
  let oldestOffset: number = 0;
  let lastStoreTimeMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: nextOffset = readUint64(r, 'QueueState.next_offset'); break;
      case 16: oldestOffset = readUint64(r, 'QueueState.oldest_offset'); break;
      case 24: lastStoreTimeMs = readUint64(r, 'QueueState.last_store_time_ms'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { nextOffset, oldestOffset, lastStoreTimeMs };
}

export const QueueState: MessageType<QueueState, QueueStateInit> = /* @__PURE__ */ messageType('QueueState', writeQueueState, readQueueState);

export interface GroupState {
  readonly group: string;
  /** absent until the first member brings one */
  readonly subscription: Subscription | undefined;
  readonly offsets: readonly CommittedOffset[];
  readonly leases: readonly LeaseGranted[];
  /** where there is no subscription to tell it */
  readonly kind: reg.GroupKind;
}

export interface GroupStateInit {
  readonly group?: string | undefined;
  readonly subscription?: SubscriptionInit | undefined;
  readonly offsets?: readonly CommittedOffsetInit[] | undefined;
  readonly leases?: readonly LeaseGrantedInit[] | undefined;
  readonly kind?: reg.GroupKind | undefined;
}


function writeGroupState(w: ProtobufWriter, v: GroupStateInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.subscription !== undefined) writeSubscription(w.uint32(18).fork(), v.subscription).ldelim();
  if (v.offsets !== undefined) for (const item of v.offsets) writeCommittedOffset(w.uint32(26).fork(), item).ldelim();
  if (v.leases !== undefined) for (const item of v.leases) writeLeaseGranted(w.uint32(34).fork(), item).ldelim();
  if (v.kind) w.uint32(40).uint32(v.kind);
  return w;
}

function readGroupState(r: ProtobufReader, end: number): GroupState {
  let group: string = '';
  let subscription: Subscription | undefined = undefined;
  const offsets: CommittedOffset[] = [];
  const leases: LeaseGranted[] = [];
  let kind: reg.GroupKind = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'GroupState.group'); break;
      case 18: subscription = readSubscription(r, r.end()); break;
      case 26: offsets.push(readCommittedOffset(r, r.end())); break;
      case 34: leases.push(readLeaseGranted(r, r.end())); break;
      case 40: kind = readEnum(r, reg.GroupKindNames, 'GroupState.kind'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { group, subscription, offsets, leases, kind };
}

export const GroupState: MessageType<GroupState, GroupStateInit> = /* @__PURE__ */ messageType('GroupState', writeGroupState, readGroupState);

export interface ProducerState {
  readonly producerId: number;
  readonly epoch: number;
  /** store time */
  readonly lastUsedMs: number;
  readonly queues: readonly ProducerQueue[];
}

export interface ProducerStateInit {
  readonly producerId?: number | undefined;
  readonly epoch?: number | undefined;
  readonly lastUsedMs?: number | undefined;
  readonly queues?: readonly ProducerQueueInit[] | undefined;
}


function writeProducerState(w: ProtobufWriter, v: ProducerStateInit): ProtobufWriter {
  if (v.producerId) w.uint32(8).uint64(checkUint64(v.producerId, 'ProducerState.producer_id'));
  if (v.epoch) w.uint32(16).uint32(checkUint32(v.epoch, 'ProducerState.epoch'));
  if (v.lastUsedMs) w.uint32(24).uint64(checkUint64(v.lastUsedMs, 'ProducerState.last_used_ms'));
  if (v.queues !== undefined) for (const item of v.queues) writeProducerQueue(w.uint32(34).fork(), item).ldelim();
  return w;
}

function readProducerState(r: ProtobufReader, end: number): ProducerState {
  let producerId: number = 0;
  let epoch: number = 0;
  let lastUsedMs: number = 0;
  const queues: ProducerQueue[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: producerId = readUint64(r, 'ProducerState.producer_id'); break;
      case 16: epoch = r.uint32(); break;
      case 24: lastUsedMs = readUint64(r, 'ProducerState.last_used_ms'); break;
      case 34: queues.push(readProducerQueue(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { producerId, epoch, lastUsedMs, queues };
}

export const ProducerState: MessageType<ProducerState, ProducerStateInit> = /* @__PURE__ */ messageType('ProducerState', writeProducerState, readProducerState);

export interface ProducerQueue {
  readonly topicId: number;
  readonly queue: number;
  readonly nextSequence: number;
  /** the newest, at most PRODUCER_BATCHES_REMEMBERED */
  readonly batches: readonly ProducerBatch[];
}

export interface ProducerQueueInit {
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly nextSequence?: number | undefined;
  readonly batches?: readonly ProducerBatchInit[] | undefined;
}


function writeProducerQueue(w: ProtobufWriter, v: ProducerQueueInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'ProducerQueue.topic_id'));
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'ProducerQueue.queue'));
  if (v.nextSequence) w.uint32(24).uint32(checkUint32(v.nextSequence, 'ProducerQueue.next_sequence'));
  if (v.batches !== undefined) for (const item of v.batches) writeProducerBatch(w.uint32(34).fork(), item).ldelim();
  return w;
}

function readProducerQueue(r: ProtobufReader, end: number): ProducerQueue {
  let topicId: number = 0;
  let queue: number = 0;
  let nextSequence: number = 0;
  const batches: ProducerBatch[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 16: queue = r.uint32(); break;
      case 24: nextSequence = r.uint32(); break;
      case 34: batches.push(readProducerBatch(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, queue, nextSequence, batches };
}

export const ProducerQueue: MessageType<ProducerQueue, ProducerQueueInit> = /* @__PURE__ */ messageType('ProducerQueue', writeProducerQueue, readProducerQueue);

export interface ProducerBatch {
  readonly baseSequence: number;
  readonly count: number;
  readonly bodyChecksum: number;
  readonly baseOffset: number;
  readonly storeTimeMs: number;
}

export interface ProducerBatchInit {
  readonly baseSequence?: number | undefined;
  readonly count?: number | undefined;
  readonly bodyChecksum?: number | undefined;
  readonly baseOffset?: number | undefined;
  readonly storeTimeMs?: number | undefined;
}


function writeProducerBatch(w: ProtobufWriter, v: ProducerBatchInit): ProtobufWriter {
  if (v.baseSequence) w.uint32(8).uint32(checkUint32(v.baseSequence, 'ProducerBatch.base_sequence'));
  if (v.count) w.uint32(16).uint32(checkUint32(v.count, 'ProducerBatch.count'));
  if (v.bodyChecksum) w.uint32(24).uint32(checkUint32(v.bodyChecksum, 'ProducerBatch.body_checksum'));
  if (v.baseOffset) w.uint32(32).uint64(checkUint64(v.baseOffset, 'ProducerBatch.base_offset'));
  if (v.storeTimeMs) w.uint32(40).uint64(checkUint64(v.storeTimeMs, 'ProducerBatch.store_time_ms'));
  return w;
}

function readProducerBatch(r: ProtobufReader, end: number): ProducerBatch {
  let baseSequence: number = 0;
  let count: number = 0;
  let bodyChecksum: number = 0;
  let baseOffset: number = 0;
  let storeTimeMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: baseSequence = r.uint32(); break;
      case 16: count = r.uint32(); break;
      case 24: bodyChecksum = r.uint32(); break;
      case 32: baseOffset = readUint64(r, 'ProducerBatch.base_offset'); break;
      case 40: storeTimeMs = readUint64(r, 'ProducerBatch.store_time_ms'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { baseSequence, count, bodyChecksum, baseOffset, storeTimeMs };
}

export const ProducerBatch: MessageType<ProducerBatch, ProducerBatchInit> = /* @__PURE__ */ messageType('ProducerBatch', writeProducerBatch, readProducerBatch);

/** A part of a queue's keyed state; the parts of one queue follow each other in the order of their keys. */
export interface KeyedState {
  readonly topicId: number;
  readonly queue: number;
  /** of the queue's keyed state */
  readonly version: number;
  /** state entries */
  readonly entries: Uint8Array;
}

export interface KeyedStateInit {
  readonly topicId?: number | undefined;
  readonly queue?: number | undefined;
  readonly version?: number | undefined;
  readonly entries?: Uint8Array | undefined;
}


function writeKeyedState(w: ProtobufWriter, v: KeyedStateInit): ProtobufWriter {
  if (v.topicId) w.uint32(8).uint32(checkUint32(v.topicId, 'KeyedState.topic_id'));
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'KeyedState.queue'));
  if (v.version) w.uint32(24).uint64(checkUint64(v.version, 'KeyedState.version'));
  if (v.entries !== undefined && v.entries.length > 0) w.uint32(34).bytes(v.entries);
  return w;
}

function readKeyedState(r: ProtobufReader, end: number): KeyedState {
  let topicId: number = 0;
  let queue: number = 0;
  let version: number = 0;
  let entries: Uint8Array = NO_BYTES;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: topicId = r.uint32(); break;
      case 16: queue = r.uint32(); break;
      case 24: version = readUint64(r, 'KeyedState.version'); break;
      case 34: entries = readBytes(r, reg.LIMITS.STATE_WRITE_BYTES_MAX, 'KeyedState.entries'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topicId, queue, version, entries };
}

export const KeyedState: MessageType<KeyedState, KeyedStateInit> = /* @__PURE__ */ messageType('KeyedState', writeKeyedState, readKeyedState);

/** What a client sends with each frame type, but for what has a file of its own, and how it reads the answer. */
export const CLIENT_REQUESTS = {
  HELLO: { encode: encoder(writeHello), decode: decoder('HelloOk', readHelloOk) },
  AUTH: { encode: encoder(writeAuth), decode: decoder('AuthOk', readAuthOk) },
  PING: { encode: encoder(writePing), decode: decoder('Pong', readPong) },
  GOAWAY: { encode: encoder(writeGoAway) },
  ROUTE_QUERY: { encode: encoder(writeRouteQuery), decode: decoder('Routes', readRoutes) },
  INIT_PRODUCER: { encode: encoder(writeInitProducer), decode: decoder('InitProducerOk', readInitProducerOk) },
  SEND: { encode: encoder(writeSend), decode: decoder('SendOk', readSendOk) },
  TOPIC_CREATE: { encode: encoder(writeTopicCreate), decode: decoder('TopicCreateOk', readTopicCreateOk) },
} as const;

/** How a client reads the frames that servers send by themselves. */
export const SERVER_PUSHES = {
  GOAWAY: decoder('GoAway', readGoAway),
  ROUTE_UPDATE: decoder('Routes', readRoutes),
  ASSIGNMENT: decoder('Assignment', readAssignment),
} as const;
