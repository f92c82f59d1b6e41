import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import type { Driver, Role } from '../driver/driver.ts';
import { ReferenceClient } from '../driver/reference-client.ts';
import { ReferenceServer } from '../driver/reference-server.ts';
import { FAMILIES } from '../families/index.ts';
import { TcpGround } from '../ground/tcp-ground.ts';
import type { JsonObject } from '../json.ts';
import { loginsIn } from '../play/program.ts';
import { judgeRun, type Prepared, runProgram, type Site } from '../run/run-program.ts';
import { addRun, type Finding, newFinding } from '../run/survey.ts';
import type { Told } from './run-selftest.ts';

/**
 * The engines of this repository over TCP, in this process: each program has a subject of its own. @param around what stands
 * between the kit and their driver.
 */
export function tcpSite(role: Role, around: (driver: Driver) => Driver = (driver) => driver): Site {
  return {
    role,
    timing: 'real',
    binding: 'tcp',
    async prepare(program, historyOf): Promise<Prepared> {
      const isServer = role === 'nameserver' || role === 'broker';
      const ground = isServer ? serverGround() : new TcpGround();
      const parts = { ground, platform: nodePlatform, engines: core };
      const driver: Driver = isServer
        ? new ReferenceServer({ ...parts, role, setup: program.setup ?? {} })
        : new ReferenceClient({ ...parts, role: role === 'producer' ? role : 'consumer' });
      const address = isServer ? await addressOf(driver, loginsIn(program.setup ?? {})) : undefined;
      const outer = around(driver);
      return { ground, driver: outer, history: historyOf(ground), address, token: '', release: () => outer.close() };
    },
  };
}

/** The servers of the kit listen with sockets of the kit; a server under test listens with what it ships. */
export const serverGround = (): TcpGround => new TcpGround(undefined, tcpTransport());

const addressOf = (driver: Driver, logins: JsonObject): Promise<string> =>
  new Promise((resolve) => {
    driver.call('start', { nameServers: [], ...logins }, (_, ok) => resolve((ok as { address: string }).address));
  });

/** What only byte streams show: the engines keep it. */
export async function runOverTcp(nowMs: () => number, told: Told): Promise<void> {
  for (const role of ['nameserver', 'broker', 'producer', 'consumer'] as const) {
    const startMs = nowMs();
    const clauses = FAMILIES.flatMap((family) =>
      family.clauses.filter(({ roles, binding }) => roles.includes(role) && binding === 'tcp'),
    );
    const findings = new Map<string, Finding>(clauses.map((clause) => [clause.id, newFinding(clause)]));
    const programs = FAMILIES.flatMap((family) =>
      family.programs.filter((program) => program.role === role && program.binding === 'tcp'),
    );
    await Promise.all(
      programs.map(async (program) => {
        const run = await runProgram(tcpSite(role), program, FAMILIES);
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
      subject: 'the engines as they are, over TCP',
      role,
      ok: seen.fail.length === 0,
      text: seen.fail.length === 0 ? `${seen.pass.length} clauses hold` : `red: ${seen.fail.join(', ')}`,
      seconds: Number(((nowMs() - startMs) / 1_000).toFixed(1)),
      seen,
    });
  }
}
