// Plays whole sessions against the session layer of the core, on virtual time (format: spec/v1/vectors/README.md).
import {
  ClientSession,
  decodeFrame,
  EngineContext,
  Flag,
  FRAMES,
  type FrameName,
  Hello,
  type Input,
  type LiveFrame,
  type Output,
  QanatError,
  Random,
  type RequestOptions,
  ServerSessions,
} from '@qanat/core';
import { expect } from 'vitest';
import { NameServer } from '../../packages/core/src/name-server/name-server.ts';
import { encodeFrame } from '../../packages/core/src/wire/frame.ts';
import { bytesOfHex, hexOfBytes } from './fences.ts';
import { controlOf, type FrameKind, fromCore, type Json, toCore } from './schema-json.ts';

interface OutStep {
  readonly frame?: string;
  readonly type?: number;
  readonly kind: FrameKind;
  readonly correlation: number | string;
  readonly header: Json;
  readonly any?: readonly string[];
}

interface Step {
  readonly at: number;
  readonly connection: number;
  readonly in?: string;
  readonly correlation?: string;
  readonly out?: OutStep;
  readonly event?: string;
  readonly grace_ms?: number;
  readonly call?: { readonly name: string; readonly frame: LiveFrame; readonly header: Json; readonly timeout_ms: number };
  readonly result?: { readonly name: string; readonly header?: Json; readonly headers?: readonly Json[]; readonly error?: Json };
}

interface Setup {
  readonly layer: 'server' | 'client' | 'nameserver' | 'broker' | 'producer' | 'consumer' | 'admin';
  readonly identity?: Json;
  readonly greeting?: Json;
  readonly serves?: readonly string[];
  readonly answers?: Readonly<Record<string, { readonly after_ms?: number; readonly header: Json }>>;
  readonly idle_ms?: number;
  readonly in_flight_max?: number;
  readonly connections_max?: number;
}

export interface Session {
  readonly id: string;
  readonly title: string;
  readonly clauses: readonly string[];
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

/** What a session layer did, and when. */
interface Done {
  readonly at: number;
  readonly connection: number;
  readonly what: { readonly parts: Uint8Array } | { readonly event: string } | { readonly result: unknown };
}

/** What is under test, on virtual time. */
interface Player {
  input(step: Step, nowMs: number): void;
  tick(nowMs: number): void;
  drain(): readonly Output[];
  nextDeadlineMs(): number | undefined;
  readonly done: Done[];
}

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
const isInput = (step: Step): boolean => step.in !== undefined || step.call !== undefined || INPUT_EVENTS.has(step.event ?? '');

const PLAYERS: Readonly<Record<string, (setup: Setup) => Player>> = {
  server: serverPlayer,
  client: clientPlayer,
  nameserver: nameServerPlayer,
};

export const isPlayable = ({ setup }: Session): boolean => setup.layer in PLAYERS;

/** Plays the steps in order; every output must be in the session, at its time. */
export function playSession(session: Session): void {
  const player = (PLAYERS[session.setup.layer] as (setup: Setup) => Player)(session.setup);
  const numbers = new Map<string, number>();
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
    if (step.at > nowMs && player.done.length === 0) advance(step.at);
    if (isInput(step)) {
      expect(player.done, `nothing else went out before ${where}`).toEqual([]);
      const hex = step.in === undefined ? {} : { in: numbered(step.in, step.correlation, numbers) };
      player.input({ ...step, ...hex }, nowMs);
      collect(player, nowMs);
      return;
    }
    const done = player.done.shift();
    if (done === undefined) throw new Error(`${where}: nothing came out`);
    expect({ at: done.at, connection: done.connection }, where).toEqual({ at: step.at, connection: step.connection });
    matches(step, done, numbers, where);
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
      player.done.push({ at, connection: output.connection, what: { event: output.kind } });
    }
  }
}

const joined = ({ parts }: Extract<Output, { kind: 'send' }>): Uint8Array => bytesOfHex(parts.map(hexOfBytes).join(''));

function matches(step: Step, { what }: Done, numbers: Map<string, number>, where: string): void {
  if (step.event !== undefined) expect(what, where).toEqual({ event: step.event });
  else if (step.result !== undefined) expect((what as { result: unknown }).result, where).toMatchObject(step.result as object);
  else matchFrame(step.out as OutStep, (what as { parts: Uint8Array }).parts, numbers, where);
}

const FLAGS: Readonly<Record<FrameKind, number>> = {
  request: 0,
  response: Flag.RESPONSE,
  error: Flag.RESPONSE | Flag.ERROR,
  push: Flag.ONEWAY,
};

function matchFrame(out: OutStep, bytes: Uint8Array | undefined, numbers: Map<string, number>, where: string): void {
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
  expect(header, where).toEqual(expected);
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
    },
  );
  return contextPart(context, (step) => {
    if (step.event === 'stop') sessions.goAway(new QanatError('SHUTTING_DOWN', 'stops'), step.grace_ms as number);
    else sessions.handle(inputOf(step));
  });
}

function nameServerPlayer(setup: Setup): Player {
  const name = (setup.identity?.name as string | undefined) ?? 'n1';
  const engine = new NameServer({ name, software: 'vector', random: new Random(1) });
  return {
    done: [],
    input: (step, nowMs) => {
      if (step.event === 'stop') engine.stop(nowMs, step.grace_ms as number);
      else engine.handle(inputOf(step), nowMs);
    },
    tick: (nowMs) => engine.tick(nowMs),
    drain: () => engine.drain(),
    nextDeadlineMs: () => engine.nextDeadlineMs(),
  };
}

function inputOf(step: Step): Input {
  const { connection } = step;
  if (step.in !== undefined) return { kind: 'frame', connection, frame: bytesOfHex(step.in) };
  if (step.event === 'accepted') return { kind: 'accepted', connection, remote: 'vector', listener: 'default' };
  if (step.event === 'opened') return { kind: 'opened', connection };
  return { kind: 'closed', connection, error: undefined };
}

function clientPlayer(setup: Setup): Player {
  const context = new EngineContext(new Random(1));
  const events = { onOpen: () => {}, onPush: () => {}, onGoAway: () => {}, onClosed: () => {} };
  const session = new ClientSession(context, events, 'vector:1', toCore('Hello', setup.greeting ?? {}) as never);
  const player = contextPart(context, (step) => {
    if (step.call !== undefined) call(step.call);
    else session.handle(inputOf(step));
  });
  const call = ({ name, frame, header, timeout_ms }: NonNullable<Step['call']>): void => {
    const options: RequestOptions = { timeoutMs: timeout_ms };
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

/** What a server of the core answers one HELLO with. */
export function greet(
  options: { readonly idleMs: number },
  hello: Record<string, unknown>,
): { readonly error?: string; readonly header?: Uint8Array } {
  const player = serverPlayer({ layer: 'server', identity: { role: 'BROKER', name: 'b1' }, idle_ms: options.idleMs });
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
  (['UNSUPPORTED_FEATURE', 'INVALID_ARGUMENT', 'MALFORMED_FRAME'] as const).map((name) => [
    new QanatError(name, '').wireNumber,
    name,
  ]),
);
