// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkCount, checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing,
  NO_BYTES, readBytes, readEnum, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import {
  type Endpoint,
  type EndpointInit,
  readEndpoint,
  writeEndpoint,
  type TopicShare,
  type TopicShareInit,
  readTopicShare,
  writeTopicShare,
} from './messages.ts';
import * as reg from './registry.ts';

/** A broker's whole registration; continued by MORE, the first frame bears the fields 1 to 8, every frame topics. */
export interface RegisterBroker {
  readonly broker: string;
  readonly cluster: string;
  readonly storeId: Uint8Array;
  readonly term: number;
  /** grows whenever the text of the registration changes */
  readonly revision: number;
  readonly endpoints: readonly Endpoint[];
  /** the broker creates topics on demand */
  readonly createsTopics: boolean;
  readonly software: string;
  readonly topics: readonly TopicShare[];
  /** number of the replica in its broker group */
  readonly replica: number;
  readonly replicaRole: reg.ReplicaRole;
  /** where the replica stands; empty: it does not say */
  readonly zone: string;
}

export interface RegisterBrokerInit {
  readonly broker?: string | undefined;
  readonly cluster?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly term?: number | undefined;
  readonly revision?: number | undefined;
  readonly endpoints?: readonly EndpointInit[] | undefined;
  readonly createsTopics?: boolean | undefined;
  readonly software?: string | undefined;
  readonly topics?: readonly TopicShareInit[] | undefined;
  readonly replica?: number | undefined;
  readonly replicaRole?: reg.ReplicaRole | undefined;
  readonly zone?: string | undefined;
}


function writeRegisterBroker(w: ProtobufWriter, v: RegisterBrokerInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.cluster !== undefined && v.cluster.length > 0) w.uint32(18).string(v.cluster);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(26).bytes(v.storeId);
  if (v.term) w.uint32(32).uint32(checkUint32(v.term, 'RegisterBroker.term'));
  if (v.revision) w.uint32(40).uint64(checkUint64(v.revision, 'RegisterBroker.revision'));
  if (v.endpoints !== undefined) for (const item of v.endpoints) writeEndpoint(w.uint32(50).fork(), item).ldelim();
  if (v.createsTopics) w.uint32(56).bool(v.createsTopics);
  if (v.software !== undefined && v.software.length > 0) w.uint32(66).string(v.software);
  if (v.topics !== undefined) for (const item of v.topics) writeTopicShare(w.uint32(74).fork(), item).ldelim();
  if (v.replica) w.uint32(80).uint32(checkUint32(v.replica, 'RegisterBroker.replica'));
  if (v.replicaRole) w.uint32(88).uint32(v.replicaRole);
  if (v.zone !== undefined && v.zone.length > 0) w.uint32(98).string(v.zone);
  return w;
}

function readRegisterBroker(r: ProtobufReader, end: number): RegisterBroker {
  let broker: string = '';
  let cluster: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let term: number = 0;
  let revision: number = 0;
  const endpoints: Endpoint[] = [];
  let createsTopics: boolean = false;
  let software: string = '';
  const topics: TopicShare[] = [];
  let replica: number = 0;
  let replicaRole: reg.ReplicaRole = 0;
  let zone: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'RegisterBroker.broker'); break;
      case 18: cluster = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'RegisterBroker.cluster'); break;
      case 26: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'RegisterBroker.store_id'); break;
      case 32: term = r.uint32(); break;
      case 40: revision = readUint64(r, 'RegisterBroker.revision'); break;
      case 50: checkCount(endpoints.length, reg.LIMITS.ENDPOINTS_PER_BROKER_MAX, 'RegisterBroker.endpoints'); endpoints.push(readEndpoint(r, r.end())); break;
      case 56: createsTopics = r.bool(); break;
      case 66: software = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'RegisterBroker.software'); break;
      case 74: checkCount(topics.length, reg.LIMITS.LIST_ITEMS_MAX, 'RegisterBroker.topics'); topics.push(readTopicShare(r, r.end())); break;
      case 80: replica = r.uint32(); break;
      case 88: replicaRole = readEnum(r, reg.ReplicaRoleNames, 'RegisterBroker.replica_role'); break;
      case 98: zone = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'RegisterBroker.zone'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { broker, cluster, storeId, term, revision, endpoints, createsTopics, software, topics, replica, replicaRole, zone };
}

