import type { QanatError } from '../errors.ts';
import type { Listener, Transport } from '../transport.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { Recorder } from './recorder.ts';
import { expect, expectEqual, TURNS_MAX } from './runner.ts';

/** A transport under test. Each test makes its own and ends it. */
export interface TransportHarness {
  readonly dialling: Transport;
  readonly listening: Transport;
  /** Where to listen: an address whose port is free, or 0. */
  readonly listenAddress: string;
  /** An address that can be dialled and where nobody listens. */
  readonly nobody: string;
  /** Lets time or the event loop go on a little. */
  turn(): Promise<void>;
  /**
   * Turns that a test waits for something to happen. Default 200,000, which is much in virtual time. Real sockets and disks
   * take their
   * time whatever the turns: give Infinity, and let the runner's time-out end a test.
   */
  readonly turnsMax?: number;
  /** Frees what the harness holds. */
  end(): Promise<void> | void;
}

/** A frame whose length field says `length`, filled so that a byte out of place shows. */
export function testFrame(length: number, seed = 0): Uint8Array {
  const frame = new Uint8Array(4 + length);
  new DataView(frame.buffer).setUint32(0, length);
  let value = (seed * 2_654_435_761) >>> 0;
  for (let at = 4; at < frame.length; at++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    frame[at] = value >>> 24;
  }
  return frame;
}

/** The shortest frame. */
export const shortFrame = (seed = 0): Uint8Array => testFrame(FRAME_HEADER_BYTES - 4, seed);

/** One listener and the pairs that were made through it. */
export class TransportBench {
  readonly harness: TransportHarness;
  readonly recorders: Recorder[] = [];
  readonly accepted: Recorder[] = [];
  /** Runs while a connection is being accepted. */
  whenAccepted: ((recorder: Recorder) => void) | undefined;
  #listener: Listener | undefined;

  constructor(harness: TransportHarness) {
    this.harness = harness;
  }

  get address(): string {
    return this.listener.address;
  }

  get listener(): Listener {
    if (this.#listener === undefined) throw new Error('nobody listens');
    return this.#listener;
  }

  async listen(): Promise<void> {
    const result = await this.listenAt(this.harness.listenAddress);
    expect(result.listener !== undefined, `listening failed: ${result.error?.message}`);
    this.#listener = result.listener;
  }

  async listenAt(address: string): Promise<{ error: QanatError | undefined; listener: Listener | undefined }> {
    let result: { error: QanatError | undefined; listener: Listener | undefined } | undefined;
    this.harness.listening.listen(
      address,
      (connection) => {
        const recorder = this.#recorder();
        recorder.attach(connection);
        this.accepted.push(recorder);
        this.whenAccepted?.(recorder);
        return recorder;
      },
      (error, listener) => {
        result = { error, listener };
      },
    );
    await this.until(() => result !== undefined, 'listen is done');
    return result as unknown as { error: QanatError | undefined; listener: Listener | undefined };
  }

  dial(address: string = this.address): Recorder {
    const recorder = this.#recorder();
    recorder.attach(this.harness.dialling.dial(address, recorder));
    return recorder;
  }

  /** An open connection, with the limit of frames raised at both ends. */
  async pair(): Promise<{ client: Recorder; server: Recorder }> {
    const count = this.accepted.length;
    const client = this.dial();
    await this.until(() => client.opens === 1 && this.accepted.length > count, 'the connection opens');
    const server = this.accepted[count] as Recorder;
    client.connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
    server.connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
    return { client, server };
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      expect(turns < (this.harness.turnsMax ?? TURNS_MAX), `waited in vain until ${what}`);
      await this.harness.turn();
    }
  }

  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.harness.turn();
  }

  /** Closes everything, waits for each onClose and reports breaches of the port's rules. */
  async end(): Promise<void> {
    for (const recorder of this.recorders) {
      recorder.connection.setReading(true);
      recorder.close();
    }
    await this.until(() => this.recorders.every(({ closes }) => closes.length > 0), 'everything is closed');
    let stopped = this.#listener === undefined;
    this.#listener?.close(() => {
      stopped = true;
    });
    await this.until(() => stopped, 'the listener is closed');
    for (const recorder of this.recorders) {
      expectEqual(recorder.breaches.join('; '), '', 'breaches');
      expectEqual(recorder.closes.length, 1, 'calls of onClose');
    }
  }

  #recorder(): Recorder {
    const recorder = new Recorder();
    this.recorders.push(recorder);
    return recorder;
  }
}

/** Defines one test of the suite. */
export type TransportTest = (title: string, run: (bench: TransportBench) => Promise<void>) => void;
