import type { Command } from 'commander';
import { DriverError, HELLO_MS, LineDriver } from '../driver/line-driver.ts';
import { EXIT_CODES } from '../run/result.ts';
import { type Complain, tryAbilities, tryRole } from './doctor-checks.ts';
import { numberOption } from './run-command.ts';
import { type Terminal, UsageError } from './say.ts';
import { placeOf, type SubjectOptions, tellSaid } from './subject.ts';

/** How late timers of this machine were, at the worst of so many. */
const TIMER_TRIES = 20;
const TIMER_MS = 10;
const LATE_MS_MAX = 100;

interface DoctorOptions extends SubjectOptions {
  readonly verbose?: boolean;
  readonly within: string;
}

export function addDoctorCommand(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('doctor')
    .description(
      'looks at a driver: are its messages as they should be, does it start what it names? Says what is wrong and what to do',
    )
    .option('--cmd <command>', 'the driver')
    .option('--connect <address>', 'or where it listens')
    .option('--within <ms>', 'how long an answer may take', `${HELLO_MS}`)
    .option('--verbose', 'show every line that is said')
    .action(async (options: DoctorOptions) => ended(await doctor(options, terminal)));
}

async function doctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  if (options.cmd === undefined && options.connect === undefined)
    throw new UsageError('which driver?', 'give --cmd or --connect');
  const withinMs = numberOption('within', options.within, 1);
  let wrong = 0;
  const complain: Complain = {
    good: (text) => terminal.out(`ok    ${text}\n`),
    bad: (text) => {
      wrong++;
      terminal.out(`WRONG ${text}\n`);
    },
  };
  const late = await worstDelayMs();
  if (late > LATE_MS_MAX)
    terminal.out(`note  this machine is busy: a timer was ${late.toFixed(0)} ms late; windows of time are wide for that\n`);
  try {
    await examine(options, withinMs, terminal, complain);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    complain.bad(error.message);
  }
  terminal.out(wrong === 0 ? 'nothing wrong was found\n' : `wrong: ${wrong}\n`);
  return wrong === 0 ? EXIT_CODES.conformant : EXIT_CODES.harness;
}

/** @throws DriverError for what ends the examination: the driver breaks its protocol, hangs or dies. */
async function examine(options: DoctorOptions, withinMs: number, terminal: Terminal, complain: Complain): Promise<void> {
  const show = (line: string, from: 'kit' | 'driver'): void => terminal.err(`${from === 'kit' ? '>' : '<'} ${line}\n`);
  const driver = await LineDriver.open(placeOf(options), {
    helloMs: withinMs,
    ...(options.verbose === true ? { onLine: show } : {}),
  });
  try {
    const { name, version, roles, abilities } = driver.manifest;
    complain.good(`hello: ${name} ${version}, roles ${roles.join(', ')}, abilities ${abilities.join(', ') || 'none'}`);
    complain.good('what it does not know it answers with "unsupported"');
    for (const role of roles) {
      if (role === 'nameserver' || role === 'broker' || role === 'bridge') await tryAbilities(driver, role, withinMs, complain);
      await tryRole(driver, role, withinMs, complain);
    }
    if (driver.dead !== undefined) complain.bad(driver.dead);
    else tellSaid(terminal, driver.said);
  } finally {
    await driver.close();
  }
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
