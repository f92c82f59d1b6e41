import type { Op } from '../../play/family.ts';
import { flagOf, textOf } from '../../play/program.ts';

/** How long a master of the kit may wait for its slave, the subject. */
const STORED_MS = 5_000;

/** Stores a message at the master of the kit, which is of the group of the subject: `body`; `wait` for it. */
export const storeAtMaster: Op = async (play, step) => {
  const { cluster } = play;
  const node = cluster?.nodeOf('broker', 0);
  if (cluster === undefined || node === undefined || cluster.engineOf(node) === undefined) return;
  const record = { body: new TextEncoder().encode(textOf(step, 'body', 'm')) };
  let done = false;
  const stored = cluster.application.publish(play.value(textOf(step, 'topic', '~t')) as string, [record]).finally(() => {
    done = true;
    play.ground.changed();
  });
  stored.catch(() => {});
  if (flagOf(step, 'wait', true)) await play.until(() => done, STORED_MS);
};
