import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { ReferenceServer } from '../driver/reference-server.ts';
import { FAMILIES } from '../families/index.ts';
import { TcpGround } from '../ground/tcp-ground.ts';
import { canonicalHistory, firstDifference } from '../history/canonical.ts';
import type { Program } from '../play/program.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { runProgram, type Site } from '../run/run-program.ts';
import type { Told } from './run-selftest.ts';

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

/** The engines of this repository over TCP, in this process. */
function tcpSite(role: ServerRole): Site {
  return {
    role,
    timing: 'real',
    binding: 'tcp',
    async prepare(program, historyOf) {
      const ground = new TcpGround();
      const driver = new ReferenceServer({ role, ground, platform: nodePlatform, engines: core, setup: program.setup ?? {} });
      const address = await new Promise<string>((resolve) => {
        driver.call('start', { nameServers: [] }, (_, ok) => resolve((ok as { address: string }).address));
      });
      return { ground, driver, history: historyOf(ground), address, token: '', release: () => driver.close() };
    },
  };
}

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
