// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkCount, checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing,
  NO_BYTES, readBytes, readEnum, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import * as reg from './registry.ts';

/** A slave asks for the log from `position` on. */
export interface Replicate {
  readonly broker: string;
  readonly storeId: Uint8Array;
  readonly replica: number;
  /** drawn at each start of the replica */
  readonly incarnation: number;
  /** the highest that the slave knows */
  readonly term: number;
  /** the end of the slave's log: what it wants first */
  readonly position: number;
  /** of the slave's entry before position; 0 at the beginning of the log */
  readonly chain: number;
  /** everything below it is stored at the slave, as its flush setting says */
  readonly stored: number;
  /** the slave looks for the place where the logs part: no entries, and nothing is said of stored */
  readonly probe: boolean;
  /** how long the master may wait for something to say */
  readonly waitMs: number;
  /** 0: REPLICATE_BYTES_MAX */
  readonly maxBytes: number;
}

export interface ReplicateInit {
  readonly broker?: string | undefined;
  readonly storeId?: Uint8Array | undefined;
  readonly replica?: number | undefined;
  readonly incarnation?: number | undefined;
  readonly term?: number | undefined;
  readonly position?: number | undefined;
  readonly chain?: number | undefined;
  readonly stored?: number | undefined;
  readonly probe?: boolean | undefined;
  readonly waitMs?: number | undefined;
  readonly maxBytes?: number | undefined;
}


function writeReplicate(w: ProtobufWriter, v: ReplicateInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(18).bytes(v.storeId);
  if (v.replica) w.uint32(24).uint32(checkUint32(v.replica, 'Replicate.replica'));
  if (v.incarnation) w.uint32(32).uint64(checkUint64(v.incarnation, 'Replicate.incarnation'));
  if (v.term) w.uint32(40).uint32(checkUint32(v.term, 'Replicate.term'));
  if (v.position) w.uint32(48).uint64(checkUint64(v.position, 'Replicate.position'));
  if (v.chain) w.uint32(56).uint32(checkUint32(v.chain, 'Replicate.chain'));
  if (v.stored) w.uint32(64).uint64(checkUint64(v.stored, 'Replicate.stored'));
  if (v.probe) w.uint32(72).bool(v.probe);
  if (v.waitMs) w.uint32(80).uint32(checkUint32(v.waitMs, 'Replicate.wait_ms'));
  if (v.maxBytes) w.uint32(88).uint32(checkUint32(v.maxBytes, 'Replicate.max_bytes'));
  return w;
}

function readReplicate(r: ProtobufReader, end: number): Replicate {
  let broker: string = '';
  let storeId: Uint8Array = NO_BYTES;
  let replica: number = 0;
  let incarnation: number = 0;
  let term: number = 0;
  let position: number = 0;
  let chain: number = 0;
  let stored: number = 0;
  let probe: boolean = false;
  let waitMs: number = 0;
  let maxBytes: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'Replicate.broker'); break;
      case 18: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'Replicate.store_id'); break;
      case 24: replica = r.uint32(); break;
      case 32: incarnation = readUint64(r, 'Replicate.incarnation'); break;
      case 40: term = r.uint32(); break;
      case 48: position = readUint64(r, 'Replicate.position'); break;
      case 56: chain = r.uint32(); break;
      case 64: stored = readUint64(r, 'Replicate.stored'); break;
      case 72: probe = r.bool(); break;
      case 80: waitMs = r.uint32(); break;
      case 88: maxBytes = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('Replicate.broker');
  if (storeId.length === 0) missing('Replicate.store_id');
  return { broker, storeId, replica, incarnation, term, position, chain, stored, probe, waitMs, maxBytes };
}

export const Replicate: MessageType<Replicate, ReplicateInit> = /* @__PURE__ */ messageType('Replicate', writeReplicate, readReplicate);

