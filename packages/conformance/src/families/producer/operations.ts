import type { JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import { flagOf, listOf, numberOf, type Step, textOf } from '../../play/program.ts';

/** Time beyond the deadline in which a call has to end. */
const LATE_MS = 10_000;

/**
 * Sends messages that are told apart by their bodies: `count` calls, each of one message or of a `batch` of so many;
 * `client`, `topic`, `queue`, `timeoutMs`; of the messages: `bytes` of the body at least, `keys` and `tags` in turn,
 * `properties`. `wait` for the calls to end.
 */
const put: Op = async (play, step) => {
  const timeoutMs = numberOf(step, 'timeoutMs', 8_000);
  const batch = Math.max(0, numberOf(step, 'batch', 0));
  const pending = Array.from({ length: Math.max(1, numberOf(step, 'count', 1)) }, (_, i) => {
    const mark = `${play.history.events.length}.${i}`;
    const messages = Array.from({ length: Math.max(1, batch) }, (__, k) => messageOf(step, `${mark}.${k}`, batch > 0 ? k : i));
    return play.begin('send', {
      client: textOf(step, 'client', 'p'),
      topic: play.value(textOf(step, 'topic', '~orders')) as string,
      timeoutMs,
      ...(step.queue === undefined ? {} : { queue: step.queue }),
      ...(batch > 0 ? { batch: messages } : messages[0]),
    });
  });
  if (flagOf(step, 'wait', true)) await play.until(() => pending.every(({ done }) => done), timeoutMs + LATE_MS);
};

function messageOf(step: Step, mark: string, turn: number): JsonObject {
  const keys = listOf(step, 'keys');
  const tags = listOf(step, 'tags');
  return {
    body: mark.padEnd(numberOf(step, 'bytes', 0), 'x'),
    ...(keys.length === 0 ? {} : { key: keys[turn % keys.length] as string }),
    ...(tags.length === 0 ? {} : { tag: tags[turn % tags.length] as string }),
    ...(step.properties === undefined ? {} : { properties: step.properties }),
  };
}

/** Operations of this family. */
export const PRODUCER_OPS: Readonly<Record<string, Op>> = { put };
