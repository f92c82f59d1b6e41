import { CONTROL_HEADERS, Flag, FRAMES, type FrameName } from '@qanat/core';
import { bytesOf } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';
import { flagOf, numberOf, type Step, textOf } from '../../play/program.ts';

const connectionOf = (play: Play, step: Step): KitConnection | undefined => {
  const connection = play.connection(typeof step.c === 'number' ? step.c : undefined);
  return connection?.state === 'closed' ? undefined : connection;
};

const answered = async (play: Play, connection: KitConnection, correlation: number): Promise<void> => {
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed');
};

/** A frame with a long control header: `head` (hex), then `item` (hex) `times` times. */
const long: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const type = typeof step.frame === 'string' ? FRAMES[step.frame as FrameName].type : numberOf(step, 'type', 0);
  const control = bytesOf(textOf(step, 'head') + textOf(step, 'item').repeat(numberOf(step, 'times', 0)));
  const correlation = connection.nextCorrelation();
  connection.frame({ type, flags: numberOf(step, 'flags', 0), correlation, control });
  if (flagOf(step, 'wait')) await answered(play, connection, correlation);
};

const STORE_ID = Uint8Array.from({ length: 16 }, (_, i) => i);

/**
 * Registers `broker` in so many `frames` joined by MORE, each with `topics` topics of its own that begin with `topic`; waits
 * for the answer.
 */
const register: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const frames = numberOf(step, 'frames', 1);
  const each = numberOf(step, 'topics', 1);
  const topic = play.value(textOf(step, 'topic', '~t')) as string;
  const head = { broker: play.value(textOf(step, 'broker', '~b')) as string, storeId: STORE_ID, term: 1, revision: 1 };
  const correlation = connection.nextCorrelation();
  for (let i = 0; i < frames; i++) {
    const topics = Array.from({ length: each }, (_, j) => ({ topic: `${topic}.${i * each + j}`, queues: 1 }));
    const control = CONTROL_HEADERS.REGISTER_BROKER.request.encode(i === 0 ? { ...head, topics } : { topics });
    connection.frame({ type: FRAMES.REGISTER_BROKER.type, flags: i < frames - 1 ? Flag.MORE : 0, correlation, control });
  }
  await answered(play, connection, correlation);
};

/** Asks for so many topics that begin with `topic`, and watches them. */
const watch: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const topic = play.value(textOf(step, 'topic', '~t')) as string;
  const topics = Array.from({ length: numberOf(step, 'topics', 1) }, (_, i) => `${topic}.${i}`);
  const correlation = connection.nextCorrelation();
  const control = CONTROL_HEADERS.ROUTE_QUERY.request.encode({ topics, watch: true });
  connection.frame({ type: FRAMES.ROUTE_QUERY.type, correlation, control });
  await answered(play, connection, correlation);
};

export const FRAMING_OPS: Readonly<Record<string, Op>> = { long, register, watch };
