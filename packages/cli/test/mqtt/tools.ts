// The tools of mosquitto and MQTT.js, unmodified, as devices of a bridge.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { createWebSocketStream, WebSocket } from 'ws';

// By the conditions of these tests MQTT.js gets the class of `ws` without what its CommonJS entry attaches to it.
Object.assign(WebSocket, { createWebSocketStream });

export type Version = '311' | '5';
export const VERSIONS: readonly Version[] = ['311', '5'];

/** Whether the tools of mosquitto are installed. */
export const hasMosquitto: boolean = ['mosquitto_pub', 'mosquitto_sub', 'stdbuf'].every(
  (tool) => spawnSync(tool, ['--help'], { stdio: 'ignore' }).error === undefined,
);
/** Whether its broker is. */
export const hasBroker: boolean = spawnSync('mosquitto', ['-h'], { stdio: 'ignore' }).error === undefined;

const GIVE_UP_S = '20';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A process of a tool, and what it has said. */
export class Tool {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  out = '';
  err = '';
  #watchers: (() => void)[] = [];

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stdout?.on('data', (chunk) => this.#said('out', chunk));
    this.process.stderr?.on('data', (chunk) => this.#said('err', chunk));
    this.ended = once(this.process, 'close').then(([code]) => ({ code: code as number | null, out: this.out, err: this.err }));
  }

  /** Resolves once it has said so, on either stream. */
  async says(text: string): Promise<void> {
    while (!`${this.out}${this.err}`.includes(text)) await this.more();
  }

  /** Resolves when it says anything more. */
  more(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  stop(): void {
    this.process.kill('SIGTERM');
  }

  #said(stream: 'out' | 'err', chunk: Buffer): void {
    this[stream] += chunk.toString();
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** Publishes, and ends. */
export const pub = (port: number, version: Version, ...args: string[]): Promise<Ended> =>
  new Tool('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), '-V', version, ...args]).ended;

/** Subscribes; resolves once SUBACK has come. `ended` comes after the messages of `-C`. */
export async function sub(port: number, version: Version, ...args: string[]): Promise<Tool> {
  const options = ['-h', '127.0.0.1', '-p', String(port), '-V', version, '-W', GIVE_UP_S, '-d'];
  // It writes whole blocks into a pipe otherwise.
  const tool = new Tool('stdbuf', ['-oL', 'mosquitto_sub', ...options, ...args]);
  await Promise.race([tool.says('Subscribed ('), tool.ended]);
  return tool;
}

/** What `mosquitto_sub -d` printed of messages: its own lines are about packets. */
export const messagesIn = ({ out }: { readonly out: string }): string[] =>
  out.split('\n').filter((line) => line !== '' && !/^(Client |Subscribed \()/.test(line));

/** A device of MQTT.js, with all that has come for it. */
export interface Device {
  readonly client: MqttClient;
  readonly received: IPublishPacket[];
  readonly sessionPresent: boolean;
  /** Resolves when so many messages have come. */
  has(count: number): Promise<void>;
}

export async function device(url: string, options: IClientOptions): Promise<Device> {
  const received: IPublishPacket[] = [];
  const watchers: (() => void)[] = [];
  let sessionPresent = false;
  const client = connect(url, { reconnectPeriod: 0, ...options, manualConnect: true });
  client.on('connect', (packet) => {
    sessionPresent = packet.sessionPresent;
  });
  client.on('message', (_topic, _payload, packet) => {
    received.push(packet);
    for (const watcher of watchers.splice(0)) watcher();
  });
  const connected = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed')));
  });
  client.connect();
  await connected;
  return {
    client,
    received,
    sessionPresent,
    async has(count) {
      while (received.length < count) await new Promise<void>((resolve) => watchers.push(resolve));
    },
  };
}
