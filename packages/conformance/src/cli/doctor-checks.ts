import { type Ability, type Driver, type Role, transportsOf } from '../driver/driver.ts';
import type { LineDriver } from '../driver/line-driver.ts';
import { endpointIn } from '../driver/started-server.ts';
import { askedIn } from '../families/codec/asked.ts';
import { FAMILIES } from '../families/index.ts';
import { BINDING_NAMES, SCHEMES } from '../ground/ground.ts';
import { View } from '../history/view.ts';
import { DriverSite } from '../run/driver-site.ts';
import { type Run, runProgram, unreachable } from '../run/run-program.ts';
import { fits } from '../run/survey.ts';

/** Where findings go. */
export interface Complain {
  readonly good: (text: string) => void;
  readonly bad: (text: string) => void;
}

/** Abilities of servers that are operations, with those operations; behind the ones that end a server it is started again. */
const OPERATIONS: readonly { readonly ability: Ability; readonly ops: readonly string[]; readonly ends: boolean }[] = [
  { ability: 'pause', ops: ['pause', 'resume'], ends: false },
  { ability: 'stop', ops: ['stop'], ends: true },
  { ability: 'kill', ops: ['kill'], ends: true },
];

/**
 * Asks a server of its own for what the driver names in its abilities. One that does not start is a matter of `tryRole`.
 * @throws DriverError.
 */
export async function tryAbilities(driver: LineDriver, role: Role, withinMs: number, { good, bad }: Complain): Promise<void> {
  const server = `doctor-${role}`;
  const scheme = SCHEMES[transportsOf(driver.manifest)[0] ?? 'tcp'];
  const start = async (): Promise<unknown> => {
    const { ok } = await driver.ask('start', { server, role, nameServers: [], schemes: [scheme] }, withinMs);
    return endpointIn(ok ?? null, scheme).address;
  };
  const named = OPERATIONS.filter(({ ability }) => driver.manifest.abilities.includes(ability));
  if (named.length === 0) return;
  if ((await start()) === undefined) return;
  for (const { ability, ops, ends } of named) {
    let held = true;
    for (const op of ops) {
      const { error } = await driver.ask(op, { server }, withinMs);
      if (error !== undefined) bad(`it names the ability "${ability}", and answers "${op}" with ${JSON.stringify(error)}`);
      held &&= error === undefined;
    }
    if (ends && held && (await start()) === undefined) return bad(`behind "${ability}" the server does not start again`);
    if (held) good(`${role}: it can ${ability}`);
  }
  await driver.ask(driver.manifest.abilities.includes('kill') ? 'kill' : 'stop', { server }, withinMs);
}

/** Runs the first program of a role over each transport that the driver names. */
export async function tryRole(driver: Driver, role: Role, startMs: number, { good, bad }: Complain): Promise<void> {
  const transports = role === 'codec' ? (['tcp'] as const) : transportsOf(driver.manifest);
  for (const binding of transports) {
    const where = transports.length > 1 ? ` over ${BINDING_NAMES[binding]}` : '';
    await tryOver(new DriverSite({ role, driver, startMs, binding }), {
      good: (text) => good(`${role}${where}: ${text}`),
      bad: (text) => bad(`${role}${where}: ${text}`),
    });
  }
}

/** Does the driver start it, and do its messages hold? */
async function tryOver(site: DriverSite, { good, bad }: Complain): Promise<void> {
  const program = FAMILIES.flatMap(({ programs }) => programs).find(
    (one) => fits(one, site) && one.needs === undefined && one.setup?.kit === undefined,
  );
  if (program === undefined) return;
  const run = await runProgram(site, program, FAMILIES);
  site.close();
  const obstacle = run.harness ?? unreachable(run);
  if (site.role === 'codec' && obstacle === undefined) return tellCodec(run, { good, bad });
  if (obstacle !== undefined) bad(obstacle);
  else if (!hasTalked(run)) bad(`it was started, and ${silenceOf(run)}`);
  else good(`a first program ran (${program.name}), ${run.events.length} events`);
}

const hasTalked = ({ events }: Run): boolean =>
  events.some((event) => (event.kind === 'frame' || event.kind === 'packet') && event.from === 'subject');

/** What a subject did that sent no frame. */
function silenceOf({ events }: Run): string {
  const bytes = events.some((event) => event.kind === 'bytes' && event.from === 'subject')
    ? 'its preface, and no frame'
    : 'nothing';
  const closed = events.some((event) => event.kind === 'closed' && event.by === 'subject');
  if (closed) return `sent ${bytes} before it ended the connection: did it crash?`;
  return `sent ${bytes}: is the address right that it told, or was given?`;
}

/** Says what is wrong with the first answer that is not as it should be. */
function tellCodec({ program, events }: Run, { good, bad }: Complain): void {
  const asked = askedIn(new View(events, 0));
  const wrong = asked.find((one) => one.wrong !== undefined)?.wrong;
  if (asked.length === 0) bad(`it knows neither "decode" nor "encode" of frames`);
  else if (wrong !== undefined) bad(wrong);
  else good(`a first program ran (${program.name}), ${asked.length} questions`);
}