export const RegisterBroker: MessageType<RegisterBroker, RegisterBrokerInit> = /* @__PURE__ */ messageType('RegisterBroker', writeRegisterBroker, readRegisterBroker);

export interface RegisterBrokerOk {
  /** how often the NameServer wants to hear from the broker */
  readonly heartbeatMs: number;
  /** silence after which it is marked away */
  readonly expiryMs: number;
  /** of the broker group, where the NameServer knows one */
  readonly master: MasterRoute | undefined;
}

export interface RegisterBrokerOkInit {
  readonly heartbeatMs?: number | undefined;
  readonly expiryMs?: number | undefined;
  readonly master?: MasterRouteInit | undefined;
}


function writeRegisterBrokerOk(w: ProtobufWriter, v: RegisterBrokerOkInit): ProtobufWriter {
  if (v.heartbeatMs) w.uint32(8).uint32(checkUint32(v.heartbeatMs, 'RegisterBrokerOk.heartbeat_ms'));
  if (v.expiryMs) w.uint32(16).uint32(checkUint32(v.expiryMs, 'RegisterBrokerOk.expiry_ms'));
  if (v.master !== undefined) writeMasterRoute(w.uint32(26).fork(), v.master).ldelim();
  return w;
}

function readRegisterBrokerOk(r: ProtobufReader, end: number): RegisterBrokerOk {
  let heartbeatMs: number = 0;
  let expiryMs: number = 0;
  let master: MasterRoute | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: heartbeatMs = r.uint32(); break;
      case 16: expiryMs = r.uint32(); break;
      case 26: master = readMasterRoute(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { heartbeatMs, expiryMs, master };
}

export const RegisterBrokerOk: MessageType<RegisterBrokerOk, RegisterBrokerOkInit> = /* @__PURE__ */ messageType('RegisterBrokerOk', writeRegisterBrokerOk, readRegisterBrokerOk);

/** Where the master of a broker group is. */
export interface MasterRoute {
  readonly replica: number;
  readonly term: number;
  readonly endpoints: readonly Endpoint[];
  /** not heard of lately */
  readonly away: boolean;
}

export interface MasterRouteInit {
  readonly replica?: number | undefined;
  readonly term?: number | undefined;
  readonly endpoints?: readonly EndpointInit[] | undefined;
  readonly away?: boolean | undefined;
}


function writeMasterRoute(w: ProtobufWriter, v: MasterRouteInit): ProtobufWriter {
  if (v.replica) w.uint32(8).uint32(checkUint32(v.replica, 'MasterRoute.replica'));
  if (v.term) w.uint32(16).uint32(checkUint32(v.term, 'MasterRoute.term'));
  if (v.endpoints !== undefined) for (const item of v.endpoints) writeEndpoint(w.uint32(26).fork(), item).ldelim();
  if (v.away) w.uint32(32).bool(v.away);
  return w;
}

function readMasterRoute(r: ProtobufReader, end: number): MasterRoute {
  let replica: number = 0;
  let term: number = 0;
  const endpoints: Endpoint[] = [];
  let away: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: replica = r.uint32(); break;
      case 16: term = r.uint32(); break;
      case 26: checkCount(endpoints.length, reg.LIMITS.ENDPOINTS_PER_BROKER_MAX, 'MasterRoute.endpoints'); endpoints.push(readEndpoint(r, r.end())); break;
      case 32: away = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { replica, term, endpoints, away };
}

export const MasterRoute: MessageType<MasterRoute, MasterRouteInit> = /* @__PURE__ */ messageType('MasterRoute', writeMasterRoute, readMasterRoute);

export interface UnregisterBroker {
  readonly broker: string;
  readonly storeId: Uint8Array;
  readonly replica: number;
}

export interface UnregisterBrokerInit {
  readonly broker?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly replica?: number | undefined;
}


function writeUnregisterBroker(w: ProtobufWriter, v: UnregisterBrokerInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(18).bytes(v.storeId);
  if (v.replica) w.uint32(24).uint32(checkUint32(v.replica, 'UnregisterBroker.replica'));
  return w;
}

function readUnregisterBroker(r: ProtobufReader, end: number): UnregisterBroker {
  let broker: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let replica: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'UnregisterBroker.broker'); break;
      case 18: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'UnregisterBroker.store_id'); break;
      case 24: replica = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('UnregisterBroker.broker');
  if (storeId.length === 0) missing('UnregisterBroker.store_id');
  return { broker, storeId, replica };
}