export interface ReplicateOk {
  /** of the master */
  readonly term: number;
  /** everything below this position is committed */
  readonly committed: number;
  /** of the master's log, as far as it is written */
  readonly logEnd: number;
  /** position of the oldest entry that the master has */
  readonly oldest: number;
  /** the entry before position is not one of the master's log: no entries follow */
  readonly diverged: boolean;
  /** the slave is of the in-sync set */
  readonly inSync: boolean;
}

export interface ReplicateOkInit {
  readonly term?: number | undefined;
  readonly committed?: number | undefined;
  readonly logEnd?: number | undefined;
  readonly oldest?: number | undefined;
  readonly diverged?: boolean | undefined;
  readonly inSync?: boolean | undefined;
}


function writeReplicateOk(w: ProtobufWriter, v: ReplicateOkInit): ProtobufWriter {
  if (v.term) w.uint32(8).uint32(checkUint32(v.term, 'ReplicateOk.term'));
  if (v.committed) w.uint32(16).uint64(checkUint64(v.committed, 'ReplicateOk.committed'));
  if (v.logEnd) w.uint32(24).uint64(checkUint64(v.logEnd, 'ReplicateOk.log_end'));
  if (v.oldest) w.uint32(32).uint64(checkUint64(v.oldest, 'ReplicateOk.oldest'));
  if (v.diverged) w.uint32(40).bool(v.diverged);
  if (v.inSync) w.uint32(48).bool(v.inSync);
  return w;
}

function readReplicateOk(r: ProtobufReader, end: number): ReplicateOk {
  let term: number = 0;
  let committed: number = 0;
  let logEnd: number = 0;
  let oldest: number = 0;
  let diverged: boolean = false;
  let inSync: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: term = r.uint32(); break;
      case 16: committed = readUint64(r, 'ReplicateOk.committed'); break;
      case 24: logEnd = readUint64(r, 'ReplicateOk.log_end'); break;
      case 32: oldest = readUint64(r, 'ReplicateOk.oldest'); break;
      case 40: diverged = r.bool(); break;
      case 48: inSync = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { term, committed, logEnd, oldest, diverged, inSync };
}

export const ReplicateOk: MessageType<ReplicateOk, ReplicateOkInit> = /* @__PURE__ */ messageType('ReplicateOk', writeReplicateOk, readReplicateOk);

/** Reads a snapshot in pieces. */
export interface SnapshotRead {
  readonly broker: string;
  /** position of the snapshot; 0 for the newest */
  readonly snapshot: number;
  /** of the first byte in its file */
  readonly offset: number;
  /** 0: REPLICATE_BYTES_MAX */
  readonly maxBytes: number;
}

export interface SnapshotReadInit {
  readonly broker?: string | undefined;
  readonly snapshot?: number | undefined;
  readonly offset?: number | undefined;
  readonly maxBytes?: number | undefined;
}


function writeSnapshotRead(w: ProtobufWriter, v: SnapshotReadInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.snapshot) w.uint32(16).uint64(checkUint64(v.snapshot, 'SnapshotRead.snapshot'));
  if (v.offset) w.uint32(24).uint64(checkUint64(v.offset, 'SnapshotRead.offset'));
  if (v.maxBytes) w.uint32(32).uint32(checkUint32(v.maxBytes, 'SnapshotRead.max_bytes'));
  return w;
}

function readSnapshotRead(r: ProtobufReader, end: number): SnapshotRead {
  let broker: string = '';
  let snapshot: number = 0;
  let offset: number = 0;
  let maxBytes: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'SnapshotRead.broker'); break;
      case 16: snapshot = readUint64(r, 'SnapshotRead.snapshot'); break;
      case 24: offset = readUint64(r, 'SnapshotRead.offset'); break;
      case 32: maxBytes = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('SnapshotRead.broker');
  return { broker, snapshot, offset, maxBytes };
}

export const SnapshotRead: MessageType<SnapshotRead, SnapshotReadInit> = /* @__PURE__ */ messageType('SnapshotRead', writeSnapshotRead, readSnapshotRead);

