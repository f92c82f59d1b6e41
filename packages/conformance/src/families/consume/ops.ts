import type { JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import { numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { SERVER_OPS } from '../../play/server-ops.ts';
import { OPEN } from './steps.ts';

const request = SERVER_OPS.request as Op;

/** A queue is read in so many pieces at most. */
const PIECES_MAX = 40;

/**
 * Pulls on at `next_offset` until nothing comes: `topic`, `queue`, `filter`, `maxBytes`, `own` (the queue's own `max_bytes`),
 * from `offset` on.
 */
const drain: Op = async (play, step) => {
  const { c } = step;
  let offset = numberOf(step, 'offset', 0);
  for (let piece = 0; piece < PIECES_MAX; piece++) {
    const queues = [{ queue: numberOf(step, 'queue', 0), offset, maxBytes: numberOf(step, 'own', 0) }];
    const topics = [{ topic: textOf(step, 'topic', '~t'), filter: textOf(step, 'filter'), queues }];
    const header = { maxBytes: numberOf(step, 'maxBytes', 0), topics };
    play.kept.delete('next');
    const on = c === undefined ? {} : { c };
    await request(play, {
      op: 'request',
      ...on,
      frame: 'PULL',
      header,
      keep: { next: 'results.0.nextOffset' },
    } as unknown as Step);
    const next = play.kept.get('next');
    if (typeof next !== 'number' || next <= offset) return;
    offset = next;
  }
};

/** PULLs that wait side by side: `count` of them, each under a number of its own. */
const polls: Op = async (play, step) => {
  const header = objectOf(step, 'header');
  for (let poll = 0; poll < numberOf(step, 'count', 1); poll++)
    await request(play, { op: 'request', frame: 'PULL', header: { ...header, poll } as JsonObject, wait: false });
};

/** Asks for the offsets of `count` queues at once. */
const askMany: Op = async (play, step) => {
  const one = objectOf(step, 'item');
  const queues = Array.from({ length: numberOf(step, 'count', 1) }, (_, queue) => ({ ...one, queue }));
  await request(play, { op: 'request', frame: textOf(step, 'frame'), header: { ...objectOf(step, 'header'), queues } });
};

/** Kills the subject, starts it again and connects, where the program has it alone: on virtual time. */
const again: Op = async (play, step) => {
  if (play.ground.timing !== 'virtual' || !play.driver.manifest.abilities.includes('kill')) return;
  await (SERVER_OPS.kill as Op)(play, step);
  await (SERVER_OPS.open as Op)(play, OPEN);
};

export const ops: Readonly<Record<string, Op>> = { drain, polls, askMany, again };
