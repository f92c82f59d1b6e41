// NameServers, brokers and a client that asks, on virtual hosts: for what happens between them.
import { MemoryStorage, VirtualClock, VirtualNetwork } from '@qanat/simulator';
import {
  Broker,
  type BrokerOptions,
  ClientSession,
  type ClientSessionEvents,
  codecOfRequest,
  Driver,
  type Engine,
  EngineContext,
  type Input,
  type LiveFrame,
  NameServer,
  portablePlatform,
  QanatError,
  Random,
  type RequestInit,
  type ResponseHeader,
} from '../../src/index.ts';

interface BrokerNode {
  readonly engine: Broker;
  readonly driver: Driver;
  readonly disk: MemoryStorage;
  ready: boolean;
  stopped: boolean;
  fatal: QanatError | undefined;
}

/** Asks one server one thing. */
class Asker implements Engine {
  readonly context = new EngineContext(new Random(5));
  readonly session: ClientSession;

  constructor(address: string) {
    const events: ClientSessionEvents = { onOpen() {}, onPush() {}, onGoAway() {}, onClosed() {} };
    this.session = new ClientSession(this.context, events, address, {});
  }

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    if (!this.context.handle(input)) this.session.handle(input);
  }

  tick(nowMs: number): void {
    this.context.enter(nowMs);
    this.context.timers.tick(nowMs);
  }

  drain() {
    return this.context.drain();
  }

  nextDeadlineMs(): number | undefined {
    return this.context.timers.nextDeadlineMs();
  }
}

export class NamingWorld {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock);
  readonly nameServers = new Map<string, { readonly engine: NameServer; readonly driver: Driver }>();
  readonly addresses: readonly string[];
  /** What brokers told their operators: `host event address`. */
  readonly log: string[] = [];
  #seed = 1;

  constructor(nameServers = 2) {
    const names = Array.from({ length: nameServers }, (_, i) => `ns-${i + 1}`);
    this.addresses = names.map((name) => `${name}:7600`);
    for (const name of names) this.startNameServer(name);
  }

  startNameServer(name: string): void {
    const engine = new NameServer({ name, software: 'test', random: new Random(this.#seed++), warmupMs: 0 });
    const driver = new Driver(engine, { clock: this.clock, transports: [this.network.transport(name)] });
    this.nameServers.set(name, { engine, driver });
    driver.start();
    driver.listen(this.network.transport(name), `${name}:7600`, 'default', () => {});
  }

  killNameServer(name: string): void {
    this.nameServers.get(name)?.driver.kill(new QanatError('CLOSED', 'killed'));
    this.nameServers.delete(name);
    this.network.crash(name);
  }

  /** Starts a broker on a host, and waits a second. */
  startBroker(host: string, options: Partial<BrokerOptions> = {}, disk = new MemoryStorage(this.clock)): BrokerNode {
    const engine = new Broker({
      name: host,
      platform: portablePlatform,
      random: new Random(this.#seed++),
      nameServers: this.addresses,
      endpoints: [{ listener: 'default', scheme: 'mem', address: `${host}:7610` }],
      ...options,
    });
    const transport = this.network.transport(host);
    const driver: Driver = new Driver(engine, {
      clock: this.clock,
      transports: [transport],
      storage: disk,
      onLog: (_level, event, fields) => this.log.push(`${host} ${event} ${fields.address ?? ''}`.trim()),
      onReady: () => {
        node.ready = true;
        driver.listen(transport, `${host}:7610`, 'default', () => {});
      },
      onStopped: () => {
        node.stopped = true;
      },
      onFatal: (error) => {
        node.fatal = error;
      },
    });
    const node: BrokerNode = { engine, driver, disk, ready: false, stopped: false, fatal: undefined };
    driver.start();
    this.run(1_000);
    return node;
  }

  stopBroker(host: string, { engine, driver, disk }: BrokerNode): MemoryStorage {
    driver.enter((nowMs) => engine.stop(nowMs));
    driver.perform();
    this.run(6_000);
    this.network.crash(host);
    return disk.reopen();
  }

  killBroker(host: string, { driver, disk }: BrokerNode): MemoryStorage {
    driver.kill(new QanatError('CLOSED', 'killed'));
    this.network.crash(host);
    return disk.kill();
  }

  run(ms: number): void {
    this.clock.run(this.clock.nowMs() + ms);
  }

  /** What a NameServer knows: `name state topics`, sorted. */
  known(nameServer: string): string[] {
    const brokers = this.nameServers.get(nameServer)?.engine.brokers() ?? [];
    return brokers.map(({ name, away, topics }) => `${name} ${away ? 'away' : 'live'} ${topics}`).sort();
  }

  /** The frames of one answer. @throws QanatError. */
  ask<N extends LiveFrame>(address: string, name: N, header: RequestInit<N>): readonly ResponseHeader<N>[] {
    return this.askAll(address, name, [header])[0] ?? [];
  }

  askAll<N extends LiveFrame>(
    address: string,
    name: N,
    headers: readonly RequestInit<N>[],
  ): readonly (readonly ResponseHeader<N>[])[] {
    const asker = new Asker(address);
    const driver = new Driver(asker, { clock: this.clock, transports: [this.network.transport('asker')] });
    driver.start();
    const answers: (readonly ResponseHeader<N>[])[] = [];
    let failure: QanatError | undefined;
    driver.enter(() => {
      for (const header of headers) {
        asker.session.request<N>(name, header, { timeoutMs: 3_000, codec: codecOfRequest(name) }, (error, response) => {
          failure ??= error;
          answers.push(response.headers);
        });
      }
    });
    driver.perform();
    this.run(500);
    driver.kill(new QanatError('CLOSED', 'asked'));
    if (failure !== undefined) throw failure;
    return answers;
  }
}