export interface SnapshotReadOk {
  /** its position */
  readonly snapshot: number;
  /** bytes of its file */
  readonly size: number;
  /** position of the oldest entry that the master has */
  readonly oldest: number;
  /** of the entry before the oldest one */
  readonly chain: number;
}

export interface SnapshotReadOkInit {
  readonly snapshot?: number | undefined;
  readonly size?: number | undefined;
  readonly oldest?: number | undefined;
  readonly chain?: number | undefined;
}


function writeSnapshotReadOk(w: ProtobufWriter, v: SnapshotReadOkInit): ProtobufWriter {
  if (v.snapshot) w.uint32(8).uint64(checkUint64(v.snapshot, 'SnapshotReadOk.snapshot'));
  if (v.size) w.uint32(16).uint64(checkUint64(v.size, 'SnapshotReadOk.size'));
  if (v.oldest) w.uint32(24).uint64(checkUint64(v.oldest, 'SnapshotReadOk.oldest'));
  if (v.chain) w.uint32(32).uint32(checkUint32(v.chain, 'SnapshotReadOk.chain'));
  return w;
}

function readSnapshotReadOk(r: ProtobufReader, end: number): SnapshotReadOk {
  let snapshot: number = 0;
  let size: number = 0;
  let oldest: number = 0;
  let chain: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: snapshot = readUint64(r, 'SnapshotReadOk.snapshot'); break;
      case 16: size = readUint64(r, 'SnapshotReadOk.size'); break;
      case 24: oldest = readUint64(r, 'SnapshotReadOk.oldest'); break;
      case 32: chain = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { snapshot, size, oldest, chain };
}

export const SnapshotReadOk: MessageType<SnapshotReadOk, SnapshotReadOkInit> = /* @__PURE__ */ messageType('SnapshotReadOk', writeSnapshotReadOk, readSnapshotReadOk);

export interface Promote {
  /** whatever the records say */
  readonly acceptLoss: boolean;
}

export interface PromoteInit {
  readonly acceptLoss?: boolean | undefined;
}


function writePromote(w: ProtobufWriter, v: PromoteInit): ProtobufWriter {
  if (v.acceptLoss) w.uint32(8).bool(v.acceptLoss);
  return w;
}

function readPromote(r: ProtobufReader, end: number): Promote {
  let acceptLoss: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: acceptLoss = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { acceptLoss };
}

export const Promote: MessageType<Promote, PromoteInit> = /* @__PURE__ */ messageType('Promote', writePromote, readPromote);

export interface PromoteOk {
  readonly term: number;
}

export interface PromoteOkInit {
  readonly term?: number | undefined;
}


function writePromoteOk(w: ProtobufWriter, v: PromoteOkInit): ProtobufWriter {
  if (v.term) w.uint32(8).uint32(checkUint32(v.term, 'PromoteOk.term'));
  return w;
}

function readPromoteOk(r: ProtobufReader, end: number): PromoteOk {
  let term: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: term = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { term };
}

export const PromoteOk: MessageType<PromoteOk, PromoteOkInit> = /* @__PURE__ */ messageType('PromoteOk', writePromoteOk, readPromoteOk);

export type Demote = Record<string, never>;

export type DemoteInit = Record<string, never>;


function writeDemote(w: ProtobufWriter, _v: DemoteInit): ProtobufWriter {
  return w;
}

