// Plays whole sessions against the session layer of the core, on virtual time (format: spec/v1/vectors/README.md).

import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  ClientSession,
  codecOfRequest,
  Door,
  decodeFrame,
  EngineContext,
  Feature,
  Flag,
  FRAMES,
  type FrameName,
  Hello,
  Login,
  type Output,
  principalOf,
  QanatError,
  Random,
  type RequestOptions,
  ServerSessions,
  UserTable,
  utf8,
} from '@qanat/core';
import { expect } from 'vitest';
import { readBatch } from '../../packages/conformance/src/codec/batch-json.ts';
import { controlOf, type FrameKind, fromCore, toCore } from '../../packages/conformance/src/codec/schema-json.ts';
import { encodeFrame } from '../../packages/core/src/wire/frame.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import { batchText, inputOf, ROLE_PLAYERS } from './role-players.ts';
import type { Done, OutStep, Player, Session, Setup, Step } from './session-format.ts';
import { webSocketPlayer } from './websocket-player.ts';

export type { Session } from './session-format.ts';

/** A layer that has no engine of its own: its parts share a context. */
const contextPart = (context: EngineContext, input: (step: Step) => void): Player => ({
  done: [],
  input: (step, nowMs) => {
    context.enter(nowMs);
    input(step);
  },
  tick: (nowMs) => {
    context.enter(nowMs);
    context.timers.tick(nowMs);
  },
  drain: () => context.drain(),
  nextDeadlineMs: () => context.timers.nextDeadlineMs(),
});

const INPUT_EVENTS = new Set(['accepted', 'opened', 'closed', 'stop']);
const INPUTS = ['in', 'call', 'ask', 'request', 'message', 'text'] as const;
const isInput = (step: Step): boolean => INPUTS.some((name) => step[name] !== undefined) || INPUT_EVENTS.has(step.event ?? '');

const PLAYERS: Readonly<Record<string, (setup: Setup) => Player>> = {
  server: serverPlayer,
  websocket: (setup) => webSocketPlayer(serverPlayer(setup), setup),
  client: clientPlayer,
  ...ROLE_PLAYERS,
};

/** Whole clients: when and with what else they say something is mostly their own affair. */
const CLIENT_ROLES = new Set(['producer', 'consumer', 'admin']);

export const isPlayable = ({ setup }: Session): boolean => setup.layer in PLAYERS;

/** Plays the steps in order; every output must be in the session, at its time. */
export function playSession(session: Session): void {
  const player = (PLAYERS[session.setup.layer] as (setup: Setup) => Player)(session.setup);
  const numbers = new Map<string, number>();
  const heard: Heard = { numbers, payloads: new Map(), inFull: !CLIENT_ROLES.has(session.setup.layer) };
  let nowMs = 0;
  player.tick(0);
  collect(player, 0);
  /** To the time, or to the first thing that goes out. */
  const advance = (toMs: number): void => {
    for (;;) {
      const dueMs = player.nextDeadlineMs();
      if (dueMs === undefined || dueMs > toMs) break;
      nowMs = Math.max(nowMs, dueMs);
      player.tick(nowMs);
      collect(player, nowMs);
      if (player.done.length > 0) return;
    }
    nowMs = toMs;
  };
  session.steps.forEach((step, i) => {
    const where = `step ${i + 1} of ${session.id}: ${JSON.stringify(step)}`;
    if (player.done.length === 0 && (step.at > nowMs || !isInput(step))) advance(step.at);
    if (isInput(step)) {
      expect(player.done, `nothing else went out before ${where}`).toEqual([]);
      const hex = step.in === undefined ? {} : { in: numbered(step.in, step.correlation, numbers) };
      player.input({ ...step, ...hex }, nowMs);
      collect(player, nowMs);
      return;
    }
    const done = player.done.shift();
    if (done === undefined) throw new Error(`${where}: nothing came out`);
    if (heard.inFull) expect(done.at, where).toBe(step.at);
    expect(done.connection, where).toBe(step.connection);
    matches(step, done, heard, where);
  });
  expect(player.done, `${session.id}: nothing is left`).toEqual([]);
}

/** The bytes of a frame with the correlation number that a name stands for. */
function numbered(hex: string, name: string | undefined, numbers: ReadonlyMap<string, number>): string {
  if (name === undefined) return hex;
  return hex.slice(0, 16) + (numbers.get(name) as number).toString(16).padStart(8, '0') + hex.slice(24);
}

