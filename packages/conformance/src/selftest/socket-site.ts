import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Driver, Role } from '../driver/driver.ts';
import { ReferenceClient } from '../driver/reference-client.ts';
import { FAMILIES } from '../families/index.ts';
import { BINDING_NAMES, type SocketBinding } from '../ground/ground.ts';
import { groundOver } from '../ground/ground-over.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { judgeRun, runProgram, type Site } from '../run/run-program.ts';
import { addRun, type Finding, newFinding } from '../run/survey.ts';
import type { Told } from './outcome.ts';

/** The engines of this repository over sockets, in this process. */
export const socketSite = (role: Role, binding: SocketBinding): Site =>
  inProcessSite({ role, ground: () => groundOver(binding) });

/** A client of this repository over TCP. @param around what stands between the kit and its driver. */
export const clientSite = (role: 'producer' | 'consumer', around: (driver: Driver) => Driver): Site =>
  inProcessSite({
    role,
    ground: () => groundOver('tcp'),
    driver: (ground) => around(new ReferenceClient({ role, ground, platform: nodePlatform, engines: core })),
  });

/** What shows over one kind of sockets only: the engines keep it. */
export async function runOverSockets(nowMs: () => number, told: Told): Promise<void> {
  for (const binding of ['tcp', 'websocket'] as const)
    for (const role of ['nameserver', 'broker', 'producer', 'consumer'] as const) await runOver(binding, role, nowMs, told);
}

async function runOver(
  binding: SocketBinding,
  role: 'nameserver' | 'broker' | 'producer' | 'consumer',
  nowMs: () => number,
  told: Told,
): Promise<void> {
  const startMs = nowMs();
  const clauses = FAMILIES.flatMap((family) =>
    family.clauses.filter((clause) => clause.roles.includes(role) && clause.binding === binding),
  );
  const findings = new Map<string, Finding>(clauses.map((clause) => [clause.id, newFinding(clause)]));
  const programs = FAMILIES.flatMap((family) =>
    family.programs.filter((program) => program.role === role && program.binding === binding),
  );
  await Promise.all(
    programs.map(async (program) => {
      const run = await runProgram(socketSite(role, binding), program, FAMILIES);
      addRun(findings, run, judgeRun(run, clauses));
    }),
  );
  const having = (has: (finding: Finding) => boolean): string[] =>
    [...findings.values()].filter(has).map(({ clause }) => clause.id);
  const seen = {
    pass: having(({ passes }) => passes > 0),
    fail: having(({ failures }) => failures.length > 0),
    inconclusive: [],
  };
  told({
    kind: 'control',
    subject: `the engines as they are, over ${BINDING_NAMES[binding]}`,
    role,
    ok: seen.fail.length === 0,
    text: seen.fail.length === 0 ? `${seen.pass.length} clauses hold` : `red: ${seen.fail.join(', ')}`,
    seconds: Number(((nowMs() - startMs) / 1_000).toFixed(1)),
    seen,
  });
}
