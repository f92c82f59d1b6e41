import { Feature, Flag, FRAMES } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { endpointIn } from '../driver/started-server.ts';
import { bytesOf, isObject, type Json, type JsonObject } from '../json.ts';
import { usersIn } from '../users/user.ts';
import type { Op } from './family.ts';
import { KitConnection } from './kit-connection.ts';
import { logIn, logInWhereAsked } from './login.ts';
import { payloadOf } from './payload.ts';
import { ANSWER_MS, HarnessError, type Play } from './play.ts';
import { flagOf, listOf, msOf, numberOf, objectOf, type Step, sizeOf, textOf } from './program.ts';
import { answerTo, controlOf, flagsOf, frameOf } from './step-frame.ts';

/** A restart of a subject, its recovery included. */
const RESTART_MS = 60_000;

const selector = (step: Step): number | undefined => (typeof step.c === 'number' ? step.c : undefined);

/**
 * Opens a connection, and says HELLO unless `hello` is false; with `as` it logs in as this user of the set-up. `certificate`: the
 * names of the one that the kit shows, where there are any.
 */
const open: Op = async (play, step) => {
  const greet = typeof step.preface === 'string' ? bytesOf(step.preface) : undefined;
  const names = Array.isArray(step.certificate) ? step.certificate.map(String) : undefined;
  const connection = new KitConnection(play, play.address, greet, names);
  play.connections.push(connection);
  if (flagOf(step, 'wait', true)) await play.untilAnswered(() => connection.state !== 'opening');
  if (step.hello === false) return;
  const features = typeof step.as === 'string' ? { features: [Feature.FEATURE_AUTH] } : {};
  const header = { software: 'qanat-conformance', ...features, ...objectOf(step, 'hello') };
  await request(play, { op: 'request', frame: 'HELLO', header });
  if (typeof step.as === 'string') await login(play, { op: 'login', user: step.as });
};

/** Logs in as a user of the set-up (`user`), with another `password` or a `twist`. */
const login: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  if (connection === undefined || connection.state === 'closed') return;
  const user = textOf(step, 'user');
  const password = textOf(step, 'password', play.users.find(({ name }) => name === user)?.password ?? 'nobody knows it');
  await logIn(play, connection, { user, password }, objectOf(step, 'twist'), flagOf(step, 'wait', true));
};

/**
 * Sends a request and waits for its answer (`wait`: false to go on at once). `header` as the schema has it, `flags`,
 * `correlation` (default: the next odd number), `extra`: hex behind the control header, `payload`, `chunk`: pieces of so many
 * bytes, `keep`: `{ name: 'path.in.answer' }` for later steps.
 */
const request: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  const frame = frameOf(step, 'PING');
  if (connection === undefined || connection.state === 'closed' || frame === undefined) return;
  const correlation = numberOf(step, 'correlation', connection.nextCorrelation());
  connection.frame(
    {
      type: FRAMES[frame].type,
      flags: flagsOf(step),
      correlation,
      control: controlOf(play, frame, objectOf(step, 'header'), textOf(step, 'extra')),
      payload: payloadOf(play, nodePlatform, objectOf(step, 'payload')),
    },
    sizeOf(step, 'chunk'),
  );
  if (!flagOf(step, 'wait', true)) return;
  await answerTo(play, connection, correlation, msOf(step, 'withinMs', ANSWER_MS));
  if (isObject(step.keep)) keep(play, connection, correlation, step.keep);
  if (frame === 'HELLO') await logInWhereAsked(play, connection, correlation);
};

/** Keeps values of the last answer under a correlation number: `path` goes by names and indexes. */
function keep(play: Play, connection: KitConnection, correlation: number, names: JsonObject): void {
  const answer = connection.answerOf(correlation) as Json | undefined;
  for (const [name, path] of Object.entries(names)) {
    const value = String(path)
      .split('.')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], answer);
    if (value !== undefined) play.kept.set(name, value as Json);
  }
}

/** Sends a one-way frame of the registry. */
const oneWay: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  const frame = frameOf(step, 'GOAWAY');
  if (frame === undefined) return;
  connection?.frame({
    type: FRAMES[frame].type,
    flags: Flag.ONEWAY | flagsOf(step),
    correlation: numberOf(step, 'correlation', 0),
    control: controlOf(play, frame, objectOf(step, 'header'), textOf(step, 'extra')),
    payload: payloadOf(play, nodePlatform, objectOf(step, 'payload')),
  });
};

