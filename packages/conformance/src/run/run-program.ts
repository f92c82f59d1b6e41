import { nodePlatform } from '@qanat/transports/node';
import type { Clause, Judge } from '../clause/clause.ts';
import { KitCluster } from '../cluster/kit-cluster.ts';
import type { Driver, Role } from '../driver/driver.ts';
import type { Binding, Ground } from '../ground/ground.ts';
import type { HistoryEvent } from '../history/event.ts';
import { History } from '../history/history.ts';
import { type FrameSeen, View } from '../history/view.ts';
import { hexOf, isObject } from '../json.ts';
import { CLIENT_OPS } from '../play/client-ops.ts';
import type { Family, Op } from '../play/family.ts';
import { HarnessError, Play } from '../play/play.ts';
import { flagOf, type Program, type Step } from '../play/program.ts';
import { SERVER_OPS } from '../play/server-ops.ts';
import type { Login } from '../users/user.ts';

/** Bytes of a frame that are kept when it was not sent whole. */
const UNFINISHED_BYTES = 64;

/** What a program runs against. */
export interface Site {
  readonly role: Role;
  readonly timing: Ground['timing'];
  readonly binding: Binding;
  /** Who the kit is at a server that asks, where a program does not say. */
  readonly login?: Login | undefined;
  /** A ground and a driver for one program. On real time both may be shared by programs that run side by side. */
  prepare(program: Program, history: (ground: Ground) => History): Promise<Prepared>;
}

export interface Prepared {
  readonly ground: Ground;
  readonly driver: Driver;
  readonly history: History;
  /** Where a server subject listens, if it runs already. */
  readonly address: string | undefined;
  /** Makes names of one program's own. */
  readonly token: string;
  /** Servers of the kit that the subject is joined with already. */
  readonly cluster?: KitCluster;
  /** Lets go of what was made for this program. */
  release(): Promise<void>;
}

/** What one program showed. */
export interface Run {
  readonly program: Program;
  readonly events: readonly HistoryEvent[];
  /** What kept the kit or the driver from doing its part. */
  readonly harness: string | undefined;
  /** Steps that make no sense and did nothing, with the error. A program that the kit made has none. */
  readonly senseless: readonly string[];
  readonly slackMs: number;
}

/** Runs one program. Never throws: what goes wrong stands in the result. @param signal breaks it off. */
export async function runProgram(site: Site, program: Program, families: readonly Family[], signal?: AbortSignal): Promise<Run> {
  let events: readonly HistoryEvent[] = [];
  let slackMs = 0;
  let prepared: Prepared | undefined;
  let harness: string | undefined;
  const senseless: string[] = [];
  try {
    prepared = await site.prepare(
      program,
      (ground) =>
        new History(
          () => ground.clock.nowMs(),
          () => ground.changed(),
        ),
    );
    events = prepared.history.events;
    await playIn(prepared, program, families, { login: site.login, signal, onSenseless: (why) => senseless.push(why) });
  } catch (error) {
    harness = error instanceof HarnessError ? error.message : `${(error as Error).stack ?? error}`;
  }
  slackMs = prepared?.ground.slackMs ?? 0;
  try {
    await prepared?.release();
  } catch (error) {
    harness ??= `the driver did not let go: ${(error as Error).message}`;
  }
  return { program, events, harness, senseless, slackMs };
}

interface PlayOptions {
  readonly login: Login | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onSenseless: (why: string) => void;
}

async function playIn(
  prepared: Prepared,
  program: Program,
  families: readonly Family[],
  { login, signal, onSenseless }: PlayOptions,
): Promise<void> {
  const { ground, history, driver, token } = prepared;
  const isClient = program.role === 'producer' || program.role === 'consumer';
  const isServer = program.role === 'nameserver' || program.role === 'broker' || program.role === 'bridge';
  let play: Play | undefined;
  let own: KitCluster | undefined;
  if (isClient && prepared.cluster === undefined) {
    own = new KitCluster({
      ground,
      history,
      platform: nodePlatform,
      nextConnection: () => (play === undefined ? 0 : play.nextConnection++),
      setup: program.setup ?? {},
      token,
    });
  }
  const cluster = prepared.cluster ?? own;
  play = new Play({ program, ground, history, driver, token, address: prepared.address ?? '', cluster, login, signal });
  driver.onTold((event, client, args) => history.add({ kind: 'told', event, client, args }));
  // Checkers see histories only: what the subject was set up with belongs to them.
  if (program.setup !== undefined) history.add({ kind: 'note', note: 'setup', args: program.setup });
  try {
    await own?.start();
    const ops = opsOf(program, families);
    for (const [index, step] of program.steps.entries()) {
      history.add({ kind: 'step', step: index, op: step.op });
      await doStep(play, step, ops).catch((error) => {
        if (error instanceof HarnessError) throw error;
        onSenseless(`step ${index}, ${step.op}: ${(error as Error).stack ?? error}`);
      });
    }
    if (flagOf(program.setup ?? {}, 'fence', isServer)) await fenceAll(play);
    noteUnfinished(play);
    // The time until which the kit has waited for what never came.
    history.add({ kind: 'step', step: program.steps.length, op: 'end' });
  } finally {
    for (const connection of play.connections) if (connection.state !== 'closed') connection.destroy();
    for (const link of play.links) link.destroy();
    own?.close();
  }
}

