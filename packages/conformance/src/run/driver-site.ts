import { nodePlatform } from '@qanat/transports/node';
import { KitCluster } from '../cluster/kit-cluster.ts';
import type { CallDone, Driver, Manifest, Role } from '../driver/driver.ts';
import { endpointIn } from '../driver/started-server.ts';
import type { SocketBinding } from '../ground/ground.ts';
import { groundOver } from '../ground/ground-over.ts';
import type { RealGround } from '../ground/real-ground.ts';
import { History } from '../history/history.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import { HarnessError } from '../play/play.ts';
import { objectOf, type Program, toldAtStart } from '../play/program.ts';
import type { Prepared, Site } from './run-program.ts';
import { runToken } from './run-token.ts';

const START_MS = 60_000;
/** What a program has left running may take so long to end. */
const LET_GO_MS = 5_000;

export interface DriverSiteOptions {
  readonly role: Role;
  readonly driver: Driver;
  /** Default `tcp`. */
  readonly binding?: SocketBinding;
  readonly slackMs?: number;
  /** How long a server may take to start, and what a program leaves running to end. */
  readonly startMs?: number;
  readonly letGoMs?: number;
}

type Told = (event: string, client: string, args: Json) => void;

/**
 * A subject behind a driver, over sockets and on real time. Programs that only talk share one server; one that stops it, or wants
 * it set up otherwise, has a server of its own. Clients are started anew for each program.
 */
export class DriverSite implements Site {
  readonly role: Role;
  readonly timing = 'real';
  readonly binding: SocketBinding;
  readonly manifest: Manifest;
  readonly #driver: Driver;
  readonly #slackMs: number | undefined;
  readonly #startMs: number;
  readonly #letGoMs: number;
  readonly #told = new Map<string, Told>();
  #programs = 0;
  /** Makes names differ from those of earlier runs: a server may have kept its data. */
  readonly #run = runToken();
  #shared: Promise<string> | undefined;
  #joined: KitCluster | undefined;

  constructor({ role, driver, binding = 'tcp', slackMs, startMs = START_MS, letGoMs = LET_GO_MS }: DriverSiteOptions) {
    this.role = role;
    this.binding = binding;
    this.#driver = driver;
    this.#slackMs = slackMs;
    this.#startMs = startMs;
    this.#letGoMs = letGoMs;
    this.manifest = driver.manifest;
    driver.onTold((event, client, args) => {
      const at = client.lastIndexOf('@');
      this.#told.get(client.slice(at + 1))?.(event, client.slice(0, Math.max(0, at)), args);
    });
  }

  async prepare(program: Program, historyOf: (ground: RealGround) => History): Promise<Prepared> {
    const ground = this.#ground();
    const history = historyOf(ground);
    const number = ++this.#programs;
    const token = `-${this.#run}-${number.toString(36)}`;
    if (this.role === 'codec') return this.#codec(ground, history, token);
    return this.role === 'producer' || this.role === 'consumer'
      ? this.#client(ground, history, `${number}`, token)
      : this.#server(ground, history, program, this.#idOf(`${number}`), token);
  }

  #ground(): RealGround {
    return groundOver(this.binding, this.#slackMs);
  }

