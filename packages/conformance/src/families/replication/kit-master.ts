import type { Op } from '../../play/family.ts';
import { flagOf, numberOf, textOf } from '../../play/program.ts';

/** The master of the kit has acknowledged a message, once it was committed. */
export const ACKNOWLEDGED = 'acknowledged by the master of the kit';

/** Stores a message at the master of the kit, which is of the group of the subject: `body`; `wait`: until it is committed. */
export const storeAtMaster: Op = async (play, step) => {
  const { cluster } = play;
  const node = cluster?.nodeOf('broker', 0);
  if (cluster === undefined || node === undefined || cluster.engineOf(node) === undefined) return;
  const body = textOf(step, 'body', 'm');
  const topic = play.value(textOf(step, 'topic', '~t')) as string;
  const stored = cluster.application.publish(topic, [{ body: new TextEncoder().encode(body) }]).then((place) => {
    if (place !== undefined) play.note(ACKNOWLEDGED, { topic, body, queue: place.queue, offset: place.offset });
  });
  if (flagOf(step, 'wait', true)) await stored;
  else stored.catch(() => {});
};

/** Makes a slave of the kit's group the master: `replica`. */
export const promoteSlave: Op = async (play, step) => {
  const { cluster } = play;
  await cluster?.application.promote(cluster.nodeOf('broker', 0), numberOf(step, 'replica', 1));
};