async function doStep(play: Play, step: Step, ops: Readonly<Record<string, Op>>): Promise<void> {
  if (Object.hasOwn(ops, step.op)) await ops[step.op]?.(play, step);
}

/** Bytes of frames of which the rest never came: what was not answered may be explained by them. */
function noteUnfinished(play: Play): void {
  for (const { number, unfinished } of play.connections) {
    if (unfinished.length === 0) continue;
    const hex = hexOf(unfinished.subarray(0, UNFINISHED_BYTES));
    play.note('unfinished', { connection: number, bytes: unfinished.length, hex });
  }
}

/** What is on its way comes before the end. */
async function fenceAll(play: Play): Promise<void> {
  await play.pass(play.ground.timing === 'virtual' ? 50 : 20);
}

/** What all families share. A codec has nothing to connect to, and devices speak MQTT. */
const SHARED_OPS: Readonly<Record<Role, Readonly<Record<string, Op>>>> = {
  ...{ nameserver: SERVER_OPS, broker: SERVER_OPS },
  ...{ producer: CLIENT_OPS, consumer: CLIENT_OPS },
  codec: {},
  bridge: {},
};

const opsOf = (program: Program, families: readonly Family[]): Readonly<Record<string, Op>> => ({
  ...SHARED_OPS[program.role],
  ...families.find(({ name }) => name === program.family)?.ops,
});

/** What kept the kit from doing a program as it is written; in one of its own every step makes sense. */
export const obstacleIn = ({ harness, senseless }: Run): string | undefined => harness ?? senseless[0];

export const UNREACHABLE = 'the subject cannot be reached';

/** Why no connection to the subject could be opened in a run, if none could. */
export function unreachable({ events }: Pick<Run, 'events'>): string | undefined {
  const refused = events.find((event) => event.kind === 'refused');
  if (refused?.kind !== 'refused' || events.some(({ kind }) => kind === 'opened')) return undefined;
  return `${UNREACHABLE}: ${refused.why}`;
}

/** What the checkers say of one history. */
export interface Judgement {
  readonly id: string;
  readonly passes: number;
  readonly failures: readonly Failure[];
  /** The checker itself broke: no verdict. */
  readonly broken: string | undefined;
}

export interface Failure {
  readonly sentence: string;
  /** Place in the history. */
  readonly index: number;
  readonly frame: FrameSeen | undefined;
  readonly field: string | undefined;
}

/** Lets clauses look at a history. */
export function judgeRun(run: Pick<Run, 'events' | 'slackMs'>, clauses: readonly Clause[]): readonly Judgement[] {
  const view = new View(run.events, run.slackMs);
  const isGroup = playsGroup(view);
  return clauses.map((clause) => (isGroup && clause.ofGroups !== true ? nothingSaid(clause) : judgeBy(clause, view)));
}

/** The set-up makes the brokers of the kit replicas of one. */
function playsGroup(view: View): boolean {
  const setup = view.notes('setup')[0]?.args;
  return isObject(setup) && setup.replicas === true;
}

const nothingSaid = ({ id }: Clause): Judgement => ({ id, passes: 0, failures: [], broken: undefined });

function judgeBy(clause: Clause, view: View): Judgement {
  let passes = 0;
  const failures: Failure[] = [];
  const judge: Judge = {
    pass: () => {
      passes++;
    },
    fail: (at, sentence, field) => {
      const frame = typeof at === 'number' ? undefined : at;
      failures.push({ sentence, index: typeof at === 'number' ? at : at.index, frame, field });
    },
  };
  try {
    clause.check(view, judge);
    return { id: clause.id, passes, failures, broken: undefined };
  } catch (error) {
    return { id: clause.id, passes: 0, failures: [], broken: (error as Error).stack ?? String(error) };
  }
}
