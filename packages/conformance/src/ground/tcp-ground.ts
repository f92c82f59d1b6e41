import { connect } from 'node:net';
import { parseHostPort, QanatError, type Transport } from '@qanat/core';
import { systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import type { Ground, Link, LinkHandler } from './ground.ts';
import { listenByHand } from './kit-socket.ts';
import { Lateness } from './lateness.ts';

/** What a machine may add to a time that a rule names: a wait for the disk, a pause of a collector. */
const SLACK_MS = 400;
/** Kit and subject may be as late each. */
const BOTH = 2;
/** What changes within servers of the kit is told by nobody: conditions are looked at this often. */
const LOOK_MS = 50;

interface Waiting {
  look(): void;
}

let lateness: Lateness | undefined;

/** Real sockets and real time, on this machine or towards another. */
export class TcpGround implements Ground {
  readonly timing = 'real';
  readonly binding = 'tcp';
  readonly scheme = 'qanat';
  readonly clock = systemClock;
  readonly #leastSlackMs: number;
  readonly #sinceMs = systemClock.nowMs();
  readonly #lateness: Lateness;
  readonly #transport: Transport;
  readonly #waiting = new Set<Waiting>();

  /** @param transport default: one that listens with sockets of the kit, for its own servers. */
  constructor(slackMs: number = SLACK_MS, transport?: Transport) {
    this.#leastSlackMs = slackMs;
    this.#transport = transport ?? { ...tcpTransport(), listen: listenByHand([this.scheme]) };
    lateness ??= new Lateness(systemClock.nowMs).watch();
    this.#lateness = lateness;
  }

  /** Grows with what this machine was seen to be late. */
  get slackMs(): number {
    return this.#leastSlackMs + BOTH * this.#lateness.sinceMs(this.#sinceMs);
  }

  until(condition: () => boolean, withinMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (held: boolean): void => {
        cancel();
        clearInterval(looking);
        this.#waiting.delete(waiting);
        resolve(held);
      };
      const cancel = this.clock.at(this.clock.nowMs() + withinMs, () => settle(condition()));
      const waiting = { look: () => condition() && settle(true) };
      const looking = setInterval(waiting.look, LOOK_MS);
      this.#waiting.add(waiting);
    });
  }

  changed(): void {
    for (const waiting of [...this.#waiting]) waiting.look();
  }

  dial(address: string, handler: LinkHandler): Link {
    const { host, port } = parseHostPort(address, [this.scheme]);
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    let failure: Error | undefined;
    socket.on('connect', () => handler.onOpen());
    socket.on('data', (bytes) => handler.onBytes(new Uint8Array(bytes)));
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => handler.onClose(failure && new QanatError('CONNECTION_LOST', failure.message)));
    return {
      write: (bytes) => void socket.write(bytes),
      end: () => void socket.end(),
      destroy: () => {
        // A socket that shuts down cannot be reset: Node would keep its handle for ever, and the kit would not exit.
        if (!socket.writableEnded) socket.resetAndDestroy();
        socket.destroy();
      },
      setReading: (on) => void (on ? socket.resume() : socket.pause()),
    };
  }

  transport(): Transport {
    return this.#transport;
  }

  listenAddress(): string {
    return '127.0.0.1:0';
  }
}
