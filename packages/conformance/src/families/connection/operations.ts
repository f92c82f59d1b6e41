import { Flag, FRAMES, FrameType, type LiveFrame } from '@qanat/core';
import { readRule } from '../../cluster/meddling-rule.ts';
import type { Op } from '../../play/family.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import { ANSWER_MS, HarnessError, type Play } from '../../play/play.ts';
import { numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { controlOf } from '../../play/step-frame.ts';

const connectionOf = (play: Play, step: Step): KitConnection | undefined => {
  const connection = play.connection(typeof step.c === 'number' ? step.c : undefined);
  return connection?.state === 'closed' ? undefined : connection;
};

/** Waits until the subject has said GOAWAY on the connection. */
const awaitGoAway: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const isGoAway = (bytes: Uint8Array): boolean => bytes[4] === 0 && bytes[5] === FrameType.GOAWAY;
  const came = (): boolean =>
    play.history.events.some(
      (event) =>
        event.kind === 'frame' && event.connection === connection.number && event.from === 'subject' && isGoAway(event.bytes),
    );
  await play.until(() => came() || connection.state === 'closed', numberOf(step, 'withinMs', ANSWER_MS));
};

/** Sends `times` requests one after the other (`apartMs`) and waits for none. PULL: each is a poll of its own. */
const repeat: Op = async (play, step) => {
  const times = numberOf(step, 'times', 1);
  await sendMany(play, step, times);
};

/** Sends as many requests as the subject allows in flight, and `beyond` more. */
const flood: Op = async (play, step) => {
  const told = (connectionOf(play, step)?.answerOf(1) as { inFlightMax?: number } | undefined)?.inFlightMax ?? 0;
  await sendMany(play, step, Math.min(told, FLOOD_MAX) + numberOf(step, 'beyond', 0));
};

/** A subject that allows more is not put to the test. */
const FLOOD_MAX = 5_000;

async function sendMany(play: Play, step: Step, times: number): Promise<void> {
  const frame = textOf(step, 'frame', 'PING') as LiveFrame;
  const apartMs = numberOf(step, 'apartMs', 0);
  for (let i = 1; i <= times; i++) {
    const connection = connectionOf(play, step);
    if (connection === undefined) return;
    const header = { ...objectOf(step, 'header'), ...(frame === 'PULL' ? { poll: i } : {}) };
    connection.frame({
      type: FRAMES[frame].type,
      correlation: connection.nextCorrelation(),
      control: controlOf(play, frame, header, ''),
    });
    if (apartMs > 0) await play.pass(apartMs);
  }
}

/** A request whose field `list` has `item` `count` times; waits for its answer. */
const many: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const frame = textOf(step, 'frame', 'ROUTE_QUERY') as LiveFrame;
  const items = Array.from({ length: numberOf(step, 'count', 1) }, () => step.item ?? '');
  const header = { ...objectOf(step, 'header'), [textOf(step, 'list', 'topics')]: items };
  const correlation = connection.nextCorrelation();
  connection.frame({ type: FRAMES[frame].type, correlation, control: controlOf(play, frame, header, '') });
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed', ANSWER_MS);
};

const LONG_NAME_BYTES = 120;
const TOPICS_IN_FRAME = 500;

/** Registers a broker with 500 topics of long names in each of `frames` joined frames; waits for the answer. */
const registerMuch: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const correlation = connection.nextCorrelation();
  const frames = numberOf(step, 'frames', 1);
  for (let i = 0; i < frames; i++) {
    const topics = longNames(play, i).map((topic) => ({ topic, queues: numberOf(step, 'queues', 1) }));
    const header = i === 0 ? { ...registration(step), topics } : { topics };
    connection.frame({
      type: FRAMES.REGISTER_BROKER.type,
      flags: i < frames - 1 ? Flag.MORE : 0,
      correlation,
      control: controlOf(play, 'REGISTER_BROKER', header, ''),
    });
  }
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed', ANSWER_MS);
};

const longNames = (play: Play, frame: number): string[] =>
  Array.from({ length: TOPICS_IN_FRAME }, (_, i) => `t${frame}-${i}${play.token}`.padEnd(LONG_NAME_BYTES, 'x'));

const registration = (step: Step) => ({
  broker: textOf(step, 'broker', '~broker'),
  cluster: 'default',
  storeId: { $bytes: 16 },
  term: 1,
  revision: numberOf(step, 'revision', 1),
  endpoints: [{ listener: 'default', scheme: 'qanat', address: '127.0.0.1:7610' }],
});

/** Watches the topics that `registerMuch` names in its first frame. */
const watchMuch: Op = async (play, step) => {
  const connection = connectionOf(play, step);
  if (connection === undefined) return;
  const correlation = connection.nextCorrelation();
  const control = controlOf(play, 'ROUTE_QUERY', { topics: longNames(play, 0), watch: true }, '');
  connection.frame({ type: FRAMES.ROUTE_QUERY.type, correlation, control });
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed', ANSWER_MS);
};

/** Stops the subject's process, or lets it go on, while the kit goes on. */
const setPaused =
  (what: 'paused' | 'resumed'): Op =>
  async (play) => {
    const { error } = await play.call(what === 'paused' ? 'pause' : 'resume', {});
    if (error !== undefined) throw new HarnessError(`the driver could not pause the subject: ${error.text ?? error.kind}`);
    play.history.add({ kind: 'subject', what, id: 'subject' });
  };

/** Registers again and again, each time with other numbers of queues: whoever watches is told each time. */
const registerOften: Op = async (play, step) => {
  for (let i = 1; i <= numberOf(step, 'times', 1); i++)
    await registerMuch(play, { ...step, revision: i + 1, queues: 1 + (i % 4) });
};

/** From now on no answer of the kit's NameServers arrives. */
const muteNameServers: Op = async (play) => {
  const rule = { op: 'meddle', at: '*', frame: '*', way: 'answer', do: 'drop', times: 1_000_000 };
  play.cluster?.meddler.rules.push(readRule(rule));
};

export const CONNECTION_OPS: Readonly<Record<string, Op>> = {
  awaitGoAway,
  repeat,
  flood,
  many,
  registerMuch,
  registerOften,
  watchMuch,
  standStill: setPaused('paused'),
  goOn: setPaused('resumed'),
  muteNameServers,
};