  /** A server's name: its data must not be those of an earlier run, or of another role of this one. */
  #idOf(name: string): string {
    return `${this.#run}-${this.role}-${name}`;
  }

  /** A codec keeps nothing from one question to the next: all programs ask the same one. */
  #codec(ground: RealGround, history: History, token: string): Prepared {
    const driver: Driver = {
      manifest: this.manifest,
      call: (op, args, done) => this.#driver.call(op, args, settled(ground, done)),
      onTold: () => {},
      close: async () => {},
    };
    return { ground, history, driver, address: undefined, token, release: async () => {} };
  }

  /** Names of clients are the program's own. */
  #client(ground: RealGround, history: History, number: string, token: string): Prepared {
    const started = new Set<string>();
    const driver: Driver = {
      manifest: this.manifest,
      call: (op, args, done) => {
        const client = `${typeof args.client === 'string' ? args.client : this.role === 'producer' ? 'p' : 'c'}@${number}`;
        if (op.endsWith('.start')) started.add(client);
        if (op === 'close' || op === 'abandon') started.delete(client);
        this.#driver.call(op, { ...args, client }, settled(ground, done));
      },
      onTold: (listener) => this.#told.set(number, listener),
      close: async () => {},
    };
    const release = async (): Promise<void> => {
      await Promise.all([...started].map((client) => this.#end(client)));
      this.#told.delete(number);
    };
    return { ground, history, driver, address: undefined, token, release };
  }

  /** What a program has left running. A subject that cannot be killed is closed; one that does not end is left behind. */
  #end(client: string): Promise<void> {
    const op = this.manifest.abilities.includes('abandon') ? 'abandon' : 'close';
    return this.#letGo(op, { client });
  }

  /** Asks for an end, and does not wait for ever. */
  #letGo(op: string, args: JsonObject): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#letGoMs);
      this.#driver.call(op, args, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #server(ground: RealGround, history: History, program: Program, number: string, token: string): Promise<Prepared> {
    const setup = program.setup ?? {};
    const own = program.alone === true || program.setup !== undefined;
    if (!own) {
      this.#shared ??= this.#startShared(ground);
      return {
        ground,
        history,
        driver: this.#instance(this.#idOf('shared'), ground),
        address: await this.#shared,
        token,
        release: async () => {},
      };
    }
    const cluster = await this.#clusterFor(setup, ground, history, token);
    const settings = objectOf(setup, this.role === 'broker' ? 'broker' : 'nameServer');
    const args = {
      nameServers: [...(cluster?.nameServers ?? [])],
      ...(Object.keys(settings).length > 0 ? { settings } : {}),
      ...toldAtStart(setup),
    };
    const address = await this.#start(number, args, ground).catch((error: unknown) => {
      cluster?.close();
      throw error;
    });
    const driver = this.#instance(number, ground, args);
    const release = async (): Promise<void> => {
      await this.#letGo(this.manifest.abilities.includes('kill') ? 'kill' : 'stop', { server: number });
      cluster?.close();
    };
    return { ground, history, driver, address, token, ...(cluster === undefined ? {} : { cluster }), release };
  }

  /** The server of the programs that only talk. A broker has a NameServer of the kit, whose talk is nobody's history. */
  async #startShared(ground: RealGround): Promise<string> {
    const history = new History(() => ground.clock.nowMs());
    const cluster = await this.#clusterFor({ kit: { nameServers: 1 } }, this.#ground(), history, '');
    this.#joined = cluster;
    return this.#start(this.#idOf('shared'), { nameServers: [...(cluster?.nameServers ?? [])] }, ground);
  }

  /** Ends what is shared. The driver is its owner's to close. */
  close(): void {
    this.#joined?.close();
  }

  async #clusterFor(setup: JsonObject, ground: RealGround, history: History, token: string): Promise<KitCluster | undefined> {
    if (this.role !== 'broker' || !isObject(setup.kit)) return undefined;
    let connections = 1_000_000;
    const options = { ground, history, platform: nodePlatform, nextConnection: () => connections++, token };
    const cluster = new KitCluster({ ...options, setup: { brokers: 0, ...setup.kit } });
    await cluster.start();
    return cluster;
  }

  /** One server of the driver, by its id. */
  #instance(id: string, ground: RealGround, startArgs: JsonObject = {}): Driver {
    return {
      manifest: this.manifest,
      call: (op, args, done) => {
        // What a start does not say is as it was.
        const settings = { ...objectOf(startArgs, 'settings'), ...objectOf(args, 'settings') };
        const given = {
          role: this.role,
          schemes: [ground.scheme],
          ...startArgs,
          ...(Object.keys(settings).length > 0 ? { settings } : {}),
        };
        this.#driver.call(op, { ...args, ...(op === 'start' ? given : {}), server: id }, settled(ground, done));
      },
      onTold: () => {},
      close: async () => {},
    };
  }

  async #start(id: string, args: JsonObject, ground: RealGround): Promise<string> {
    let outcome: { address?: string; why?: string } | undefined;
    this.#driver.call('start', { server: id, role: this.role, schemes: [ground.scheme], ...args }, (error, ok) => {
      outcome = error === undefined ? endpointIn(ok, ground.scheme) : { why: error.text ?? error.kind };
      ground.changed();
    });
    await ground.until(() => outcome !== undefined, this.#startMs);
    if (outcome?.address === undefined)
      throw new HarnessError(`the subject did not start: ${outcome?.why ?? `no answer within ${this.#startMs} ms`}`);
    return outcome.address;
  }
}

const settled =
  (ground: RealGround, done: CallDone): CallDone =>
  (error, ok) => {
    done(error, ok);
    ground.changed();
  };
