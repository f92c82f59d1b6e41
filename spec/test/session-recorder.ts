// Records what the reference implementation does in a conversation as a session vector. scripts/record-sessions.mjs runs it.
import { decodeFrame, encodeFrame, Flag, FRAMES, type FrameName, type Output } from '@qanat/core';
import { readBatch } from '../../packages/conformance/src/codec/batch-json.ts';
import {
  controlOf,
  type FrameKind,
  fromCore,
  type HeaderJson as Json,
  toCore,
} from '../../packages/conformance/src/codec/schema-json.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import { batchText, ROLE_PLAYERS } from './role-players.ts';
import type { Done, Player, RoleCall, Session, Step } from './session-format.ts';

const NOTHING = new Uint8Array(0);

/** What any server may say in its own way, and a replica when it asks. */
const ANY: Readonly<Record<string, readonly string[]>> = {
  'HELLO request': ['software', 'label'],
  'REGISTER_BROKER request': ['software', 'revision'],
  'BROKER_HEARTBEAT request': ['revision'],
  'REPLICATE request': ['incarnation', 'wait_ms', 'max_bytes'],
  'HELLO response': ['software', 'store_id'],
  error: ['message'],
  'GOAWAY push': ['message'],
};

/** Fields of requests that are a client's own affair, at any depth. */
const OWN = new Set(
  'software label minor features idle_ms frame_bytes_max poll wait_ms max_bytes filter revision joined_ago_ms session_ms'.split(
    ' ',
  ),
);

/** A frame that came out, for scenarios. */
export interface Heard {
  readonly connection: number;
  readonly frame: string;
  readonly kind: FrameKind;
  readonly header: Json;
  readonly payload: Uint8Array;
}

interface Open {
  readonly connection: number;
  readonly frame: string;
  readonly correlation: number;
  readonly name: string;
}

export class SessionRecorder {
  readonly #head: Omit<Session, 'steps'>;
  readonly #player: Player;
  readonly #steps: object[] = [];
  readonly #isBroker: boolean;
  readonly #correlations = new Map<number, number>();
  readonly #counts = new Map<string, number>();
  readonly #payloads = new Map<string, string>();
  /** Requests of what is under test that nobody has answered. */
  #open: Open[] = [];
  #nowMs = 0;

  constructor(head: Omit<Session, 'steps'>) {
    this.#head = head;
    this.#isBroker = head.setup.layer === 'broker';
    const make = ROLE_PLAYERS[head.setup.layer];
    if (make === undefined) throw new Error(`no player of ${head.setup.layer}`);
    this.#player = make(head.setup);
    this.#player.tick(0);
    this.#take();
  }

  /** The file of the vector. */
  text(): string {
    const { id, ...rest } = this.#head;
    const head = JSON.stringify({ id, spec: '1.0', ...rest }, undefined, 2);
    const rows = this.#steps.map((step) => `    ${JSON.stringify(step)}`).join(',\n');
    return `${head.slice(0, -2)},\n  "steps": [\n${rows}\n  ]\n}\n`;
  }