export const UnregisterBroker: MessageType<UnregisterBroker, UnregisterBrokerInit> = /* @__PURE__ */ messageType('UnregisterBroker', writeUnregisterBroker, readUnregisterBroker);

export type UnregisterBrokerOk = Record<string, never>;

export type UnregisterBrokerOkInit = Record<string, never>;


function writeUnregisterBrokerOk(w: ProtobufWriter, _v: UnregisterBrokerOkInit): ProtobufWriter {
  return w;
}

function readUnregisterBrokerOk(r: ProtobufReader, end: number): UnregisterBrokerOk {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const UnregisterBrokerOk: MessageType<UnregisterBrokerOk, UnregisterBrokerOkInit> = /* @__PURE__ */ messageType('UnregisterBrokerOk', writeUnregisterBrokerOk, readUnregisterBrokerOk);

export interface BrokerHeartbeat {
  readonly broker: string;
  readonly storeId: Uint8Array;
  readonly term: number;
  /** of the registration that holds */
  readonly revision: number;
  readonly replica: number;
}

export interface BrokerHeartbeatInit {
  readonly broker?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly term?: number | undefined;
  readonly revision?: number | undefined;
  readonly replica?: number | undefined;
}


function writeBrokerHeartbeat(w: ProtobufWriter, v: BrokerHeartbeatInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(18).bytes(v.storeId);
  if (v.term) w.uint32(24).uint32(checkUint32(v.term, 'BrokerHeartbeat.term'));
  if (v.revision) w.uint32(32).uint64(checkUint64(v.revision, 'BrokerHeartbeat.revision'));
  if (v.replica) w.uint32(40).uint32(checkUint32(v.replica, 'BrokerHeartbeat.replica'));
  return w;
}

function readBrokerHeartbeat(r: ProtobufReader, end: number): BrokerHeartbeat {
  let broker: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let term: number = 0;
  let revision: number = 0;
  let replica: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'BrokerHeartbeat.broker'); break;
      case 18: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'BrokerHeartbeat.store_id'); break;
      case 24: term = r.uint32(); break;
      case 32: revision = readUint64(r, 'BrokerHeartbeat.revision'); break;
      case 40: replica = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('BrokerHeartbeat.broker');
  if (storeId.length === 0) missing('BrokerHeartbeat.store_id');
  return { broker, storeId, term, revision, replica };
}

export const BrokerHeartbeat: MessageType<BrokerHeartbeat, BrokerHeartbeatInit> = /* @__PURE__ */ messageType('BrokerHeartbeat', writeBrokerHeartbeat, readBrokerHeartbeat);

export interface BrokerHeartbeatOk {
  /** the NameServer does not have that registration: send it whole */
  readonly register: boolean;
  /** of the broker group, where the NameServer knows one */
  readonly master: MasterRoute | undefined;
}

export interface BrokerHeartbeatOkInit {
  readonly register?: boolean | undefined;
  readonly master?: MasterRouteInit | undefined;
}


function writeBrokerHeartbeatOk(w: ProtobufWriter, v: BrokerHeartbeatOkInit): ProtobufWriter {
  if (v.register) w.uint32(8).bool(v.register);
  if (v.master !== undefined) writeMasterRoute(w.uint32(18).fork(), v.master).ldelim();
  return w;
}

function readBrokerHeartbeatOk(r: ProtobufReader, end: number): BrokerHeartbeatOk {
  let register: boolean = false;
  let master: MasterRoute | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: register = r.bool(); break;
      case 18: master = readMasterRoute(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { register, master };
}

export const BrokerHeartbeatOk: MessageType<BrokerHeartbeatOk, BrokerHeartbeatOkInit> = /* @__PURE__ */ messageType('BrokerHeartbeatOk', writeBrokerHeartbeatOk, readBrokerHeartbeatOk);

/** What a client sends with each frame type, of this part, and how it reads the answer. */
export const REGISTRATION_REQUESTS = {
  REGISTER_BROKER: { encode: encoder(writeRegisterBroker), decode: decoder('RegisterBrokerOk', readRegisterBrokerOk) },
  UNREGISTER_BROKER: { encode: encoder(writeUnregisterBroker), decode: decoder('UnregisterBrokerOk', readUnregisterBrokerOk) },
  BROKER_HEARTBEAT: { encode: encoder(writeBrokerHeartbeat), decode: decoder('BrokerHeartbeatOk', readBrokerHeartbeatOk) },
} as const;
