import type { SnapshotReadOk } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';
import { numberOf, type Step, textOf } from '../../play/program.ts';
import { answerTo, begin } from '../../play/step-frame.ts';

const PIECES_MAX = 100;

interface Snapshot {
  readonly snapshot: number;
  readonly size: number;
}

async function ask(play: Play, connection: KitConnection, header: JsonObject): Promise<SnapshotReadOk | undefined> {
  const correlation = begin(play, connection, 'SNAPSHOT_READ', header);
  await answerTo(play, connection, correlation);
  return connection.answerOf(correlation) as SnapshotReadOk | undefined;
}

/**
 * Reads the newest snapshot of the subject, as a slave, in pieces of `maxBytes` (left out: in two); then what lies behind its
 * end, and a snapshot that nobody has. `broker`: another name.
 */
export const readSnapshot: Op = async (play: Play, step: Step) => {
  const connection = play.connection(numberOf(step, 'c', 1));
  const hello = connection?.answerOf(1) as { readonly name: string } | undefined;
  if (connection === undefined || hello === undefined) return;
  const broker = textOf(step, 'broker', hello.name);
  const maxBytes = numberOf(step, 'maxBytes', 0);
  const newest = await ask(play, connection, { broker, maxBytes });
  if (newest === undefined || newest.size === 0) return;
  await readOn(play, connection, newest, { broker, maxBytes });
  await ask(play, connection, { broker, snapshot: newest.snapshot, offset: newest.size });
  await ask(play, connection, { broker, snapshot: newest.snapshot + 1 });
};

/** The pieces behind the first one, without regard to what that held: a second reading says the same. */
async function readOn(play: Play, connection: KitConnection, { snapshot, size }: Snapshot, header: JsonObject): Promise<void> {
  const step = numberOf(header, 'maxBytes', 0) || Math.ceil(size / 2);
  for (let offset = step, pieces = 1; offset < size && pieces < PIECES_MAX; offset += step, pieces++)
    await ask(play, connection, { ...header, snapshot, offset });
}