function collect(player: Player, at: number): void {
  for (const output of player.drain()) {
    if (output.kind === 'send') player.done.push({ at, connection: output.connection, what: { parts: joined(output) } });
    else if (output.kind === 'close' || output.kind === 'abort' || output.kind === 'connect') {
      const { kind: event, code } = output as { kind: string; code?: number };
      player.done.push({ at, connection: output.connection, what: { event, ...(code === undefined ? {} : { code }) } });
    }
  }
}

const joined = ({ parts }: Extract<Output, { kind: 'send' }>): Uint8Array => bytesOfHex(parts.map(hexOfBytes).join(''));

/** What was heard so far, by the names in the session. */
interface Heard {
  readonly numbers: Map<string, number>;
  readonly payloads: Map<string, string>;
  /** Headers say what stands there and nothing else; of a whole client it is the least. */
  readonly inFull: boolean;
}

function matches(step: Step, { what }: Done, heard: Heard, where: string): void {
  if (step.event !== undefined) {
    expect(what, where).toEqual({ event: step.event, ...(step.code === undefined ? {} : { code: step.code }) });
  } else if (step.answer !== undefined) matchAnswer(step.answer, what, where);
  else if (step.result !== undefined) expect((what as { result: unknown }).result, where).toMatchObject(step.result as object);
  else matchFrame(step.out as OutStep, (what as { parts: Uint8Array }).parts, heard, where);
}

function matchAnswer({ status, headers, absent = [] }: NonNullable<Step['answer']>, what: Done['what'], where: string): void {
  expect(what, where).toMatchObject({ answer: { status, headers } });
  for (const name of absent)
    expect((what as { answer: NonNullable<Step['answer']> }).answer.headers, where).not.toHaveProperty(name);
}

const FLAGS: Readonly<Record<FrameKind, number>> = {
  request: 0,
  response: Flag.RESPONSE,
  error: Flag.RESPONSE | Flag.ERROR,
  push: Flag.ONEWAY,
};

function matchFrame(out: OutStep, bytes: Uint8Array | undefined, heard: Heard, where: string): void {
  const { numbers } = heard;
  if (bytes === undefined) throw new Error(`${where}: no frame came out`);
  const frame = decodeFrame(bytes);
  const type = out.type ?? FRAMES[out.frame as FrameName].type;
  expect({ type: frame.type, flags: frame.flags }, where).toEqual({ type, flags: FLAGS[out.kind] });
  if (typeof out.correlation === 'string') {
    if (!numbers.has(out.correlation)) numbers.set(out.correlation, frame.correlation);
    expect(frame.correlation % 2, where).toBe(1);
  }
  expect(frame.correlation, where).toBe(typeof out.correlation === 'string' ? numbers.get(out.correlation) : out.correlation);
  const { message, codec } = controlOf(out.frame ?? 'PING', out.kind);
  const header = { ...fromCore(message, codec.decode(frame.control)) };
  const expected: Record<string, unknown> = { ...out.header };
  for (const name of out.any ?? []) {
    delete header[name];
    delete expected[name];
  }
  if (heard.inFull) expect(header, where).toEqual(expected);
  else expect(header, where).toMatchObject(expected);
  matchPayload(out, frame.payload, heard, where);
}

function matchPayload(out: OutStep, payload: Uint8Array, { payloads }: Heard, where: string): void {
  const hex = hexOfBytes(payload);
  if (typeof out.correlation === 'string') payloads.set(out.correlation, hex);
  if (out.payload !== undefined) expect(hex, where).toBe(out.payload);
  if (out.payload_of !== undefined) expect(hex, where).toBe(payloads.get(out.payload_of));
  if (out.batch !== undefined) expect(batchText(readBatch(payload)), where).toMatchObject(out.batch);
}

// ---- the two layers ----

function serverPlayer(setup: Setup): Player {
  const context = new EngineContext(new Random(1));
  const sessions = new ServerSessions(
    context,
    {
      identity: () => toCore('HelloOk', setup.identity ?? {}) as never,
      serves: (name) => setup.serves?.includes(name) ?? false,
      onRequest: (request) => {
        const answer = setup.answers?.[request.name];
        if (answer === undefined) return;
        const { message } = controlOf(request.name, 'response');
        const respond = (): void => request.respond(toCore(message, answer.header) as never);
        if (answer.after_ms === undefined) respond();
        else context.timers.at(context.nowMs() + answer.after_ms, respond);
      },
      onClosed: () => {},
    },
    setup.connections_max ?? 10,
    {
      ...(setup.idle_ms === undefined ? {} : { idleMs: setup.idle_ms }),
      ...(setup.in_flight_max === undefined ? {} : { inFlightMax: setup.in_flight_max }),
      ...(setup.minor === undefined ? {} : { minor: setup.minor }),
    },
    doorOf(setup, context),
  );
  return contextPart(context, (step) => {
    if (step.event === 'stop') sessions.goAway(new QanatError('SHUTTING_DOWN', 'stops'), step.grace_ms as number);
    else sessions.handle(inputOf(step));
  });
}

