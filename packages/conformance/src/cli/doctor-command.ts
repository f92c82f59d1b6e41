import type { Command } from 'commander';
import type { Driver, Role } from '../driver/driver.ts';
import { DriverError, LineDriver } from '../driver/line-driver.ts';
import { FAMILIES } from '../families/index.ts';
import { DriverSite } from '../run/driver-site.ts';
import { runProgram } from '../run/run-program.ts';
import { fits } from '../run/survey.ts';
import type { Terminal } from './say.ts';
import { UsageError } from './say.ts';
import { placeOf, type SubjectOptions } from './subject.ts';

/** How late timers of this machine were, at the worst of so many. */
const TIMER_TRIES = 50;
const TIMER_MS = 10;
const LATE_MS_MAX = 100;

export function addDoctorCommand(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('doctor')
    .description(
      'looks at a driver: are its messages as they should be, does it start what it names? Says what is wrong and what to do',
    )
    .option('--cmd <command>', 'the driver')
    .option('--connect <address>', 'or where it listens')
    .option('--verbose', 'show every line that is said')
    .action(async (options: SubjectOptions & { verbose?: boolean }) => ended(await examine(options, terminal)));
}

async function examine(options: SubjectOptions & { verbose?: boolean }, terminal: Terminal): Promise<number> {
  if (options.cmd === undefined && options.connect === undefined)
    throw new UsageError('which driver?', 'give --cmd or --connect');
  const good = (text: string): void => terminal.out(`ok    ${text}\n`);
  const bad = (text: string): number => {
    terminal.out(`WRONG ${text}\n`);
    return 1;
  };
  const late = await worstDelayMs();
  if (late > LATE_MS_MAX)
    terminal.out(`note  this machine is busy: a timer was ${late.toFixed(0)} ms late; windows of time are wide for that\n`);
  let driver: LineDriver;
  try {
    driver = await LineDriver.open(
      placeOf(options),
      options.verbose === true ? (line, from) => terminal.err(`${from === 'kit' ? '>' : '<'} ${line}\n`) : undefined,
    );
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    return bad(error.message);
  }
  const { name, version, roles, abilities } = driver.manifest;
  good(`hello: ${name} ${version}, roles ${roles.join(', ')}, abilities ${abilities.join(', ') || 'none'}`);
  good('what it does not know it answers with "unsupported"');
  let wrong = 0;
  try {
    for (const role of roles) wrong += await tryRole(driver, role, good, bad);
    if (driver.dead !== undefined) wrong += bad(driver.dead);
  } finally {
    await driver.close();
  }
  terminal.out(wrong === 0 ? 'nothing wrong was found\n' : `${wrong} things are wrong\n`);
  return wrong === 0 ? 0 : 3;
}

/** Runs the first program of a role: does the driver start it, and do its messages hold? */
async function tryRole(driver: Driver, role: Role, good: (text: string) => void, bad: (text: string) => number): Promise<number> {
  const site = new DriverSite({ role, driver });
  const program = FAMILIES.flatMap(({ programs }) => programs).find(
    (one) => fits(one, site) && one.needs === undefined && one.setup?.kit === undefined,
  );
  if (program === undefined) return 0;
  const run = await runProgram(site, program, FAMILIES);
  site.close();
  if (run.harness !== undefined) return bad(`${role}: ${run.harness}`);
  const talked = run.events.some(({ kind }) => kind === 'frame');
  if (!talked)
    return bad(`${role}: it was started, and no frame was exchanged with it: is the address right that it told, or was given?`);
  good(`${role}: a first program ran (${program.name}), ${run.events.length} events`);
  return 0;
}

async function worstDelayMs(): Promise<number> {
  let worst = 0;
  for (let i = 0; i < TIMER_TRIES; i++) {
    const before = performance.now();
    await new Promise((resolve) => setTimeout(resolve, TIMER_MS));
    worst = Math.max(worst, performance.now() - before - TIMER_MS);
  }
  return worst;
}
