import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { KitCluster } from '../cluster/kit-cluster.ts';
import type { Driver, Role } from '../driver/driver.ts';
import type { Engines } from '../driver/engines.ts';
import { ReferenceClient } from '../driver/reference-client.ts';
import { ReferenceCodec } from '../driver/reference-codec.ts';
import { ReferenceServer } from '../driver/reference-server.ts';
import { endpointIn } from '../driver/started-server.ts';
import type { Ground } from '../ground/ground.ts';
import { VirtualGround } from '../ground/virtual-ground.ts';
import type { History } from '../history/history.ts';
import { isObject, type JsonObject } from '../json.ts';
import { HarnessError } from '../play/play.ts';
import { type Program, toldAtStart } from '../play/program.ts';
import type { Login } from '../users/user.ts';
import type { Prepared, Site } from './run-program.ts';

const START_MS = 60_000;

export interface InProcessOptions {
  readonly role: Role;
  /** Default: the engines of this repository as they are. */
  readonly engines?: Engines;
  /** Instead of the engines of this repository: whatever a user brings. */
  readonly driver?: (ground: Ground, program: Program) => Driver;
  /** One way between two hosts, ms. */
  readonly latencyMs?: number;
  /** Who the kit is at a server that asks. */
  readonly login?: Login;
  /** Makes the ground of a program. Default: virtual time and memory. */
  readonly ground?: () => Ground;
}

/** Every program has a subject of its own, in this process. */
export function inProcessSite({ role, engines = core, driver, latencyMs, login, ground: given }: InProcessOptions): Site {
  const groundOf = given ?? (() => new VirtualGround(latencyMs));
  const { timing, binding } = groundOf();
  return {
    role,
    timing,
    binding,
    login,
    async prepare(program, historyOf): Promise<Prepared> {
      const ground = groundOf();
      const history = historyOf(ground);
      if (role === 'codec') {
        const made = driver?.(ground, program) ?? new ReferenceCodec(engines);
        return { ground, history, driver: made, address: undefined, token: '', release: () => made.close() };
      }
      if (role === 'producer' || role === 'consumer') {
        const made = driver?.(ground, program) ?? new ReferenceClient({ role, ground, platform: nodePlatform, engines });
        return { ground, history, driver: made, address: undefined, token: '', release: () => made.close() };
      }
      return prepareServer(role, { ground, history, program, engines, driver });
    },
  };
}

interface ServerParts {
  readonly ground: Ground;
  readonly history: History;
  readonly program: Program;
  readonly engines: Engines;
  readonly driver: InProcessOptions['driver'];
}

async function prepareServer(
  role: 'nameserver' | 'broker' | 'bridge',
  { ground, history, program, engines, driver }: ServerParts,
): Promise<Prepared> {
  const setup: JsonObject = program.setup ?? {};
  let connections = 1_000_000;
  const cluster =
    role === 'broker' && isObject(setup.kit)
      ? new KitCluster({
          ground,
          history,
          platform: nodePlatform,
          nextConnection: () => connections++,
          setup: { brokers: 0, ...setup.kit },
          token: '',
        })
      : undefined;
  await cluster?.start();
  const made = driver?.(ground, program) ?? referenceOf(role, { ground, engines, setup });
  const address = await startOf(ground, made, { nameServers: [...(cluster?.nameServers ?? [])], ...toldAtStart(setup) });
  const release = async (): Promise<void> => {
    await made.close();
    cluster?.close();
  };
  return { ground, history, driver: made, address, token: '', ...(cluster === undefined ? {} : { cluster }), release };
}

/** @throws HarnessError for a bridge: its engine is not among those of the core. */
function referenceOf(
  role: 'nameserver' | 'broker' | 'bridge',
  parts: { readonly ground: Ground; readonly engines: Engines; readonly setup: JsonObject },
): Driver {
  if (role === 'bridge') throw new HarnessError('a bridge in this process is brought by its driver');
  return new ReferenceServer({ role, platform: nodePlatform, ...parts });
}

async function startOf(ground: Ground, driver: Driver, args: JsonObject): Promise<string> {
  let outcome: { address?: string; why?: string } | undefined;
  driver.call('start', args, (error, ok) => {
    outcome = error === undefined ? endpointIn(ok, ground.scheme) : { why: error.text ?? error.kind };
    ground.changed();
  });
  await ground.until(() => outcome !== undefined, START_MS);
  if (outcome?.address === undefined) throw new HarnessError(`the subject did not start: ${outcome?.why ?? 'no answer'}`);
  return outcome.address;
}
