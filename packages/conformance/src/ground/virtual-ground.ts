import { type Connection, type ConnectionHandler, LIMITS, parseHostPort, QanatError, type Transport } from '@qanat/core';
import { VirtualClock, VirtualNetwork } from '@qanat/simulator';
import type { Ground, Link, LinkHandler } from './ground.ts';

const LATENCY_MS = 0.2;
/** What a subject may add on virtual time: the way there and back, and its own disk. */
const SLACK_MS = 5;

/** Everything in this process, on virtual time: a minute costs nothing, and the same program gives the same history. */
export class VirtualGround implements Ground {
  readonly timing = 'virtual';
  readonly binding = 'memory';
  readonly scheme = 'mem';
  readonly slackMs: number;
  readonly clock = new VirtualClock();
  readonly network: VirtualNetwork;
  #host = 0;
  /** Of the certificates that hosts of the kit show. */
  readonly #certificates = new Map<string, readonly string[]>();

  /** @param latencyMs one way between two hosts. */
  constructor(latencyMs: number = LATENCY_MS) {
    this.slackMs = SLACK_MS + 4 * (latencyMs - LATENCY_MS);
    this.network = new VirtualNetwork(this.clock, { latencyMs });
  }

  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    return this.clock.runUntil(condition, this.clock.nowMs() + withinMs);
  }

  changed(): void {}

  /** Each connection of the kit comes from a host of its own. */
  dial(address: string, handler: LinkHandler, _greeting?: Uint8Array, certificateNames?: readonly string[]): Link {
    const host = `kit-${++this.#host}`;
    if (certificateNames !== undefined) this.#certificates.set(host, certificateNames);
    return linkOver(this.transport(host), address, handler);
  }

  greetingFor(): Uint8Array {
    return new Uint8Array(0);
  }

  told(address: string): string {
    return address;
  }

  transport(host: string): Transport {
    const transport = this.network.transport(host);
    return {
      ...transport,
      listen: (address, accept, done) => transport.listen(address, (connection) => accept(this.#verified(connection)), done),
    };
  }

  /** What TLS would have found out about the peer. */
  #verified(connection: Connection): Connection {
    const certificateNames = this.#certificates.get(parseHostPort(connection.remote, [this.scheme]).host);
    return certificateNames === undefined ? connection : Object.assign(connection, { certificateNames });
  }

  listenAddress(host: string, port: number): string {
    return `${host}:${port}`;
  }
}

/** The bytes of a connection that moves frames: in memory it takes pieces of frames as well. */
function linkOver(transport: Transport, address: string, handler: LinkHandler): Link {
  let connection: Connection | undefined;
  const told: ConnectionHandler = {
    onOpen: () => {
      connection?.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX * 2);
      handler.onOpen();
    },
    onFrame: (frame) => handler.onBytes(frame.slice()),
    onFramesEnd: () => {},
    onBadBytes: (error) => handler.onBadBytes?.(error),
    onDrain: () => {},
    onClose: (error: QanatError | undefined) => handler.onClose(error),
  };
  connection = transport.dial(address, told);
  const link = connection;
  return {
    write: (bytes) => {
      link.send([bytes]);
      link.flush();
    },
    end: () => link.close(),
    destroy: () => link.abort(brokenOff()),
    setReading: (on) => link.setReading(on),
  };
}

const brokenOff = (): QanatError => new QanatError('CONNECTION_LOST', 'the kit broke the connection off');
