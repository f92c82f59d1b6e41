// A cluster of real processes on free ports of this machine, whose members can be stopped, killed, frozen and started again.
import { join } from 'node:path';
import { connect } from '@qanat/client';
import { freePort, runQanat, startServer } from './processes.mjs';

const OPEN = { scheme: 'qanat', args: () => [], commandArgs: [], connect: {} };

/** `broker-a/1` is replica 1 of broker-a. */
function namedAs(server) {
  const [name, replica] = server.split('/');
  if (replica === undefined) return ['--name', name];
  return ['--name', name, '--replica', replica, ...(replica === '0' ? [] : ['--slave'])];
}

export class Cluster {
  #trial;
  #servers = new Map();
  #addresses;
  #security;

  /**
   * @param security what makes the cluster a closed one: `scheme`, `args` of a server by its name, `commandArgs`, and `connect`,
   *   the options of clients. Default: everybody may do everything.
   */
  constructor(trial, security = OPEN) {
    this.#trial = trial;
    this.#security = security;
  }

  /** What clients are given. */
  get nameServers() {
    return this.#addresses.join(',');
  }

  addressOf(name) {
    return this.#servers.get(name).address;
  }

  server(name) {
    return this.#servers.get(name).process;
  }

  /**
   * @param before addresses that stand before those of the NameServers.
   * @param broker what the brokers get besides: `data` the directory of one by its name, `listen` further listeners,
   *   `args`, `env` and `nodeArgs`. One with a name such as `broker-a/1` is replica 1 of its group: 0 is its first master, the
   *   others are slaves, and NameServers keep records.
   * @param island where some servers run (`island.mjs`, `cabled-island.mjs`), by their names. Default: all are on loopback.
   */
  async start({ nameServers = ['ns-1'], brokers = ['broker-a', 'broker-b'], before = [], broker = {}, island } = {}) {
    this.#trial.atEnd(() => this.stop());
    const addresses = new Map();
    const wires = new Map();
    const hostOf = (name) => island?.hostOf(name) ?? '127.0.0.1';
    for (const name of [...nameServers, ...brokers]) {
      addresses.set(name, `${hostOf(name)}:${await freePort()}`);
      wires.set(name, (await island?.wire(name, addresses.get(name))) ?? { listen: [], args: [] });
    }
    const keepsRecords = brokers.some((name) => name.includes('/'));
    const { scheme, args: secured } = this.#security;
    this.#addresses = [...before, ...nameServers.map((name) => `${scheme}://${addresses.get(name)}`)];
    for (const name of nameServers) {
      const address = addresses.get(name);
      const listen = [`${scheme}://${address}`, ...wires.get(name).listen].join(',');
      const args = ['nameserver', '--name', name, '--listen', listen, ...wires.get(name).args, ...secured(name)];
      if (keepsRecords) args.push('--data', join(this.#trial.directory, name));
      this.#servers.set(name, { address, args, process: undefined });
    }
    for (const name of brokers) {
      const address = addresses.get(name);
      const data = broker.data?.(name) ?? join(this.#trial.directory, name.replace('/', '-'));
      const wire = wires.get(name);
      const listen = [`${scheme}://${address}`, ...wire.listen, ...(broker.listen ?? [])].join(',');
      const args = ['broker', ...namedAs(name), '--listen', listen, '--data', data, '--create-topics', ...(broker.args ?? [])];
      args.push(...wire.args, ...secured(name));
      const settings = { env: broker.env, nodeArgs: broker.nodeArgs, inside: island?.commandOf(name) };
      const known = island?.nameServersFor(name, this.nameServers) ?? this.nameServers;
      this.#servers.set(name, { address, args: [...args, '--nameserver', known], process: undefined, settings });
    }
    await Promise.all(nameServers.map((name) => this.startAgain(name)));
    await Promise.all(brokers.map((name) => this.startAgain(name)));
    return this;
  }

  /** The same data, the same port. Resolves when the server is ready. */
  async startAgain(name) {
    const server = this.#servers.get(name);
    const spawned = (process) => {
      server.process = process;
    };
    const sinceMs = performance.now();
    await startServer(server.args, this.#trial.log(name), spawned, server.settings);
    server.readyMs = performance.now() - sinceMs;
  }

  end(name, signal) {
    return this.server(name).end(signal);
  }

  freeze(name) {
    this.server(name).freeze();
  }

  thaw(name) {
    this.server(name).thaw();
  }

  /** From the start of the process until it said that it is ready, the last time. */
  readyMs(name) {
    return this.#servers.get(name).readyMs;
  }

  /** Runs one command of the command line. */
  qanat(...args) {
    return this.qanatWith(this.#addresses, ...args);
  }

  /** As `qanat`, with NameServers of the caller's choice. */
  qanatWith(addresses, ...args) {
    return runQanat([...args, '--nameserver', addresses.join(','), ...this.#security.commandArgs], this.#trial.log('commands'));
  }

  /** Creates the topic as an operator does. */
  async createTopic(topic, queues) {
    const { code, notes } = await this.qanat('topic', 'create', topic, '--queues', String(queues));
    if (code !== 0) throw new Error(`topic create ended with ${code}: ${notes.join(' ')}`);
  }

  /** @returns a client whose events are kept. */
  async connect(label) {
    const client = await connect(this.nameServers, { label, ...this.#security.connect });
    const events = [];
    client.onEvent((event) => events.push({ atMs: performance.now(), ...event }));
    this.#trial.atEnd(() => client.close({ drain: false }));
    return { client, events };
  }

  /** Ends what still runs. */
  async stop() {
    const servers = [...this.#servers.values()].map(({ process }) => process);
    await Promise.all(servers.map((process) => process?.end('SIGKILL')));
  }
}
