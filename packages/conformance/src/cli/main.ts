import { parseArgs } from 'node:util';
import type { Role } from '../driver/driver.ts';
import { LineDriver } from '../driver/line-driver.ts';
import { FAMILIES } from '../families/index.ts';
import { BUDGETS } from '../run/budget.ts';
import { DriverSite } from '../run/driver-site.ts';
import { endpointSite } from '../run/endpoint-site.ts';
import { explore } from '../run/explore.ts';
import { EXIT_CODES } from '../run/result.ts';

/** A first command line, for trying. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      cmd: { type: 'string' },
      endpoint: { type: 'string' },
      budget: { type: 'string', default: 'quick' },
      family: { type: 'string' },
      program: { type: 'string' },
    },
  });
  const role = positionals[1] as Role;
  const driver = values.cmd === undefined ? undefined : await LineDriver.open({ command: values.cmd });
  const site = driver === undefined ? endpointSite(role, values.endpoint ?? '') : new DriverSite({ role, driver });
  const families = FAMILIES.filter(({ name }) => values.family === undefined || values.family.split(',').includes(name)).map(
    (family) => ({
      ...family,
      programs: family.programs.filter(
        ({ name }) => values.program === undefined || values.program.split(',').includes(name ?? ''),
      ),
    }),
  );
  const started = performance.now();
  const result = await explore({
    site,
    families,
    budget: BUDGETS[values.budget as 'quick'],
    seed: 1,
    command: '',
    kit: '0.1.0',
    startedAt: '',
    nowMs: () => performance.now() - started,
    onProgress: (done, of, what) => process.stderr.write(`${done}/${of} ${what}\n`),
  });
  for (const { id, verdict, evidence, reason, failure } of result.clauses)
    if (verdict !== 'inconclusive' || FAMILIES.some(({ clauses }) => clauses.some((clause) => clause.id === id)))
      process.stdout.write(
        `${verdict.padEnd(12)} ${id} ${evidence} ${reason ?? ''} ${failure?.sentence ?? ''} ${failure === undefined ? '' : JSON.stringify(failure.program.steps)}\n`,
      );
  for (const one of result.harness) process.stdout.write(`HARNESS ${one.program}: ${one.why}\n`);
  process.stdout.write(`${result.settled} ${result.programs} programs ${result.seconds} s\n`);
  if (site instanceof DriverSite) site.close();
  await driver?.close();
  process.exitCode = EXIT_CODES[result.settled];
}
