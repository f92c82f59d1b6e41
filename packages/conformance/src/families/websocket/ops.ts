import { FRAMES } from '@qanat/core';
import { isWebSocketLink } from '../../ground/websocket/dial-web-socket.ts';
import { requestText } from '../../ground/websocket/upgrade.ts';
import type { Op } from '../../play/family.ts';
import type { HandmadeMessage } from '../../play/handmade-message.ts';
import { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';
import { countOf, flagOf, numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { rawFrame } from '../../play/raw-frame.ts';
import { controlOf } from '../../play/step-frame.ts';
import { layOut, layOutPings } from './layout.ts';

const encoder = new TextEncoder();
/** Numbers of requests of a server are even, and away from those that other operations use. */
const FIRST_NUMBER = 0x10_000;

const connectionOf = (play: Play, step: Step): KitConnection | undefined =>
  play.connection(typeof step.c === 'number' ? step.c : undefined);

/** Whether the kit is the server here. */
const isServer = ({ program }: Play): boolean => program.role === 'producer' || program.role === 'consumer';

/** Header lines of a step: text, or null to leave one out. */
const headersOf = (step: Step): Record<string, string | null> =>
  Object.fromEntries(
    Object.entries(objectOf(step, 'headers')).map(([name, value]) => [name, value === null ? null : String(value)]),
  );

/** A request for the upgrade, or of it the characters `from` to `upTo`: `line`, `headers` (null leaves one out). */
function requestOf(play: Play, step: Step): Uint8Array {
  const text = requestText(play.address, headersOf(step), textOf(step, 'line', 'GET / HTTP/1.1'));
  return encoder.encode(text.slice(countOf(step, 'from', 0), countOf(step, 'upTo', text.length)));
}

/** Opens a connection with a request of its own, or with the beginning of one. Waits for the answer unless `wait` is false. */
const upgrade: Op = async (play, step) => {
  const connection = new KitConnection(play, play.address, requestOf(play, step));
  play.connections.push(connection);
  if (flagOf(step, 'wait', true)) await play.untilAnswered(() => connection.state !== 'opening');
};

/** Sends more of a request, or all of it. */
const say: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined || connection.state !== 'opening' || !isWebSocketLink(connection.link)) return;
  connection.link.say(requestOf(play, step));
  if (flagOf(step, 'wait', true)) await play.untilAnswered(() => connection.state !== 'opening');
};

/** Sends to the subject: on a connection of the kit, or on all of a server of the kit (`at`). */
function sendTo(play: Play, step: Step, message: HandmadeMessage): void {
  if (isServer(play)) play.cluster?.meddler.layOut(textOf(step, 'at', 'broker-a'), message);
  else connectionOf(play, step)?.layOut(message);
}

/** Numbers for the requests of a message. */
function numbersFor(play: Play, connection: KitConnection | undefined): () => number {
  if (connection !== undefined) return () => connection.nextCorrelation();
  let number = FIRST_NUMBER + 2 * play.history.events.length;
  return () => {
    number += 2;
    return number;
  };
}

/** Sends a message as `layOut` makes it; `wait`: whether for the answers to what is in it. */
const message: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined && !isServer(play)) return;
  const nextNumber = numbersFor(play, connection);
  const numbers: number[] = [];
  const made = layOut(step, !isServer(play), (frame, header, payload) => {
    const correlation = nextNumber();
    numbers.push(correlation);
    return rawFrame({
      type: FRAMES[frame]?.type ?? 0,
      correlation,
      control: controlOf(play, frame, header, ''),
      ...(payload === undefined ? {} : { payload }),
    });
  });
  sendTo(play, step, made);
  if (connection === undefined || !flagOf(step, 'wait', numbers.length > 0)) return;
  await play.untilAnswered(() => connection.state === 'closed' || numbers.every((one) => connection.answered.has(one)));
};

/** Sends `count` pings of WebSocket at once. */
const pings: Op = async (play, step) => sendTo(play, step, layOutPings({ ...step, from: play.history.events.length }));

/** Ends with a close message: `code`, or none. */
const closeWith: Op = async (play, step) => {
  const code = typeof step.code === 'number' ? numberOf(step, 'code', 0) : undefined;
  if (isServer(play)) return play.cluster?.meddler.closeWith(textOf(step, 'at', 'broker-a'), code);
  const connection = connectionOf(play, step);
  connection?.closeWith(code);
  await play.until(() => connection === undefined || connection.state === 'closed', 1_000);
};

/** Ends the stream of a connection without a close message. */
const cutOff: Op = async (play, step) => connectionOf(play, step)?.cutOff();

/** Answers no close message on a connection. */
const deaf: Op = async (play, step) => connectionOf(play, step)?.turnDeaf();

/** The next upgrades at a server of the kit (`at`, or all), `times` of them, are agreed to with other `headers`. */
const agree: Op = async (play, step) => {
  const rule = { at: textOf(step, 'at', '*'), changes: headersOf(step), times: numberOf(step, 'times', 1) };
  play.cluster?.meddler.upgrades.push(rule);
};

/** Breaks off the connections of a server of the kit (`at`). */
const lose: Op = async (play, step) => play.cluster?.meddler.breakOff(textOf(step, 'at', 'ns-1'));

export const WEBSOCKET_OPS: Readonly<Record<string, Op>> = { upgrade, say, message, pings, closeWith, cutOff, deaf, agree, lose };
