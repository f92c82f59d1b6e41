import type { JsonObject } from '../../json.ts';
import { CLIENT_OPS } from '../../play/client-ops.ts';
import type { Op } from '../../play/family.ts';
import type { Play } from '../../play/play.ts';
import { numberOf, textOf } from '../../play/program.ts';

/** Stores many messages as batches of `records` each, `batches` of them, bodies of `size` bytes, in one queue. */
const bulk: Op = async (play, step) => {
  const { cluster } = play;
  if (cluster === undefined) return;
  const topic = play.value(textOf(step, 'topic', '~orders')) as string;
  const queue = { broker: cluster.nodeOf('broker', numberOf(step, 'broker', 0)), queue: numberOf(step, 'queue', 0) };
  const body = new Uint8Array(numberOf(step, 'size', 1_000)).fill(0x62);
  const records = Array.from({ length: numberOf(step, 'records', 100) }, () => ({ body }));
  let bytes = 0;
  for (let i = 0; i < numberOf(step, 'batches', 1); i++)
    if ((await cluster.application.publish(topic, records, queue)) !== undefined) bytes += records.length * body.length;
  play.note('bulk', { topic, ...queue, bytes });
};

/** Whether a client runs: started last, and neither closed nor killed. `closing`: asked to close, and not yet gone. */
function stateOf({ history }: Play, client: string): 'running' | 'closing' | 'gone' {
  let state: 'running' | 'closing' | 'gone' = 'gone';
  let closing = 0;
  for (const event of history.events) {
    if (event.kind === 'result' && event.id === closing && state === 'closing') state = 'gone';
    if (event.kind !== 'call' || (event.args as JsonObject).client !== client) continue;
    if (event.op === 'consumer.start') state = 'running';
    if (event.op === 'abandon') state = 'gone';
    if (event.op !== 'close') continue;
    state = 'closing';
    closing = event.id;
  }
  return state;
}

/** Longer than handlers may keep a queue. */
const CLOSE_MS = 45_000;

/** Starts a consumer that does not run, as `start` does; of one that is closing it waits for the end. */
const join: Op = async (play, step) => {
  const client = textOf(step, 'client', 'c');
  if (stateOf(play, client) === 'closing') await play.until(() => stateOf(play, client) === 'gone', CLOSE_MS);
  if (stateOf(play, client) === 'gone') await CLIENT_OPS.start?.(play, step);
};

/** Ends a consumer that runs, as `close` does. */
const leave: Op = async (play, step) => {
  if (stateOf(play, textOf(step, 'client', 'c')) === 'running') await CLIENT_OPS.close?.(play, step);
};

/** Operations of this family alone. */
export const OPS: Readonly<Record<string, Op>> = { bulk, join, leave };