function readDemote(r: ProtobufReader, end: number): Demote {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const Demote: MessageType<Demote, DemoteInit> = /* @__PURE__ */ messageType('Demote', writeDemote, readDemote);

export type DemoteOk = Record<string, never>;

export type DemoteOkInit = Record<string, never>;


function writeDemoteOk(w: ProtobufWriter, _v: DemoteOkInit): ProtobufWriter {
  return w;
}

function readDemoteOk(r: ProtobufReader, end: number): DemoteOk {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const DemoteOk: MessageType<DemoteOk, DemoteOkInit> = /* @__PURE__ */ messageType('DemoteOk', writeDemoteOk, readDemoteOk);

/** A replica and the life of it that is meant. */
export interface Replica {
  readonly replica: number;
  readonly incarnation: number;
}

export interface ReplicaInit {
  readonly replica?: number | undefined;
  readonly incarnation?: number | undefined;
}


function writeReplica(w: ProtobufWriter, v: ReplicaInit): ProtobufWriter {
  if (v.replica) w.uint32(8).uint32(checkUint32(v.replica, 'Replica.replica'));
  if (v.incarnation) w.uint32(16).uint64(checkUint64(v.incarnation, 'Replica.incarnation'));
  return w;
}

function readReplica(r: ProtobufReader, end: number): Replica {
  let replica: number = 0;
  let incarnation: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: replica = r.uint32(); break;
      case 16: incarnation = readUint64(r, 'Replica.incarnation'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { replica, incarnation };
}

export const Replica: MessageType<Replica, ReplicaInit> = /* @__PURE__ */ messageType('Replica', writeReplica, readReplica);

export type BrokerDescribe = Record<string, never>;

export type BrokerDescribeInit = Record<string, never>;


function writeBrokerDescribe(w: ProtobufWriter, _v: BrokerDescribeInit): ProtobufWriter {
  return w;
}

function readBrokerDescribe(r: ProtobufReader, end: number): BrokerDescribe {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const BrokerDescribe: MessageType<BrokerDescribe, BrokerDescribeInit> = /* @__PURE__ */ messageType('BrokerDescribe', writeBrokerDescribe, readBrokerDescribe);

export interface BrokerDescribeOk {
  readonly broker: string;
  readonly replica: number;
  readonly role: reg.ReplicaRole;
  readonly term: number;
  /** position */
  readonly logEnd: number;
  /** below it everything is stored as its flush setting says */
  readonly stored: number;
  /** below it everything is committed */
  readonly committed: number;
  /** position of its oldest entry */
  readonly oldest: number;
  readonly flushAsync: boolean;
  /** of a master: fewer, and it takes no messages with ack level COMMITTED */
  readonly minInSync: number;
  /** of a master: all that it knows, itself included */
  readonly replicas: readonly ReplicaState[];
  /** of a slave: the address of the master that it copies */
  readonly following: string;
  /** for people: what it does now */
  readonly state: string;
  /** of a slave: where its master's log ended, as it heard last; 0: it has not */
  readonly masterEnd: number;
  /** of a slave: by what its master said last, or else by the record that it read last */
  readonly inSync: boolean;
  /** code of the error that halted it; empty: it is not halted */
  readonly haltedBy: string;
  /** masters of its group are elected, not made by an operator */
  readonly elected: boolean;
}

export interface BrokerDescribeOkInit {
  readonly broker?: string | undefined;
  readonly replica?: number | undefined;
  readonly role?: reg.ReplicaRole | undefined;
  readonly term?: number | undefined;
  readonly logEnd?: number | undefined;
  readonly stored?: number | undefined;
  readonly committed?: number | undefined;
  readonly oldest?: number | undefined;
  readonly flushAsync?: boolean | undefined;
  readonly minInSync?: number | undefined;
  readonly replicas?: readonly ReplicaStateInit[] | undefined;
  readonly following?: string | undefined;
  readonly state?: string | undefined;
  readonly masterEnd?: number | undefined;
  readonly inSync?: boolean | undefined;
  readonly haltedBy?: string | undefined;
  readonly elected?: boolean | undefined;
}


function writeBrokerDescribeOk(w: ProtobufWriter, v: BrokerDescribeOkInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.replica) w.uint32(16).uint32(checkUint32(v.replica, 'BrokerDescribeOk.replica'));
  if (v.role) w.uint32(24).uint32(v.role);
  if (v.term) w.uint32(32).uint32(checkUint32(v.term, 'BrokerDescribeOk.term'));
  if (v.logEnd) w.uint32(40).uint64(checkUint64(v.logEnd, 'BrokerDescribeOk.log_end'));
  if (v.stored) w.uint32(48).uint64(checkUint64(v.stored, 'BrokerDescribeOk.stored'));
  if (v.committed) w.uint32(56).uint64(checkUint64(v.committed, 'BrokerDescribeOk.committed'));
  if (v.oldest) w.uint32(64).uint64(checkUint64(v.oldest, 'BrokerDescribeOk.oldest'));
  if (v.flushAsync) w.uint32(72).bool(v.flushAsync);
  if (v.minInSync) w.uint32(80).uint32(checkUint32(v.minInSync, 'BrokerDescribeOk.min_in_sync'));
  if (v.replicas !== undefined) for (const item of v.replicas) writeReplicaState(w.uint32(90).fork(), item).ldelim();
  if (v.following !== undefined && v.following.length > 0) w.uint32(98).string(v.following);
  if (v.state !== undefined && v.state.length > 0) w.uint32(106).string(v.state);
  if (v.masterEnd) w.uint32(112).uint64(checkUint64(v.masterEnd, 'BrokerDescribeOk.master_end'));
  if (v.inSync) w.uint32(120).bool(v.inSync);
  if (v.haltedBy !== undefined && v.haltedBy.length > 0) w.uint32(130).string(v.haltedBy);
  if (v.elected) w.uint32(136).bool(v.elected);
  return w;
}

function readBrokerDescribeOk(r: ProtobufReader, end: number): BrokerDescribeOk {
  let broker: string = '';
  let replica: number = 0;
  let role: reg.ReplicaRole = 0;
  let term: number = 0;
  let logEnd: number = 0;
  let stored: number = 0;
  let committed: number = 0;
  let oldest: number = 0;
  let flushAsync: boolean = false;
  let minInSync: number = 0;
  const replicas: ReplicaState[] = [];
  let following: string = '';
  let state: string = '';
  let masterEnd: number = 0;
  let inSync: boolean = false;
  let haltedBy: string = '';
  let elected: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'BrokerDescribeOk.broker'); break;
      case 16: replica = r.uint32(); break;
      case 24: role = readEnum(r, reg.ReplicaRoleNames, 'BrokerDescribeOk.role'); break;
      case 32: term = r.uint32(); break;
      case 40: logEnd = readUint64(r, 'BrokerDescribeOk.log_end'); break;
      case 48: stored = readUint64(r, 'BrokerDescribeOk.stored'); break;
      case 56: committed = readUint64(r, 'BrokerDescribeOk.committed'); break;
      case 64: oldest = readUint64(r, 'BrokerDescribeOk.oldest'); break;
      case 72: flushAsync = r.bool(); break;
      case 80: minInSync = r.uint32(); break;
      case 90: checkCount(replicas.length, reg.LIMITS.REPLICAS_MAX, 'BrokerDescribeOk.replicas'); replicas.push(readReplicaState(r, r.end())); break;
      case 98: following = readString(r, reg.LIMITS.ADDRESS_BYTES_MAX, 'BrokerDescribeOk.following'); break;
      case 106: state = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'BrokerDescribeOk.state'); break;
      case 112: masterEnd = readUint64(r, 'BrokerDescribeOk.master_end'); break;
      case 120: inSync = r.bool(); break;
      case 130: haltedBy = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'BrokerDescribeOk.halted_by'); break;
      case 136: elected = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { broker, replica, role, term, logEnd, stored, committed, oldest, flushAsync, minInSync, replicas, following, state, masterEnd, inSync, haltedBy, elected };
}