  /** Lets time pass until `ms`; what goes out on the way is recorded at its time. */
  until(ms: number): Heard[] {
    const heard: Heard[] = [];
    for (let due = this.#player.nextDeadlineMs(); due !== undefined && due <= ms; due = this.#player.nextDeadlineMs()) {
      this.#nowMs = Math.max(this.#nowMs, due);
      this.#player.tick(this.#nowMs);
      heard.push(...this.#take());
    }
    this.#nowMs = ms;
    return heard;
  }

  event(connection: number, event: 'accepted' | 'opened' | 'closed' | 'stop'): Heard[] {
    if (event === 'closed') this.#open = this.#open.filter((open) => open.connection !== connection);
    return this.#input({ at: this.#nowMs, connection, event });
  }

  ask(ask: RoleCall): Heard[] {
    return this.#input({ at: this.#nowMs, connection: 0, ask });
  }

  /** A client of the broker asks. */
  request(connection: number, frame: FrameName, header: Json, payload: Uint8Array = NOTHING): Heard[] {
    const correlation = (this.#correlations.get(connection) ?? -1) + 2;
    this.#correlations.set(connection, correlation);
    return this.#frame(connection, frame, 'request', correlation, header, payload);
  }

  /** The server answers the oldest open request of this type. */
  answer(frame: FrameName, header: Json, payload: Uint8Array = NOTHING, kind: 'response' | 'error' = 'response'): Heard[] {
    const at = this.#open.findIndex((open) => open.frame === frame);
    const [open] = at < 0 ? [] : this.#open.splice(at, 1);
    if (open === undefined) throw new Error(`${this.#head.id}: no ${frame} is open`);
    return this.#frame(open.connection, frame, kind, open.correlation, header, payload, open.name);
  }

  push(connection: number, frame: FrameName, header: Json): Heard[] {
    return this.#frame(connection, frame, 'push', 0, header, NOTHING);
  }

  #frame(
    connection: number,
    frame: FrameName,
    kind: FrameKind,
    correlation: number,
    header: Json,
    payload: Uint8Array,
    name?: string,
  ): Heard[] {
    const { message, codec } = controlOf(frame, kind);
    const flags = { request: 0, response: Flag.RESPONSE, error: Flag.RESPONSE | Flag.ERROR, push: Flag.ONEWAY }[kind];
    const bytes = joined(encodeFrame(FRAMES[frame].type, flags, correlation, codec.encode(toCore(message, header)), [payload]));
    const named = name === undefined ? {} : { correlation: name };
    return this.#input({ at: this.#nowMs, connection, in: hexOfBytes(bytes), ...named }, `${frame} ${kind}`);
  }

  #input(step: Step, says?: string): Heard[] {
    this.#steps.push(says === undefined ? step : { ...step, says });
    this.#player.input(step, this.#nowMs);
    return [...this.#take(), ...this.until(this.#nowMs)];
  }

  // ---- what comes out ----

  #take(): Heard[] {
    const { done } = this.#player;
    for (const output of this.#player.drain()) this.#note(output);
    return done.splice(0).flatMap((one) => this.#record(one));
  }

  #note(output: Output): void {
    const { done } = this.#player;
    const at = this.#nowMs;
    if (output.kind === 'send') done.push({ at, connection: output.connection, what: { parts: joined(output.parts) } });
    else if (output.kind === 'close' || output.kind === 'abort' || output.kind === 'connect') {
      done.push({ at, connection: output.connection, what: { event: output.kind } });
    }
  }

  /** A client's own times are not exact: it does it by then. */
  #record({ at: exactMs, connection, what }: Done): Heard[] {
    const at = this.#isBroker ? exactMs : Math.ceil(exactMs);
    if ('parts' in what) return [this.#recordFrame(at, connection, what.parts)];
    this.#steps.push({ at, connection, ...what } as Step);
    return [];
  }

  #recordFrame(at: number, connection: number, bytes: Uint8Array): Heard {
    const { type, flags, correlation, control, payload } = decodeFrame(bytes);
    const [frame] = Object.entries(FRAMES).find(([, { type: number }]) => number === type) ?? [];
    if (frame === undefined) throw new Error(`${this.#head.id}: a frame of type ${type}`);
    const kind: FrameKind =
      flags & Flag.ERROR ? 'error' : flags & Flag.RESPONSE ? 'response' : flags & Flag.ONEWAY ? 'push' : 'request';
    const { message, codec } = controlOf(frame, kind);
    const header = fromCore(message, codec.decode(control));
    const heard = { connection, frame, kind, header, payload };
    const named = kind === 'request' ? this.#named(heard, correlation) : correlation;
    const out = this.#isBroker ? this.#inFull(heard, named) : this.#atLeast(heard, named);
    this.#steps.push({ at, connection, out: { frame, kind, ...out } });
    return heard;
  }

  /** Gives a request the name by which it is answered. */
  #named({ connection, frame }: Heard, correlation: number): string {
    const count = (this.#counts.get(frame) ?? 0) + 1;
    this.#counts.set(frame, count);
    const name = `$${frame.toLowerCase().replaceAll('_', '-')}-${count}`;
    this.#open.push({ connection, frame, correlation, name });
    return name;
  }

  #inFull({ frame, kind, header, payload }: Heard, correlation: number | string): object {
    const any = ANY[`${frame} ${kind}`] ?? ANY[kind] ?? [];
    const said = Object.fromEntries(Object.entries(header).filter(([name]) => !any.includes(name)));
    const bytes = payload.length === 0 ? {} : { payload: hexOfBytes(payload) };
    return { correlation, header: said, ...(any.length === 0 ? {} : { any }), ...bytes };
  }

  #atLeast({ header, payload }: Heard, correlation: number | string): object {
    const batch = typeof correlation === 'string' ? this.#batch(correlation, payload) : {};
    return { correlation, header: withoutOwn(header), ...batch };
  }

  /** Of a batch what matters; where the same bytes went out before, the name of that frame. */
  #batch(name: string, payload: Uint8Array): object {
    if (payload.length === 0) return {};
    const hex = hexOfBytes(payload);
    const [same] = [...this.#payloads].find(([, known]) => known === hex) ?? [];
    this.#payloads.set(name, hex);
    if (same !== undefined) return { payload_of: same };
    const { producer_id, producer_epoch, base_sequence, records } = batchText(readBatch(payload));
    return { batch: { producer_id, producer_epoch, base_sequence, records } };
  }
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => bytesOfHex(parts.map(hexOfBytes).join(''));

function withoutOwn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OWN.has(name))
      .map(([name, item]) => [name, withoutOwn(item)]),
  );
}
