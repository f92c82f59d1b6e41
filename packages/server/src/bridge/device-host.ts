import type { DeviceEngine } from './device-engine.ts';
import type { DeviceEntrance, DeviceSockets } from './device-sockets.ts';

/** The timer looks at least so often whether the wall clock has moved. */
const CLOCK_LOOK_MS = 1_000;
/** The wall clock is told anew when it has moved so far. */
const CLOCK_STEP_MS = 50;
/** Devices that do not leave within it are dropped when the server stops. */
export const STOP_DEADLINE_MS = 5_000;

/** Time and timers of a process. */
export interface HostClock {
  /** Monotonic, ms. */
  nowMs(): number;
  /** ms since 1970. */
  wallMs(): number;
  /** @returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const processClock: HostClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Drives an MQTT engine: gives it the time, and wakes it when it wants to be. */
export class DeviceHost implements DeviceEntrance {
  readonly #clock: HostClock;
  readonly #userOf: DeviceEntrance['userOfCertificate'];
  #engine: DeviceEngine | undefined;
  #offsetMs = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(userOf: DeviceEntrance['userOfCertificate'], clock: HostClock = processClock) {
    this.#userOf = userOf;
    this.#clock = clock;
  }

  /** From now on the engine is driven. */
  start(engine: DeviceEngine): void {
    this.#engine = engine;
    this.#offsetMs = this.#clock.wallMs() - this.#clock.nowMs();
    engine.wallClock(this.#offsetMs);
    this.#arm();
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  userOfCertificate(names: readonly string[] | undefined): string | undefined {
    return this.#userOf(names);
  }

  enter(run: (engine: DeviceEngine, nowMs: number) => void): void {
    if (this.#engine === undefined) return;
    run(this.#engine, this.#clock.nowMs());
    this.#arm();
  }

  /** Lets devices leave: they are told, and have STOP_DEADLINE_MS to go. The engine is driven until they are gone. */
  async stop(sockets: DeviceSockets): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      sockets.onEmpty = resolve;
      if (sockets.size === 0) resolve();
    });
    this.enter((engine, nowMs) => engine.stop(nowMs));
    const cancel = this.#clock.after(STOP_DEADLINE_MS, () => sockets.abortWhere(() => true));
    await gone;
    cancel();
  }

  /** The engine is driven no more. */
  end(): void {
    this.#engine = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** One timer for all deadlines: it is set anew only when an earlier one has come. */
  #arm(): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    const nowMs = this.#clock.nowMs();
    const wantedMs = Math.min(engine.nextDeadlineMs() ?? Number.POSITIVE_INFINITY, nowMs + CLOCK_LOOK_MS);
    if (this.#cancel !== undefined && this.#dueMs <= wantedMs) return;
    this.#cancel?.();
    this.#dueMs = wantedMs;
    // Timers may fire up to one millisecond early.
    this.#cancel = this.#clock.after(Math.max(0, Math.ceil(wantedMs - nowMs)), this.#wake);
  }

  readonly #wake = (): void => {
    this.#cancel = undefined;
    const engine = this.#engine;
    if (engine === undefined) return;
    this.#lookAtClock(engine);
    const nowMs = this.#clock.nowMs();
    if ((engine.nextDeadlineMs() ?? Number.POSITIVE_INFINITY) <= nowMs) engine.tick(nowMs);
    this.#arm();
  };

  #lookAtClock(engine: DeviceEngine): void {
    const offsetMs = this.#clock.wallMs() - this.#clock.nowMs();
    if (Math.abs(offsetMs - this.#offsetMs) < CLOCK_STEP_MS) return;
    this.#offsetMs = offsetMs;
    engine.wallClock(offsetMs);
  }
}
