import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Ability, Driver, Role } from '../driver/driver.ts';
import { ABILITIES } from '../driver/driver-message.ts';
import { ReferenceClient } from '../driver/reference-client.ts';
import { ReferenceCodec } from '../driver/reference-codec.ts';
import { ReferenceServer } from '../driver/reference-server.ts';
import { FAMILIES } from '../families/index.ts';
import type { Ground } from '../ground/ground.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Program } from '../play/program.ts';
import { BUDGETS, type Budget } from '../run/budget.ts';
import { DriverSite } from '../run/driver-site.ts';
import { type ExploreOptions, explore } from '../run/explore.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { countOf, type Result } from '../run/result.ts';
import type { Login } from '../users/user.ts';
import { KIT_NAME } from '../version.ts';
import { CONTROL_GROUP, type LegalVariant, varied } from './control-group.ts';
import { DEGENERATE_CLIENTS, DegenerateClient } from './degenerate-clients.ts';
import { DEGENERATE_CODECS, DegenerateCodec } from './degenerate-codecs.ts';
import { DEGENERATE_LISTENERS, DegenerateListener, type DegenerateListenerName } from './degenerate-listeners.ts';
import { DEGENERATE_SERVERS, DegenerateServer } from './degenerate-servers.ts';
import { runDegenerateBridges, runModelBridge } from './mqtt/run-bridges.ts';
import { seenIn, type Told } from './outcome.ts';

const SERVERS = ['nameserver', 'broker'] as const;
const CLIENTS = ['producer', 'consumer'] as const;

/** Shrinking and confirming tell nothing about the verdict. */
const budgetOf = (name: Budget['name'], generated: number): Budget => ({
  ...BUDGETS[name],
  generatedPerFamily: generated,
  shrinkRunsMax: 0,
  confirmations: 0,
});

/** Subjects that do no work: the verdict is anything but conformant, and nothing is credited to them. */
export async function runDegenerate(nowMs: () => number, told: Told): Promise<void> {
  for (const role of SERVERS)
    for (const name of Object.keys(DEGENERATE_SERVERS))
      await degenerate(name, role, (ground) => new DegenerateServer(name, role, ground), nowMs, told);
  for (const role of CLIENTS)
    for (const name of DEGENERATE_CLIENTS) await degenerate(name, role, () => new DegenerateClient(name, role), nowMs, told);
  for (const name of DEGENERATE_CODECS) await degenerate(name, 'codec', () => new DegenerateCodec(name), nowMs, told);
  for (const name of Object.keys(DEGENERATE_LISTENERS)) await withoutWebSocket(name as DegenerateListenerName, nowMs, told);
  await runDegenerateBridges(nowMs, told);
}

/** Servers that do not listen for WebSocket where they say so: nothing is credited, and the reason is told. */
async function withoutWebSocket(subject: DegenerateListenerName, nowMs: () => number, told: Told): Promise<void> {
  const driver = new DegenerateListener(subject);
  const site = new DriverSite({ role: 'nameserver', driver, binding: 'websocket' });
  const result = await explored(site, budgetOf('quick', 0), nowMs);
  site.close();
  await driver.close();
  const credited = countOf(result, 'pass');
  const [harness] = result.harness;
  const ok = result.settled !== 'conformant' && credited === 0 && harness !== undefined;
  const text = `${result.settled}, ${credited} clauses credited: ${harness?.why}`;
  told({ kind: 'degenerate', subject, role: 'nameserver', ok, text, seconds: result.seconds, seen: seenIn(result) });
}

async function degenerate(
  subject: string,
  role: Role,
  driver: (ground: Ground) => Driver,
  nowMs: () => number,
  told: Told,
): Promise<void> {
  // All others claim everything: what they cannot do has to show.
  const abilities = subject === 'nothing listens' ? [] : ABILITIES;
  const result = await verdictOn(role, driver, budgetOf('quick', 0), nowMs, { abilities });
  const credited = countOf(result, 'pass');
  const ok = result.settled !== 'conformant' && credited === 0;
  const text = `${result.settled}, ${credited} clauses credited, ${countOf(result, 'fail')} fail`;
  told({ kind: 'degenerate', subject, role, ok, text, seconds: result.seconds, seen: seenIn(result) });
}

