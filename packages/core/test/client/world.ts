import { Client, type ClientOptions } from '../../src/client/client.ts';
import type { ClientEvent } from '../../src/client/host.ts';
import type { LiveFrame } from '../../src/connection/request.ts';
import type { Request, ServerHandler, ServerSession } from '../../src/connection/server-session.ts';
import { ServerSessions } from '../../src/connection/server-sessions.ts';
import { EngineContext } from '../../src/context.ts';
import type { ConnectionId, Input, Output } from '../../src/engine.ts';
import { QanatError } from '../../src/errors.ts';
import { Random } from '../../src/random.ts';
import type { HelloOkInit } from '../../src/wire/gen/messages.ts';
import { ServerRole } from '../../src/wire/gen/registry.ts';
import { testPlatform } from '../platform.ts';

interface Link {
  readonly client: ConnectionId;
  readonly server: FakeServer;
  readonly accepted: ConnectionId;
  open: boolean;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A server of which a test decides what it says. */
export abstract class FakeServer implements ServerHandler {
  readonly name: string;
  readonly address: string;
  readonly context: EngineContext;
  sessions: ServerSessions;
  /** `down` refuses connections; `hung` accepts them and says nothing. */
  state: 'up' | 'down' | 'hung' = 'up';
  /** Frames that came while the server was hung; it reads them when it goes on. */
  held: Input[] = [];

  constructor(name: string, address: string, random: Random) {
    this.name = name;
    this.address = address;
    this.context = new EngineContext(random);
    this.sessions = new ServerSessions(this.context, this, 1000);
  }

  abstract identity(): HelloOkInit;
  abstract onRequest(request: Request): void;
  onClosed(_session: ServerSession): void {}
  serves(_name: LiveFrame): boolean {
    return true;
  }

  handle(input: Input, nowMs: number): void {
    this.context.enter(nowMs);
    if (this.state === 'hung') this.held.push(input);
    else this.sessions.handle(input);
  }

  resume(nowMs: number): void {
    this.state = 'up';
    this.context.enter(nowMs);
    const held = this.held;
    this.held = [];
    for (const input of held) this.sessions.handle(input);
  }
}

/** One client and its servers on virtual time. */
export class World {
  nowMs = 1_000;
  readonly latencyMs = 0.25;
  readonly random: Random;
  readonly client: Client;
  readonly events: ClientEvent[] = [];
  readonly dialled: string[] = [];
  stopped = false;
  readonly #servers = new Map<string, FakeServer>();
  readonly #links = new Map<ConnectionId, Link>();
  #nextAccepted = 2;
  #queue: Event[] = [];
  #order = 0;