export const BrokerDescribeOk: MessageType<BrokerDescribeOk, BrokerDescribeOkInit> = /* @__PURE__ */ messageType('BrokerDescribeOk', writeBrokerDescribeOk, readBrokerDescribeOk);

export interface ReplicaState {
  readonly replica: number;
  readonly incarnation: number;
  readonly inSync: boolean;
  /** as it said last */
  readonly stored: number;
  /** since it said something */
  readonly silentMs: number;
}

export interface ReplicaStateInit {
  readonly replica?: number | undefined;
  readonly incarnation?: number | undefined;
  readonly inSync?: boolean | undefined;
  readonly stored?: number | undefined;
  readonly silentMs?: number | undefined;
}


function writeReplicaState(w: ProtobufWriter, v: ReplicaStateInit): ProtobufWriter {
  if (v.replica) w.uint32(8).uint32(checkUint32(v.replica, 'ReplicaState.replica'));
  if (v.incarnation) w.uint32(16).uint64(checkUint64(v.incarnation, 'ReplicaState.incarnation'));
  if (v.inSync) w.uint32(24).bool(v.inSync);
  if (v.stored) w.uint32(32).uint64(checkUint64(v.stored, 'ReplicaState.stored'));
  if (v.silentMs) w.uint32(40).uint32(checkUint32(v.silentMs, 'ReplicaState.silent_ms'));
  return w;
}