/** Implementations that differ as the specification allows: no clause goes red. */
export async function runControlGroup(budget: Budget['name'], nowMs: () => number, told: Told): Promise<void> {
  await runModelBridge(nowMs, told);
  for (const variant of CONTROL_GROUP) {
    for (const role of variant.roles) {
      const driver = (ground: Ground, program: Program): Driver => variantDriver(variant, role, ground, program);
      const result = await verdictOn(role, driver, budgetOf(budget, BUDGETS[budget].generatedPerFamily), nowMs, {
        latencyMs: variant.latencyMs,
        login: loginOf(variant),
      });
      const red = result.clauses.filter(({ verdict }) => verdict === 'fail');
      const harness = result.harness.map(({ program, why }) => `${program}: ${why}`);
      const wrong = [
        ...red.map(({ id, failure }) => `${id} in ${failure?.program.name ?? 'generated'}: ${failure?.sentence}`),
        ...harness,
      ];
      const text = wrong.length === 0 ? `${countOf(result, 'pass')} clauses hold` : wrong.slice(0, 3).join(' | ');
      const ok = wrong.length === 0;
      told({ kind: 'control', subject: variant.name, role, ok, text, seconds: result.seconds, seen: seenIn(result) });
    }
  }
}

function variantDriver(variant: LegalVariant, role: Role, ground: Ground, program: Program): Driver {
  const varying: Ground = Object.create(ground, {
    transport: { value: (host: string) => varied(ground.transport(host), variant) },
  });
  const parts = { ground: varying, platform: nodePlatform, engines: core };
  if (role === 'codec') return new ReferenceCodec();
  if (role === 'nameserver' || role === 'broker') {
    const server = new ReferenceServer({ ...parts, role, setup: merged(variant.setup ?? {}, program.setup ?? {}) });
    return variant.users === undefined ? server : started(server, { users: variant.users as unknown as Json });
  }
  const client = new ReferenceClient({ ...parts, role: role === 'producer' ? role : 'consumer' });
  return variant.options === undefined ? client : started(client, { options: variant.options });
}

/** A driver that starts its subjects with what a variant says, where a program does not say otherwise. */
const started = (driver: Driver, with_: JsonObject): Driver => ({
  manifest: driver.manifest,
  call: (op, args, done) => driver.call(op, op.endsWith('start') ? merged(with_, args) : args, done),
  onTold: (listener) => driver.onTold(listener),
  close: () => driver.close(),
});

const loginOf = ({ users }: LegalVariant): Login | undefined => {
  const [first] = users ?? [];
  return first?.password === undefined ? undefined : { user: first.name, password: first.password };
};

/** What a program says of the set-up goes before what the variant says. */
const merged = (under: JsonObject, over: JsonObject): JsonObject => {
  const all: Record<string, JsonObject[string]> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const before = all[name];
    all[name] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return all;
};

interface VerdictOptions {
  readonly latencyMs?: number | undefined;
  readonly login?: Login | undefined;
  readonly abilities?: readonly Ability[];
}

async function verdictOn(
  role: Role,
  driver: (ground: Ground, program: Program) => Driver,
  budget: Budget,
  nowMs: () => number,
  { latencyMs, login, abilities = ABILITIES }: VerdictOptions = {},
): Promise<Result> {
  const site = inProcessSite({
    role,
    driver,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(login === undefined ? {} : { login }),
  });
  const manifest = { name: 'self-test', version: '0', roles: [role], abilities };
  return explored({ ...site, manifest }, budget, nowMs);
}

const explored = (site: ExploreOptions['site'], budget: Budget, nowMs: () => number): Promise<Result> =>
  explore({
    site,
    families: FAMILIES,
    budget,
    seed: 1,
    command: 'qanat-conformance selftest',
    kit: KIT_NAME,
    startedAt: '',
    nowMs,
  });
