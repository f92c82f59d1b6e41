import type { CallDone, Driver, Manifest } from '../../driver/driver.ts';
import type { Ground } from '../../ground/ground.ts';
import { inProcessSite } from '../../run/in-process-site.ts';
import type { Site } from '../../run/run-program.ts';
import type { Fault } from './faults.ts';
import { ModelServer } from './model-server.ts';
import { type ServerEnd, StreamGround } from './stream-ground.ts';

/** What listens for devices. */
export type Listens = (ground: StreamGround) => { restart?(): void };

const MANIFEST: Manifest = { name: 'model', version: '0', roles: ['bridge'], abilities: ['kill', 'stop'] };

/** A server of MQTT in this process, as a subject. */
class ModelDriver implements Driver {
  readonly manifest = MANIFEST;
  readonly #server: ReturnType<Listens>;

  constructor(ground: StreamGround, listens: Listens) {
    this.#server = listens(ground);
  }

  call(op: string, _args: unknown, done: CallDone): void {
    if (op === 'kill' || op === 'stop') this.#server.restart?.();
    done(undefined, op === 'start' ? { address: 'model:1883' } : {});
  }

  onTold(): void {}

  async close(): Promise<void> {}
}

/** A subject that listens for streams in this process, on virtual time. */
export const streamSite = (listens: Listens): Site & { readonly manifest: Manifest } => ({
  ...inProcessSite({
    role: 'bridge',
    ground: () => new StreamGround(),
    driver: (ground: Ground) => new ModelDriver(ground as StreamGround, listens),
  }),
  manifest: MANIFEST,
});

/** The model server, with faults where some are named, on virtual time. */
export const modelSite = (...faults: readonly Fault[]): Site & { readonly manifest: Manifest } =>
  streamSite((ground) => new ModelServer(ground, faults));

const echo = (end: ServerEnd): void => {
  end.onBytes = (bytes) => end.write(bytes);
};

/** CONNACK of 3.1.1 and 5.0, and behind it an acknowledgement for whatever comes. */
const yes = (end: ServerEnd): void => {
  end.onBytes = (bytes) => {
    const type = (bytes[0] ?? 0) >> 4;
    const isNew = bytes.includes(5);
    if (type === 1) return end.write(Uint8Array.from(isNew ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]));
    if (type === 12) return end.write(Uint8Array.of(0xd0, 0));
    if (type === 8) return end.write(Uint8Array.from([0x90, 3, bytes[2] ?? 0, bytes[3] ?? 1, 1]));
    if (type === 6) return end.write(Uint8Array.from([0x70, 2, bytes[2] ?? 0, bytes[3] ?? 1]));
    if (type === 3) end.write(Uint8Array.from([0x40, 2, 0, 1]));
  };
};

/** Listeners that do no work of a server of MQTT. */
export const DEGENERATE_BRIDGES: Readonly<Record<string, Listens>> = {
  'nothing listens': () => ({}),
  'takes links and says nothing': (ground) => listening(ground, () => {}),
  'ends every link': (ground) => listening(ground, (end) => end.end()),
  'gives back what it is sent': (ground) => listening(ground, echo),
  'says yes to everything': (ground) => listening(ground, yes),
  'accepts, acknowledges and drops': (ground) => new ModelServer(ground, ['acknowledges and drops']),
};

export const degenerateBridge = (name: string): Site & { readonly manifest: Manifest } =>
  streamSite(DEGENERATE_BRIDGES[name] as Listens);

function listening(ground: StreamGround, accept: (end: ServerEnd) => void): { restart?(): void } {
  ground.listen(accept);
  return {};
}
