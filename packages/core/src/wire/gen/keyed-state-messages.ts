// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing, NO_BYTES,
  readBytes, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import * as reg from './registry.ts';

export interface StateWrite {
  readonly topic: string;
  readonly queue: number;
}

export interface StateWriteInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
}


function writeStateWrite(w: ProtobufWriter, v: StateWriteInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'StateWrite.queue'));
  return w;
}

function readStateWrite(r: ProtobufReader, end: number): StateWrite {
  let topic: string = '';
  let queue: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'StateWrite.topic'); break;
      case 16: queue = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('StateWrite.topic');
  return { topic, queue };
}

export const StateWrite: MessageType<StateWrite, StateWriteInit> = /* @__PURE__ */ messageType('StateWrite', writeStateWrite, readStateWrite);

export interface StateWriteOk {
  /** of the queue's keyed state, and of every entry that was written */
  readonly version: number;
}

export interface StateWriteOkInit {
  readonly version?: number | undefined;
}


function writeStateWriteOk(w: ProtobufWriter, v: StateWriteOkInit): ProtobufWriter {
  if (v.version) w.uint32(8).uint64(checkUint64(v.version, 'StateWriteOk.version'));
  return w;
}

function readStateWriteOk(r: ProtobufReader, end: number): StateWriteOk {
  let version: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: version = readUint64(r, 'StateWriteOk.version'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { version };
}

export const StateWriteOk: MessageType<StateWriteOk, StateWriteOkInit> = /* @__PURE__ */ messageType('StateWriteOk', writeStateWriteOk, readStateWriteOk);

export interface StateGet {
  readonly topic: string;
  readonly queue: number;
}

export interface StateGetInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
}


function writeStateGet(w: ProtobufWriter, v: StateGetInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'StateGet.queue'));
  return w;
}

function readStateGet(r: ProtobufReader, end: number): StateGet {
  let topic: string = '';
  let queue: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'StateGet.topic'); break;
      case 16: queue = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('StateGet.topic');
  return { topic, queue };
}

export const StateGet: MessageType<StateGet, StateGetInit> = /* @__PURE__ */ messageType('StateGet', writeStateGet, readStateGet);

export interface StateGetOk {
  /** of the queue's keyed state when it was read */
  readonly version: number;
}

export interface StateGetOkInit {
  readonly version?: number | undefined;
}


function writeStateGetOk(w: ProtobufWriter, v: StateGetOkInit): ProtobufWriter {
  if (v.version) w.uint32(8).uint64(checkUint64(v.version, 'StateGetOk.version'));
  return w;
}

function readStateGetOk(r: ProtobufReader, end: number): StateGetOk {
  let version: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: version = readUint64(r, 'StateGetOk.version'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { version };
}

export const StateGetOk: MessageType<StateGetOk, StateGetOkInit> = /* @__PURE__ */ messageType('StateGetOk', writeStateGetOk, readStateGetOk);

export interface StateScan {
  readonly topic: string;
  readonly queue: number;
  /** empty: every key */
  readonly prefix: Uint8Array;
  /** only keys behind this one; not with changes */
  readonly after: Uint8Array;
  /** entries at most; 0: no limit of its own; not with changes */
  readonly limit: number;
  /** what has changed since a version, in the place of what there is */
  readonly changes: boolean;
  /** with changes: that version */
  readonly since: number;
  /** with changes: how long to wait for the first; 0: answer at once */
  readonly waitMs: number;
}

export interface StateScanInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly prefix?: Uint8Array | undefined;
  readonly after?: Uint8Array | undefined;
  readonly limit?: number | undefined;
  readonly changes?: boolean | undefined;
  readonly since?: number | undefined;
  readonly waitMs?: number | undefined;
}


function writeStateScan(w: ProtobufWriter, v: StateScanInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'StateScan.queue'));
  if (v.prefix !== undefined && v.prefix.length > 0) w.uint32(26).bytes(v.prefix);
  if (v.after !== undefined && v.after.length > 0) w.uint32(34).bytes(v.after);
  if (v.limit) w.uint32(40).uint32(checkUint32(v.limit, 'StateScan.limit'));
  if (v.changes) w.uint32(48).bool(v.changes);
  if (v.since) w.uint32(56).uint64(checkUint64(v.since, 'StateScan.since'));
  if (v.waitMs) w.uint32(64).uint32(checkUint32(v.waitMs, 'StateScan.wait_ms'));
  return w;
}

function readStateScan(r: ProtobufReader, end: number): StateScan {
  let topic: string = '';
  let queue: number = 0;
  let prefix: Uint8Array = NO_BYTES;
  let after: Uint8Array = NO_BYTES;
  let limit: number = 0;
  let changes: boolean = false;
  let since: number = 0;
  let waitMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'StateScan.topic'); break;
      case 16: queue = r.uint32(); break;
      case 26: prefix = readBytes(r, reg.LIMITS.STATE_KEY_BYTES_MAX, 'StateScan.prefix'); break;
      case 34: after = readBytes(r, reg.LIMITS.STATE_KEY_BYTES_MAX, 'StateScan.after'); break;
      case 40: limit = r.uint32(); break;
      case 48: changes = r.bool(); break;
      case 56: since = readUint64(r, 'StateScan.since'); break;
      case 64: waitMs = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('StateScan.topic');
  return { topic, queue, prefix, after, limit, changes, since, waitMs };
}

export const StateScan: MessageType<StateScan, StateScanInit> = /* @__PURE__ */ messageType('StateScan', writeStateScan, readStateScan);

export interface StateScanOk {
  /** of the queue's keyed state when it was read; with changes: up to which the answer tells them */
  readonly version: number;
  /** there is more behind the last entry, or behind version */
  readonly more: boolean;
  /** with changes: those since that version are no longer remembered */
  readonly reset: boolean;
}

export interface StateScanOkInit {
  readonly version?: number | undefined;
  readonly more?: boolean | undefined;
  readonly reset?: boolean | undefined;
}


function writeStateScanOk(w: ProtobufWriter, v: StateScanOkInit): ProtobufWriter {
  if (v.version) w.uint32(8).uint64(checkUint64(v.version, 'StateScanOk.version'));
  if (v.more) w.uint32(16).bool(v.more);
  if (v.reset) w.uint32(24).bool(v.reset);
  return w;
}

function readStateScanOk(r: ProtobufReader, end: number): StateScanOk {
  let version: number = 0;
  let more: boolean = false;
  let reset: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: version = readUint64(r, 'StateScanOk.version'); break;
      case 16: more = r.bool(); break;
      case 24: reset = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { version, more, reset };
}

export const StateScanOk: MessageType<StateScanOk, StateScanOkInit> = /* @__PURE__ */ messageType('StateScanOk', writeStateScanOk, readStateScanOk);

/** What a client sends with each frame type, of this part, and how it reads the answer. */
export const KEYED_STATE_REQUESTS = {
  STATE_WRITE: { encode: encoder(writeStateWrite), decode: decoder('StateWriteOk', readStateWriteOk) },
  STATE_GET: { encode: encoder(writeStateGet), decode: decoder('StateGetOk', readStateGetOk) },
  STATE_SCAN: { encode: encoder(writeStateScan), decode: decoder('StateScanOk', readStateScanOk) },
} as const;