function readReplicaState(r: ProtobufReader, end: number): ReplicaState {
  let replica: number = 0;
  let incarnation: number = 0;
  let inSync: boolean = false;
  let stored: number = 0;
  let silentMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: replica = r.uint32(); break;
      case 16: incarnation = readUint64(r, 'ReplicaState.incarnation'); break;
      case 24: inSync = r.bool(); break;
      case 32: stored = readUint64(r, 'ReplicaState.stored'); break;
      case 40: silentMs = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { replica, incarnation, inSync, stored, silentMs };
}

export const ReplicaState: MessageType<ReplicaState, ReplicaStateInit> = /* @__PURE__ */ messageType('ReplicaState', writeReplicaState, readReplicaState);

/** What is on record of a broker group: who was master in which term, and who has everything that is committed. */
export interface GroupRecord {
  readonly storeId: Uint8Array;
  readonly term: number;
  readonly master: number;
  /** of the record; it goes on through all terms */
  readonly version: number;
  readonly inSync: readonly Replica[];
}

export interface GroupRecordInit {
  readonly storeId?: Uint8Array | undefined;
  readonly term?: number | undefined;
  readonly master?: number | undefined;
  readonly version?: number | undefined;
  readonly inSync?: readonly ReplicaInit[] | undefined;
}


function writeGroupRecord(w: ProtobufWriter, v: GroupRecordInit): ProtobufWriter {
  if (v.storeId !== undefined && v.storeId.length > 0) w.uint32(10).bytes(v.storeId);
  if (v.term) w.uint32(16).uint32(checkUint32(v.term, 'GroupRecord.term'));
  if (v.master) w.uint32(24).uint32(checkUint32(v.master, 'GroupRecord.master'));
  if (v.version) w.uint32(32).uint64(checkUint64(v.version, 'GroupRecord.version'));
  if (v.inSync !== undefined) for (const item of v.inSync) writeReplica(w.uint32(42).fork(), item).ldelim();
  return w;
}