/** What goes out; keys that are asked for are derived on the spot. */
function withKeys(context: EngineContext): readonly Output[] {
  return context.drain().flatMap((output) => {
    if (output.kind !== 'deriveKey') return [output];
    const { password, salt, iterations } = output.request;
    const result = pbkdf2(sha256, utf8(password), salt, { c: iterations, dkLen: 32 });
    context.handle({ kind: 'derived', operation: output.operation, error: undefined, result });
    return withKeys(context);
  });
}

function clientPlayer(setup: Setup): Player {
  const context = new EngineContext(new Random(1));
  const events = { onOpen: () => {}, onPush: () => {}, onGoAway: () => {}, onClosed: () => {} };
  const { credentials, nonce = '' } = setup;
  const login = credentials && new Login(context, { kind: 'password', ...credentials, nonce: () => nonce });
  const session = new ClientSession(context, events, 'vector:1', toCore('Hello', setup.greeting ?? {}) as never, login);
  const part = contextPart(context, (step) => {
    if (step.call !== undefined) call(step.call);
    else session.handle(inputOf(step));
  });
  const player = { ...part, drain: () => withKeys(context) };
  const call = ({ name, frame, header, timeout_ms }: NonNullable<Step['call']>): void => {
    const options: RequestOptions = { timeoutMs: timeout_ms, codec: codecOfRequest(frame) };
    const { message } = controlOf(frame, 'response');
    const asked = toCore(controlOf(frame, 'request').message, header);
    session.request(frame, asked as never, options, (error, response) => {
      collect(player, context.nowMs());
      const result =
        error === undefined
          ? { name, header: fromCore(message, response.header), headers: response.headers.map((one) => fromCore(message, one)) }
          : { name, error: { code: error.code, outcome: error.outcome, retryable: error.retryable } };
      player.done.push({ at: context.nowMs(), connection: session.connection, what: { result } });
    });
  };
  return player;
}

/** What makes the server under test ask who its clients are. */
function doorOf({ users, nonce = '', user_secret = '' }: Setup, host: EngineContext): Door | undefined {
  if (users === undefined) return undefined;
  return new Door(host, { users: new UserTable(users.map(principalOf), bytesOfHex(user_secret)), nonce: () => nonce }, 'default');
}

/** What a server of the core answers one HELLO with. Its one feature is AUTH. */
export function greet(
  options: { readonly idleMs: number; readonly minor?: number; readonly features?: readonly number[] },
  hello: Record<string, unknown>,
): { readonly error?: string; readonly header?: Uint8Array } {
  const player = serverPlayer({
    layer: 'server',
    identity: { role: 'BROKER', name: 'b1' },
    idle_ms: options.idleMs,
    ...(options.minor === undefined ? {} : { minor: options.minor }),
    ...(options.features?.includes(Feature.FEATURE_AUTH) === true ? { users: [] } : {}),
  });
  player.input({ at: 0, connection: 2, event: 'accepted' }, 0);
  const frame = encodeFrame(FRAMES.HELLO.type, 0, 1, Hello.encode(hello));
  player.input({ at: 0, connection: 2, in: frame.map(hexOfBytes).join('') }, 0);
  collect(player, 0);
  const [answer] = player.done;
  if (answer === undefined) throw new Error('HELLO was not answered');
  const first = decodeFrame((answer.what as { parts: Uint8Array }).parts);
  if ((first.flags & Flag.ERROR) === 0) return { header: first.control };
  const { codec } = controlOf('HELLO', 'error');
  const { code } = codec.decode(first.control) as { code: number };
  return { error: new QanatError('INVALID_ARGUMENT', '', { wireNumber: code }).wireNumber === code ? nameOf(code) : '' };
}

const nameOf = (code: number): string => controlNames.get(code) ?? String(code);
const controlNames: ReadonlyMap<number, string> = new Map(
  (['UNSUPPORTED_FEATURE', 'INVALID_ARGUMENT', 'MALFORMED_FRAME', 'UNAUTHENTICATED'] as const).map((name) => [
    new QanatError(name, '').wireNumber,
    name,
  ]),
);