/** Sends a frame that no registry has to know: `type`, `flags`, `correlation`, `control` and `payload` in hex, wrong lengths. */
const frame: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  if (connection === undefined || connection.state === 'closed') return;
  const parts = {
    type: numberOf(step, 'type', 0x3a5a),
    flags: flagsOf(step),
    correlation: numberOf(step, 'correlation', (flagsOf(step) & Flag.ONEWAY) !== 0 ? 0 : connection.nextCorrelation()),
    control: bytesOf(textOf(step, 'control')),
    payload: step.zeros === undefined ? bytesOf(textOf(step, 'payload')) : new Uint8Array(sizeOf(step, 'zeros')),
    reserved: numberOf(step, 'reserved', 0),
    ...(typeof step.length === 'number' ? { length: step.length } : {}),
    ...(typeof step.controlLength === 'number' ? { controlLength: step.controlLength } : {}),
  };
  const whole = typeof step.length !== 'number' && typeof step.controlLength !== 'number';
  connection.frame(parts, sizeOf(step, 'chunk'), whole);
  if (!flagOf(step, 'wait', false)) return;
  await answerTo(play, connection, parts.correlation);
};

/** Sends bytes as they are: `hex`, then `zeros`, in pieces of `chunk`. */
const bytes: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  const sent = Uint8Array.from([...bytesOf(textOf(step, 'hex')), ...new Uint8Array(sizeOf(step, 'zeros'))]);
  connection?.bytes(sent, sizeOf(step, 'chunk'));
};

/** PING there and back: what came before it on this connection was handled. */
const fence: Op = (play, step) => request(play, { ...step, op: 'request', frame: 'PING', header: {} });

/** Ends a connection, or breaks it off (`reset`). */
const close: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  if (connection === undefined) return;
  if (flagOf(step, 'reset')) connection.destroy();
  else connection.end();
  await play.until(() => connection.state === 'closed', 1_000);
};

/** Waits until the subject has closed the connection. */
const awaitClose: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  if (connection !== undefined) await play.until(() => connection.state === 'closed', msOf(step, 'withinMs', ANSWER_MS));
};

/** Waits until so many frames (`frames`, in all since it was opened) have come on the connection. */
const awaitFrames: Op = async (play, step) => {
  const connection = play.connection(selector(step));
  const frames = numberOf(step, 'frames', 1);
  if (connection !== undefined)
    await play.until(() => connection.received >= frames || connection.state === 'closed', msOf(step, 'withinMs', ANSWER_MS));
};

/** Lets `ms` pass, and `slacks` times what a subject may be late now. */
const pass: Op = (play, step) => play.pass(msOf(step, 'ms') + numberOf(step, 'slacks', 0) * play.ground.slackMs);

const reading: Op = async (play, step) => play.connection(selector(step))?.setReading(flagOf(step, 'on', true));

/** Kills the subject and starts it on the same data. */
const kill: Op = (play) => restartBy(play, 'kill');

/** Stops the subject as planned, and starts it on the same data. */
const restart: Op = (play) => restartBy(play, 'stop');

async function restartBy(play: Play, how: 'kill' | 'stop'): Promise<void> {
  await control(play, how);
  await control(play, 'start');
}

/** Stops the subject and does not start it again; `start` does. */
const stop: Op = (play) => control(play, 'stop');
const start: Op = (play) => control(play, 'start');
const beginStop: Op = async (play) => {
  play.history.add({ kind: 'subject', what: 'stopping', id: 'subject' });
  play.begin('stop', {});
};

/** The subject knows other `users` from now on. */
const users: Op = async (play, step) => {
  const { error } = await play.call('users', { users: listOf(step, 'users') });
  if (error === undefined) play.users = usersIn(step.users) ?? [];
  // Users of programs that are made smaller may be none.
  else if (error.kind !== 'invalid')
    throw new HarnessError(`the driver could not tell the subject its users: ${error.text ?? error.kind}`);
};

const pause: Op = async (play, step) => {
  await control(play, 'pause');
  await play.pass(msOf(step, 'ms', 1_000));
  await control(play, 'resume');
};

const DOINGS = { kill: 'killed', stop: 'stopped', start: 'started', pause: 'paused', resume: 'resumed' } as const;

async function control(play: Play, op: keyof typeof DOINGS): Promise<void> {
  // What runs cannot be started, and what does not run cannot be stopped.
  if ((op === 'start') === play.isUp) return;
  if (op === 'stop') play.history.add({ kind: 'subject', what: 'stopping', id: 'subject' });
  const { ok, error } = await play.call(op, {}, RESTART_MS);
  if (error !== undefined) throw new HarnessError(`the driver could not ${op} the subject: ${error.text ?? error.kind}`);
  if (op !== 'pause' && op !== 'resume') play.isUp = op === 'start';
  if (op === 'start') play.address = endpointIn(ok ?? null, play.ground.scheme).address ?? play.address;
  play.history.add({ kind: 'subject', what: DOINGS[op], id: 'subject' });
}

/** Operations against a NameServer or a broker: the kit is its client, with any number of connections. */
export const SERVER_OPS: Readonly<Record<string, Op>> = {
  open,
  login,
  request,
  oneWay,
  frame,
  bytes,
  fence,
  close,
  awaitClose,
  awaitFrames,
  pass,
  reading,
  kill,
  restart,
  stop,
  start,
  beginStop,
  pause,
  users,
};
