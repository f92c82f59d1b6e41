import { FAMILIES } from '../families/index.ts';
import { canonicalHistory, firstDifference } from '../history/canonical.ts';
import type { Program } from '../play/program.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { runProgram } from '../run/run-program.ts';
import type { Told } from './run-selftest.ts';
import { tcpSite } from './tcp-site.ts';

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

/** The same programs over memory and over TCP: what is said is the same. */
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
      subject: `the same over memory and TCP: ${programs.length} programs`,
      role,
      ok: programs.length > 0 && differences.length === 0,
      text: differences[0] ?? 'the canonical histories are the same',
      seconds: Number(((nowMs() - startMs) / 1_000).toFixed(1)),
    });
  }
}

/** Where the histories of a program part. */
export async function differenceOf(role: ServerRole, program: Program): Promise<string | undefined> {
  const runs = [await runProgram(inProcessSite({ role }), program, FAMILIES), await runProgram(tcpSite(role), program, FAMILIES)];
  const harness = runs.find((run) => run.harness !== undefined)?.harness;
  const [memory, tcp] = runs.map(({ events }) => canonicalHistory(events));
  return harness ?? firstDifference(memory ?? [], tcp ?? []);
}