  constructor(options: Partial<ClientOptions> & { readonly nameServers: readonly string[]; readonly seed?: number }) {
    this.random = new Random(options.seed ?? 1);
    this.client = new Client({
      platform: testPlatform,
      random: new Random((options.seed ?? 1) + 7),
      schemes: ['qanat'],
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  add<S extends FakeServer>(server: S): S {
    this.#servers.set(server.address, server);
    return server;
  }

  /** Calls into the client as an application would. */
  call<T>(run: (client: Client) => T): T {
    this.client.enter(this.nowMs);
    const result = run(this.client);
    this.#drain();
    return result;
  }

  later(ms: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + ms, order: this.#order++, run });
  }

  /** Breaks every connection to the server: frames under way are lost. */
  cut(server: FakeServer): void {
    for (const link of [...this.#links.values()])
      if (link.server === server) this.#close(link, new QanatError('CONNECTION_LOST', 'reset'));
    this.#drain();
  }

  connections(server: FakeServer): number {
    return [...this.#links.values()].filter((link) => link.server === server && link.open).length;
  }

  run(ms: number): void {
    const endMs = this.nowMs + ms;
    this.#drain();
    for (;;) {
      const next = this.#next();
      const nextMs = Math.min(next?.atMs ?? Infinity, this.#deadline() ?? Infinity);
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      if (next !== undefined && next.atMs <= this.nowMs) {
        this.#queue.splice(this.#queue.indexOf(next), 1);
        next.run();
      } else this.#tick();
      this.#drain();
    }
    this.nowMs = endMs;
  }

  /** Runs until `done` says so. */
  until(done: () => boolean, maxMs = 60_000): void {
    const endMs = this.nowMs + maxMs;
    while (!done()) {
      if (this.nowMs >= endMs) throw new Error(`nothing came of it within ${maxMs} ms`);
      this.run(1);
    }
  }

  #next(): Event | undefined {
    let best: Event | undefined;
    for (const item of this.#queue)
      if (best === undefined || item.atMs < best.atMs || (item.atMs === best.atMs && item.order < best.order)) best = item;
    return best;
  }

  #deadline(): number | undefined {
    let ms = this.stopped ? undefined : this.client.nextDeadlineMs();
    for (const server of this.#servers.values()) {
      const own = server.state === 'hung' ? undefined : server.context.timers.nextDeadlineMs();
      if (own !== undefined && (ms === undefined || own < ms)) ms = own;
    }
    return ms;
  }

  #tick(): void {
    if (!this.stopped) this.client.tick(this.nowMs);
    for (const server of this.#servers.values()) {
      if (server.state === 'hung') continue;
      server.context.enter(this.nowMs);
      server.context.timers.tick(this.nowMs);
    }
  }

  #drain(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const output of this.client.drain()) {
        busy = true;
        this.#clientOutput(output);
      }
      for (const server of this.#servers.values()) {
        for (const output of server.context.drain()) {
          busy = true;
          this.#serverOutput(output);
        }
      }
    }
  }

  #clientOutput(output: Output): void {
    if (output.kind === 'stopped') this.stopped = true;
    else if (output.kind === 'connect') this.#connect(output.connection, output.address);
    else if (output.kind === 'send') {
      const link = this.#links.get(output.connection);
      const frame = join(output.parts);
      if (link?.open)
        this.later(
          this.latencyMs,
          () => link.open && link.server.handle({ kind: 'frame', connection: link.accepted, frame }, this.nowMs),
        );
    } else if (output.kind === 'close' || output.kind === 'abort') {
      const link = this.#links.get(output.connection);
      const error = output.kind === 'abort' ? output.error : undefined;
      if (link !== undefined) this.later(this.latencyMs, () => this.#close(link, error));
    }
  }

  #serverOutput(output: Output): void {
    if (!('connection' in output)) return;
    const link = [...this.#links.values()].find((one) => one.accepted === output.connection);
    if (link === undefined || !link.open) return;
    if (output.kind === 'send') {
      const frame = join(output.parts);
      this.later(
        this.latencyMs,
        () => link.open && this.client.handle({ kind: 'frame', connection: link.client, frame }, this.nowMs),
      );
    } else if (output.kind === 'close') this.later(this.latencyMs, () => this.#close(link, undefined));
  }

  #connect(connection: ConnectionId, address: string): void {
    this.dialled.push(address);
    const server = this.#servers.get(address.replace(/^[a-z]+:\/\//, ''));
    if (server === undefined || server.state === 'down') {
      const error = new QanatError('CONNECTION_FAILED', `${address}: connection refused`, { outcome: 'not-sent' });
      // Known as a closed link, so that a close of it is not reported twice.
      let told = false;
      const tell = (): void => {
        if (!told) this.client.handle({ kind: 'closed', connection, error }, this.nowMs);
        told = true;
      };
      return this.later(this.latencyMs, tell);
    }
    const accepted = this.#nextAccepted;
    this.#nextAccepted += 2;
    const link: Link = { client: connection, server, accepted, open: true };
    this.#links.set(connection, link);
    this.later(this.latencyMs, () => {
      if (!link.open) return;
      server.handle({ kind: 'accepted', connection: accepted, remote: 'client', listener: 'default' }, this.nowMs);
      this.client.handle({ kind: 'opened', connection }, this.nowMs);
    });
  }

  #close(link: Link, error: QanatError | undefined): void {
    if (!link.open) return;
    link.open = false;
    this.#links.delete(link.client);
    link.server.handle({ kind: 'closed', connection: link.accepted, error }, this.nowMs);
    this.client.handle({ kind: 'closed', connection: link.client, error }, this.nowMs);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const brokerIdentity = (name: string): HelloOkInit => ({
  software: 'fake',
  role: ServerRole.BROKER,
  name,
  storeId: new Uint8Array(16),
  term: 1,
});
export const nameServerIdentity = (name: string): HelloOkInit => ({ software: 'fake', role: ServerRole.NAMESERVER, name });
