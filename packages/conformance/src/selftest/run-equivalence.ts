import { FAMILIES } from '../families/index.ts';
import { canonicalHistory, firstDifference } from '../history/canonical.ts';
import type { Program } from '../play/program.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { runProgram } from '../run/run-program.ts';
import type { Told } from './run-selftest.ts';
import { socketSite } from './socket-site.ts';

const BINDINGS = ['tcp', 'websocket'] as const;

type ServerRole = 'nameserver' | 'broker';

/** What takes time, or depends on it, is not the same twice on a real clock; a reset may overtake what was sent before it. */
const OPS = new Set(['open', 'request', 'frame', 'bytes', 'fence', 'drain', 'close', 'awaitClose', 'grease']);

/** Programs that only ask and are answered. */
export const plainPrograms = (role: ServerRole): readonly Program[] =>
  FAMILIES.flatMap(({ programs }) => programs).filter(
    (program) =>
      program.role === role &&
      program.timing === undefined &&
      program.binding === undefined &&
      program.setup?.kit === undefined &&
      program.steps.every((step) => OPS.has(step.op) && step.reset !== true),
  );

/** The same programs over memory, TCP and WebSocket: what is said is the same. */
export async function runEquivalence(nowMs: () => number, told: Told): Promise<void> {
  for (const role of ['nameserver', 'broker'] as const) {
    const startMs = nowMs();
    const programs = plainPrograms(role);
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