function readGroupRecord(r: ProtobufReader, end: number): GroupRecord {
  let storeId: Uint8Array = NO_BYTES;
  let term: number = 0;
  let master: number = 0;
  let version: number = 0;
  const inSync: Replica[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: storeId = readBytes(r, reg.LIMITS.LABEL_BYTES_MAX, 'GroupRecord.store_id'); break;
      case 16: term = r.uint32(); break;
      case 24: master = r.uint32(); break;
      case 32: version = readUint64(r, 'GroupRecord.version'); break;
      case 42: checkCount(inSync.length, reg.LIMITS.REPLICAS_MAX, 'GroupRecord.in_sync'); inSync.push(readReplica(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (storeId.length === 0) missing('GroupRecord.store_id');
  if (term === 0) missing('GroupRecord.term');
  return { storeId, term, master, version, inSync };
}

export const GroupRecord: MessageType<GroupRecord, GroupRecordInit> = /* @__PURE__ */ messageType('GroupRecord', writeGroupRecord, readGroupRecord);

export interface RecordPut {
  readonly broker: string;
  readonly record: GroupRecord | undefined;
}

export interface RecordPutInit {
  readonly broker?: string | undefined;
  readonly record?: GroupRecordInit | undefined;
}


function writeRecordPut(w: ProtobufWriter, v: RecordPutInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  if (v.record !== undefined) writeGroupRecord(w.uint32(18).fork(), v.record).ldelim();
  return w;
}

function readRecordPut(r: ProtobufReader, end: number): RecordPut {
  let broker: string = '';
  let record: GroupRecord | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'RecordPut.broker'); break;
      case 18: record = readGroupRecord(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('RecordPut.broker');
  if (record === undefined) missing('RecordPut.record');
  return { broker, record };
}

export const RecordPut: MessageType<RecordPut, RecordPutInit> = /* @__PURE__ */ messageType('RecordPut', writeRecordPut, readRecordPut);

export type RecordPutOk = Record<string, never>;

export type RecordPutOkInit = Record<string, never>;


function writeRecordPutOk(w: ProtobufWriter, _v: RecordPutOkInit): ProtobufWriter {
  return w;
}

function readRecordPutOk(r: ProtobufReader, end: number): RecordPutOk {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const RecordPutOk: MessageType<RecordPutOk, RecordPutOkInit> = /* @__PURE__ */ messageType('RecordPutOk', writeRecordPutOk, readRecordPutOk);

export interface RecordGet {
  readonly broker: string;
}

export interface RecordGetInit {
  readonly broker?: string | undefined;
}


function writeRecordGet(w: ProtobufWriter, v: RecordGetInit): ProtobufWriter {
  if (v.broker !== undefined && v.broker.length > 0) w.uint32(10).string(v.broker);
  return w;
}

function readRecordGet(r: ProtobufReader, end: number): RecordGet {
  let broker: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: broker = readString(r, reg.LIMITS.BROKER_NAME_BYTES_MAX, 'RecordGet.broker'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (broker.length === 0) missing('RecordGet.broker');
  return { broker };
}

export const RecordGet: MessageType<RecordGet, RecordGetInit> = /* @__PURE__ */ messageType('RecordGet', writeRecordGet, readRecordGet);

export interface RecordGetOk {
  /** absent where there is none */
  readonly record: GroupRecord | undefined;
}

export interface RecordGetOkInit {
  readonly record?: GroupRecordInit | undefined;
}


function writeRecordGetOk(w: ProtobufWriter, v: RecordGetOkInit): ProtobufWriter {
  if (v.record !== undefined) writeGroupRecord(w.uint32(10).fork(), v.record).ldelim();
  return w;
}

function readRecordGetOk(r: ProtobufReader, end: number): RecordGetOk {
  let record: GroupRecord | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: record = readGroupRecord(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { record };
}

export const RecordGetOk: MessageType<RecordGetOk, RecordGetOkInit> = /* @__PURE__ */ messageType('RecordGetOk', writeRecordGetOk, readRecordGetOk);

/** What a client sends with each frame type, of this part, and how it reads the answer. */
export const REPLICATION_REQUESTS = {
  REPLICATE: { encode: encoder(writeReplicate), decode: decoder('ReplicateOk', readReplicateOk) },
  SNAPSHOT_READ: { encode: encoder(writeSnapshotRead), decode: decoder('SnapshotReadOk', readSnapshotReadOk) },
  PROMOTE: { encode: encoder(writePromote), decode: decoder('PromoteOk', readPromoteOk) },
  DEMOTE: { encode: encoder(writeDemote), decode: decoder('DemoteOk', readDemoteOk) },
  BROKER_DESCRIBE: { encode: encoder(writeBrokerDescribe), decode: decoder('BrokerDescribeOk', readBrokerDescribeOk) },
  RECORD_PUT: { encode: encoder(writeRecordPut), decode: decoder('RecordPutOk', readRecordPutOk) },
  RECORD_GET: { encode: encoder(writeRecordGet), decode: decoder('RecordGetOk', readRecordGetOk) },
} as const;
