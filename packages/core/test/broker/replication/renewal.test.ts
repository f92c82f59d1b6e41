// Goal: no number is drawn twice. A replica may not begin a term by itself: it has the next one put on record in time.
import { MemoryReplicaLog } from '@qanat/simulator';
import { expect, it } from 'vitest';
import type { CommitLog } from '../../../src/broker/log/commit-log.ts';
import { CatchUp } from '../../../src/broker/replication/catch-up.ts';
import type { GroupRegister } from '../../../src/broker/replication/group-register.ts';
import { ManualMastership } from '../../../src/broker/replication/manual-mastership.ts';
import { Replica } from '../../../src/broker/replication/replica.ts';
import { Term } from '../../../src/broker/term.ts';
import { EngineContext, type GroupRecord, portablePlatform, Random } from '../../../src/index.ts';

const PER_TERM = 2 ** 20;
const LEFT = 2 ** 16;
const SETTINGS = {
  replica: 0,
  role: 'master',
  mode: 'manual',
  minInSync: 1,
  lagMs: 10_000,
  catchUpBytesPerSecond: 0,
  intact: false,
} as const;

/** A log that has what is appended at once. */
function instantLog(): CommitLog {
  const log = new MemoryReplicaLog({ sync: true, later: (task) => task(), violation: () => {} });
  const parts = { term: 0, whole: true, stepDown: () => {}, appendState: (_: unknown, settle: () => void) => settle() };
  return Object.assign(log, parts) as unknown as CommitLog;
}

/** A replica that is alone on record, whose register takes everything, and an empty disk. */
function replicaWorld() {
  const context = new EngineContext(new Random(1));
  const log = instantLog();
  const term = new Term(log);
  const told: string[] = [];
  let record: GroupRecord | undefined;
  const register: GroupRegister = {
    get: (done) => done({ record, others: [], complete: true, silent: [], unkept: false }),
    put: (next, done) => {
      record = next;
      told.push(`put ${next.term}`);
      done(undefined);
    },
  };
  const replica = new Replica({
    host: context,
    platform: portablePlatform,
    settings: SETTINGS,
    broker: 'b',
    flush: 'sync',
    log,
    term,
    catchUp: new CatchUp(context, 0),
    mastership: (events, highestTerm) =>
      new ManualMastership({
        host: context,
        settings: SETTINGS,
        register,
        storeId: () => log.storeId,
        highestTerm,
        beginsAgain: () => false,
        events,
      }),
    link: () => ({ session: undefined, connect: () => {}, close: () => {}, suspect: () => {} }),
    addressOf: () => undefined,
    events: {
      leads: () => told.push(`leads ${term.current}`),
      stoodDown: () => told.push('stood down'),
      changed: () => {},
      masterMissed: () => {},
      fatal: () => {},
    },
  });
  const perform = (): void => {
    for (const output of context.drain())
      if (output.kind === 'storage') {
        const result = output.request.op === 'list' ? [] : undefined;
        context.handle({ kind: 'stored', operation: output.operation, error: undefined, result });
        perform();
      }
  };
  replica.prepare(() => replica.start());
  perform();
  const tick = (): void => context.timers.tick(context.nowMs());
  return { term, told, tick };
}

it('a master has another term put on record before the numbers of its own are used up, once [QNT-RPL-025]', () => {
  const { term, told, tick } = replicaWorld();
  expect(told).toEqual(['put 1', 'leads 1']);
  for (let i = 0; i < PER_TERM - LEFT; i++) term.nextEpoch();
  tick();
  expect(told).toHaveLength(2);
  // It stands down within no drawing, for which there are numbers left.
  const last = term.nextEpoch();
  expect(told).toHaveLength(2);
  tick();
  expect(told).toEqual(['put 1', 'leads 1', 'stood down', 'put 2', 'leads 2']);
  const first = term.nextEpoch();
  expect([last, first]).toEqual([PER_TERM + PER_TERM - LEFT, 2 * PER_TERM]);
  tick();
  expect(told).toHaveLength(5);
});

it('producer ids use a term up as lease epochs do, and a broker that may not begin a term never draws one twice', () => {
  const term = new Term(instantLog());
  let asked = 0;
  term.onNearlyUsedUp = () => asked++;
  term.begin(() => {}, 7);
  const ids: number[] = [];
  for (let i = 0; i < PER_TERM; i++) term.nextProducerId((_, id) => ids.push(id));
  expect([asked, ids[0], ids.at(-1), new Set(ids).size]).toEqual([1, 7 * PER_TERM, 8 * PER_TERM - 1, PER_TERM]);
  expect(() => term.nextProducerId(() => {})).toThrow(/used up/);
});
