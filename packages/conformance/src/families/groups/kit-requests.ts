import { FRAMES, type FrameName, type LiveFrame } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Json, JsonObject } from '../../json.ts';
import { KitConnection } from '../../play/kit-connection.ts';
import { logInWhereAsked } from '../../play/login.ts';
import { payloadOf } from '../../play/payload.ts';
import { ANSWER_MS, type Play } from '../../play/play.ts';
import { controlOf } from '../../play/step-frame.ts';
import { groupsOf } from './kit-member.ts';

const OPEN_MS = 2_000;

/** Opens a connection and says HELLO; undefined when the subject cannot be reached. */
export async function connect(play: Play): Promise<KitConnection | undefined> {
  const connection = new KitConnection(play, play.address);
  play.connections.push(connection);
  await play.untilAnswered(() => connection.state !== 'opening', OPEN_MS);
  if (connection.state !== 'open') return undefined;
  const correlation = send(play, connection, 'HELLO', { software: 'qanat-conformance' });
  await answerOf(play, connection, correlation);
  await logInWhereAsked(play, connection, correlation);
  // Who is refused has no connection either.
  return connection.answerOf(correlation) === undefined ? undefined : connection;
}

/** Sends a request. @returns its number. */
export function send(
  play: Play,
  connection: KitConnection,
  frame: LiveFrame,
  header: JsonObject,
  payload: JsonObject = {},
): number {
  const correlation = connection.nextCorrelation();
  connection.frame({
    type: FRAMES[frame as FrameName].type,
    flags: 0,
    correlation,
    control: controlOf(play, frame, header, ''),
    payload: payloadOf(play, nodePlatform, payload),
  });
  return correlation;
}

/** The good answer, or undefined. */
export async function answerOf(
  play: Play,
  connection: KitConnection,
  correlation: number,
  withinMs: number = ANSWER_MS,
): Promise<Json | undefined> {
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed', withinMs);
  return connection.answerOf(correlation) as Json | undefined;
}

/** Somebody who is no member asks: topics, descriptions, resets, and what members must not. */
export async function operate(
  play: Play,
  frame: LiveFrame,
  header: JsonObject,
  payload: JsonObject = {},
  wait = true,
): Promise<Json | undefined> {
  const groups = groupsOf(play);
  if (groups.operator?.state !== 'open') groups.operator = await connect(play);
  if (groups.operator === undefined) return undefined;
  const correlation = send(play, groups.operator, frame, header, payload);
  return wait ? answerOf(play, groups.operator, correlation) : undefined;
}
