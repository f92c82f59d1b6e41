import { FAMILIES } from '../families/index.ts';
import { canonicalHistory, firstDifference } from '../history/canonical.ts';
import type { Program, Step } from '../play/program.ts';
import { drawPrograms } from '../run/draw-programs.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { runProgram } from '../run/run-program.ts';
import type { Told } from './outcome.ts';
import { socketSite } from './socket-site.ts';

const BINDINGS = ['tcp', 'websocket'] as const;

/** Of the programs drawn at random. */
const DRAWN_PER_FAMILY = 50;
const DRAWN_BY = 1;

type ServerRole = 'nameserver' | 'broker';

/** What takes time, or depends on it, is not the same twice on a real clock; a reset may overtake what was sent before it. */
const OPS = new Set([
  ...['open', 'request', 'frame', 'bytes', 'fence', 'drain', 'close', 'awaitClose', 'grease'],
  ...['again', 'register', 'unregister', 'heartbeat', 'query', 'init', 'produce', 'login', 'users'],
]);

/** Questions that do not wait for their answers: what one connection learns of another's depends on the moment. */
const isRace = (steps: readonly Step[]): boolean =>
  steps.some(({ wait }) => wait === false) && steps.filter(({ op }) => op === 'open').length > 1;

const READS_STATE = new Set(['STATE_GET', 'STATE_SCAN']);

/** What is on its way when keyed state is read may be in effect or not. */
const readsTooSoon = (steps: readonly Step[]): boolean =>
  steps.some(({ wait }) => wait === false) && steps.some(({ frame }) => typeof frame === 'string' && READS_STATE.has(frame));

const TOLD_LATER = new Set(['TOPIC_CREATE', 'TOPIC_DELETE', 'OFFSET_FETCH', 'GROUP_DESCRIBE']);

/**
 * Behind a member of a group a topic changes, or the group's positions are asked for: by when its members are told, and by when
 * it has its first positions, is up to the broker.
 */
function isToldLater(steps: readonly Step[]): boolean {
  const joined = steps.findIndex(({ frame }) => frame === 'CLIENT_HEARTBEAT');
  return joined >= 0 && steps.slice(joined).some(({ frame }) => typeof frame === 'string' && TOLD_LATER.has(frame));
}

/** A program that only asks and is answered. */
const isPlain = (program: Program): boolean =>
  program.timing === undefined &&
  program.binding === undefined &&
  program.setup?.kit === undefined &&
  program.steps.every((step) => OPS.has(step.op) && step.reset !== true) &&
  !isRace(program.steps) &&
  !readsTooSoon(program.steps) &&
  !isToldLater(program.steps);

/** Programs that only ask and are answered, those written by hand. */
export const plainPrograms = (role: ServerRole): readonly Program[] =>
  FAMILIES.flatMap(({ programs }) => programs).filter((program) => program.role === role && isPlain(program));

/** The same, drawn at random: of each family as many. */
export const drawnPrograms = (role: ServerRole, perFamily: number, seed: number): readonly Program[] =>
  FAMILIES.flatMap((family) =>
    drawPrograms(family, role, perFamily, seed)
      .filter(isPlain)
      .map((program, i) => ({ ...program, name: `${family.name} drawn by seed ${seed}, number ${i + 1}` })),
  );

/** The same programs over memory, TCP and WebSocket: what is said is the same. */
export async function runEquivalence(nowMs: () => number, told: Told): Promise<void> {
  for (const role of ['nameserver', 'broker'] as const) {
    const startMs = nowMs();
    const programs = [...plainPrograms(role), ...drawnPrograms(role, DRAWN_PER_FAMILY, DRAWN_BY)];
    const differences: string[] = [];
    for (const program of programs) {
      const difference = await differenceOf(role, program);
      if (difference !== undefined) differences.push(`${program.name}: ${difference}`);
    }
    told({
      kind: 'transports',
      subject: `the same over memory, TCP and WebSocket: ${programs.length} programs`,
      role,
      ok: programs.length > 0 && differences.length === 0,
      text: differences[0] ?? 'the canonical histories are the same',
      seconds: Number(((nowMs() - startMs) / 1_000).toFixed(1)),
    });
  }
}

/** Where the histories of a program part. */
export async function differenceOf(role: ServerRole, program: Program): Promise<string | undefined> {
  const inMemory = await runProgram(inProcessSite({ role }), program, FAMILIES);
  if (inMemory.harness !== undefined) return inMemory.harness;
  for (const binding of BINDINGS) {
    const { harness, events } = await runProgram(socketSite(role, binding), program, FAMILIES);
    const difference = harness ?? firstDifference(canonicalHistory(inMemory.events), canonicalHistory(events));
    if (difference !== undefined) return `over ${binding}: ${difference}`;
  }
  return undefined;
}
