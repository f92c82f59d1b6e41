import { Feature, LIMITS, ServerRoleNames } from '@qanat/core';
import type { Command } from 'commander';
import { FAMILIES } from '../families/index.ts';
import { View } from '../history/view.ts';
import type { Family } from '../play/family.ts';
import { type Program, passMsOf } from '../play/program.ts';
import { BUDGETS } from '../run/budget.ts';
import { endpointSite } from '../run/endpoint-site.ts';
import { explore } from '../run/explore.ts';
import { countOf } from '../run/result.ts';
import { runProgram } from '../run/run-program.ts';
import { KIT_NAME } from '../version.ts';
import { exitCodeOf } from './run-command.ts';
import type { Terminal } from './say.ts';
import { addSubjectOptions, openSubject, placeOfEndpoint, roleOf, type SubjectOptions, tellSaid } from './subject.ts';

/** How long programs of `smoke` may run, and until when their histories are judged; a driver starts and ends beside that. */
const SMOKE_MS = 2_800;
const SMOKE_JUDGED_MS = 3_800;
/** Some wait for long: the others go on beside them. */
const SMOKE_PARALLEL = 24;

export function addProbeCommands(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('probe <address>')
    .description('asks a server at host:port or ws://host:port who it is: role, name, versions, features, limits')
    .option('--json', 'as JSON')
    .action(async (address: string, options: { json?: boolean }) => ended(await probe(address, options.json === true, terminal)));
  addSubjectOptions(program.command('smoke <role>').description('five seconds, one line: is it worth a run?')).action(
    async (role: string, options: SubjectOptions) => ended(await smoke(role, options, terminal)),
  );
}

async function probe(endpoint: string, asJson: boolean, terminal: Terminal): Promise<number> {
  const { address, binding } = placeOfEndpoint(endpoint, undefined);
  const site = endpointSite('broker', address, { binding });
  const steps = [
    { op: 'open', hello: { features: [Feature.FEATURE_AUTH] } },
    { op: 'request', frame: 'TOPIC_LIST' },
  ];
  const run = await runProgram(site, { family: '', role: 'broker', steps }, []);
  const view = new View(run.events, 0);
  const hello = view.connections[0]?.helloOk;
  if (hello === undefined) {
    const refused = view.of('refused')[0];
    const why = refused?.why ?? view.connections[0]?.goAways[0]?.code ?? 'it did not answer HELLO';
    terminal.err(`error: ${endpoint} speaks no Qanat: ${why}\nhint: is this the address of a NameServer or a broker?\n`);
    return 2;
  }
  const topics = view.requests('TOPIC_LIST')[0];
  const found = {
    role: (ServerRoleNames[hello.role] ?? `${hello.role}`).toLowerCase(),
    name: hello.name,
    software: hello.software,
    minor: hello.minor,
    features: hello.features,
    mechanisms: hello.mechanisms,
    term: hello.term,
    frameBytesMax: hello.frameBytesMax,
    batchBytesMax: hello.batchBytesMax,
    inFlightMax: hello.inFlightMax,
    idleMs: hello.idleMs,
    topics: topics?.answer?.topics?.length ?? null,
  };
  if (asJson) terminal.out(`${JSON.stringify(found)}\n`);
  else for (const [name, value] of Object.entries(found)) terminal.out(`${name.padEnd(15)} ${shown(name, value)}\n`);
  return 0;
}

function shown(name: string, value: unknown): string {
  const usual = name === 'frameBytesMax' && value === LIMITS.FRAME_BYTES_MAX ? ' (as usual)' : '';
  return `${Array.isArray(value) ? value.join(', ') || 'none' : (value ?? '-')}${usual}`;
}

/** Programs that let more time pass are not for five seconds. */
const SMOKE_PASS_MS = 1_000;

/** Those that stop a server, or have one of their own, are not either. */
const isShort = (program: Program): boolean => {
  const isClient = program.role === 'producer' || program.role === 'consumer';
  return passMsOf(program) <= SMOKE_PASS_MS && (isClient || (program.alone !== true && program.setup === undefined));
};

/** The programs of a family that talk only, those of few steps first. */
const shortFirst = (family: Family): Family => ({
  ...family,
  programs: family.programs.filter(isShort).sort((a, b) => a.steps.length - b.steps.length),
});

/** As many of the programs that are written by hand as five seconds allow. */
async function smoke(role: string, options: SubjectOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(roleOf(role), options);
  const deadline = AbortSignal.timeout(SMOKE_MS);
  const startMs = performance.now();
  try {
    const result = await explore({
      site: subject.site,
      // What shows that it works comes first.
      families: [...FAMILIES].reverse().map(shortFirst),
      parallel: SMOKE_PARALLEL,
      budget: {
        ...BUDGETS.quick,
        generatedPerFamily: 0,
        generatedOnRealTime: 0,
        shrinkRunsMax: 0,
        shrinkRunsOnRealTime: 0,
        confirmations: 0,
      },
      seed: 1,
      command: `npx qanat-conformance smoke ${role}`,
      kit: KIT_NAME,
      startedAt: new Date().toISOString(),
      nowMs: () => performance.now(),
      signal: deadline,
      mayJudge: () => performance.now() < startMs + SMOKE_JUDGED_MS,
    });
    const failed = result.clauses.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id);
    const known = `${countOf(result, 'pass')} clauses held`;
    const wrong =
      failed.length === 0 ? '' : `, ${failed.length} broken: ${failed.slice(0, 5).join(' ')}${failed.length > 5 ? ' …' : ''}`;
    terminal.out(
      `${failed.length === 0 ? 'ok' : 'BROKEN'}: ${known}${wrong}, ${result.notProved} not put to the test, ${result.programs} programs in ${((performance.now() - startMs) / 1_000).toFixed(1)} s\n`,
    );
    if (failed.length > 0) tellSaid(terminal, subject.said?.() ?? '');
    if (failed.length > 0) return 1;
    return countOf(result, 'pass') === 0 ? exitCodeOf({ ...result, settled: 'inconclusive' }) : 0;
  } finally {
    await subject.close();
  }
}
