// `qanat dev` and `qanat bridge mqtt` inside the test, as a user has them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Message, type QanatClient } from '@qanat/client';
import { run } from '../../src/index.ts';
import { FakeIo } from '../fake-io.ts';

interface Endpoint {
  readonly scheme: string;
  readonly address: string;
}

/** A command that serves until it is stopped. */
export class Served {
  readonly io: FakeIo;
  readonly ended: Promise<number>;
  ready: Record<string, unknown> = {};

  private constructor(io: FakeIo, ended: Promise<number>) {
    this.io = io;
    this.ended = ended;
  }

  static async start(argv: readonly string[]): Promise<Served> {
    const io = new FakeIo();
    const served = new Served(io, run([...argv, '--json', '--log-level', 'warn'], io));
    await Promise.race([io.stdout.has('\n'), served.ended]);
    if (io.objects[0] === undefined) throw new Error(io.stderr.text);
    served.ready = io.objects[0];
    return served;
  }

  async stop(): Promise<number> {
    this.io.signal('SIGINT');
    return this.ended;
  }
}

/** The port of the first listener of a scheme. */
export function portOf(endpoints: unknown, scheme: string): number {
  const found = (endpoints as readonly Endpoint[]).find((one) => one.scheme === scheme);
  return Number(found?.address.split(':').at(-1));
}

/** A development cluster with its bridge, and a client of the cluster. */
export class BridgeWorld {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'qanat-mqtt-'));
  #dev: Served | undefined;
  #client: QanatClient | undefined;

  async start(): Promise<void> {
    this.#dev = await Served.start(['dev', '--data', join(this.folder, 'data')]);
    this.#client = await connect(this.nameServer);
  }

  get dev(): Served {
    return this.#dev as Served;
  }

  get client(): QanatClient {
    return this.#client as QanatClient;
  }

  get nameServer(): string {
    return String(this.dev.ready.endpoint);
  }

  /** Of the bridge inside `qanat dev`. */
  port(scheme: 'mqtt' | 'mqtt+ws' = 'mqtt'): number {
    return portOf((this.dev.ready.mqtt as { endpoints: unknown }).endpoints, scheme);
  }

  /** The messages of a topic of the cluster that are wanted, once there are so many. */
  async messages(topic: string, count: number, isWanted: (message: Message) => boolean): Promise<Message[]> {
    for (;;) {
      const found: Message[] = [];
      for await (const message of this.client.pullConsumer().read(topic, { from: 'first', until: 'end' }))
        if (isWanted(message)) found.push(message);
      if (found.length >= count) return found;
    }
  }

  async stop(): Promise<void> {
    await this.#client?.close();
    await this.#dev?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
