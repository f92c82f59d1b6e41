import type { Op } from '../../play/family.ts';
import { flagOf, textOf } from '../../play/program.ts';

/** Stores a message at the master of the kit, which is of the group of the subject: `body`; `wait`: until it is committed. */
export const storeAtMaster: Op = async (play, step) => {
  const { cluster } = play;
  const node = cluster?.nodeOf('broker', 0);
  if (cluster === undefined || node === undefined || cluster.engineOf(node) === undefined) return;
  const record = { body: new TextEncoder().encode(textOf(step, 'body', 'm')) };
  const stored = cluster.application.publish(play.value(textOf(step, 'topic', '~t')) as string, [record]);
  if (flagOf(step, 'wait', true)) await stored;
  else stored.catch(() => {});
};
