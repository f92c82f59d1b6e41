import type { KitCluster } from '../cluster/kit-cluster.ts';
import { DRIVER_ENDED, type Driver } from '../driver/driver.ts';
import type { Ground, Link } from '../ground/ground.ts';
import type { CallError } from '../history/event.ts';
import { HISTORY_FULL, type History } from '../history/history.ts';
import type { Json, JsonObject } from '../json.ts';
import { type Login, type User, usersIn } from '../users/user.ts';
import type { KitConnection } from './kit-connection.ts';
import { objectOf, type Program, sizeOf } from './program.ts';

export interface PlayParts {
  readonly program: Program;
  readonly ground: Ground;
  readonly history: History;
  readonly driver: Driver;
  /** Makes names of this program's own, so that programs do not meet in one subject. */
  readonly token: string;
  /** Where a server subject listens. */
  readonly address: string;
  /** Servers of the kit, for clients, and for a broker that registers. */
  readonly cluster: KitCluster | undefined;
  /** Who the kit is at a subject that asks, where the program does not say. */
  readonly login?: Login | undefined;
  /** Breaks the program off. */
  readonly signal?: AbortSignal | undefined;
}

/** How long the kit waits for an answer before it says that there is none. */
export const ANSWER_MS = 10_000;
/** And how long for the next ones, until the subject says something again. */
const MUTE_ANSWER_MS = 1_000;
/** A driver that does not answer for so long hangs. */
const CALL_MS = 60_000;

/** One run of a program: what its operations work with. */
export class Play {
  readonly program: Program;
  readonly ground: Ground;
  readonly history: History;
  readonly driver: Driver;
  readonly cluster: KitCluster | undefined;
  readonly token: string;
  readonly login: Login | undefined;
  /** Whom the subject knows. */
  users: readonly User[];
  /** Connections that the program has opened, in order. */
  readonly connections: KitConnection[] = [];
  /** Streams that operations of a family have opened by themselves: dropped when the program ends. */
  readonly links: Pick<Link, 'destroy'>[] = [];
  /** Values that steps have kept for later ones: `$name` in a header. */
  readonly kept = new Map<string, Json>();
  /** Where the subject listens; changes with a restart. */
  address: string;
  /** Whether a server under test was started, and not stopped or killed since. */
  isUp = true;
  /** Connections get numbers of one row, whoever opened them. */
  nextConnection = 1;
  readonly #signal: AbortSignal | undefined;
  #calls = 0;
  /** Why the driver can no longer be asked. */
  #driverEnd: string | undefined;
  /** What had come when the kit last waited for an answer in vain. */
  #receivedBeforeMute = -1;

  constructor(parts: PlayParts) {
    this.program = parts.program;
    this.ground = parts.ground;
    this.history = parts.history;
    this.driver = parts.driver;
    this.cluster = parts.cluster;
    this.token = parts.token;
    this.address = parts.address;
    this.users = usersIn(parts.program.setup?.users) ?? [];
    // A program that says who the users are says who the kit is as well.
    this.login = parts.program.setup?.users === undefined ? parts.login : undefined;
    this.#signal = parts.signal;
  }

  /** Whether what the subject, a broker, acknowledged survives a power cut: by its settings, else as the driver says. */
  get flush(): 'sync' | 'async' | 'unknown' {
    const { flush } = objectOf(this.program.setup ?? {}, 'broker');
    return flush === 'sync' || flush === 'async' ? flush : (this.driver.manifest.flush ?? 'unknown');
  }

  nowMs(): number {
    return this.ground.clock.nowMs();
  }

  /** `~orders` becomes a name of this program's own, `$id` a value that was kept, `{ $hex }` bytes; the rest stays. */
  value(json: Json): unknown {
    if (typeof json === 'string') {
      if (json.startsWith('~')) return `${json.slice(1)}${this.token}`;
      if (json.startsWith('$')) return this.kept.get(json.slice(1)) ?? 0;
      return json;
    }
    if (Array.isArray(json)) return json.map((one) => this.value(one));
    if (json === null || typeof json !== 'object') return json;
    const object = json as JsonObject;
    if (typeof object.$hex === 'string')
      return Uint8Array.from(object.$hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    if (typeof object.$bytes === 'number') return new Uint8Array(sizeOf(object, '$bytes'));
    if (typeof object.$text === 'number') return 'x'.repeat(sizeOf(object, '$text'));
    return Object.fromEntries(Object.entries(object).map(([name, one]) => [name, this.value(one)]));
  }

  /** A connection by its number, modulo how many there are; undefined when there is none. */
  connection(selector: number | undefined): KitConnection | undefined {
    if (this.connections.length === 0) return undefined;
    if (selector === undefined) return this.connections.at(-1);
    return this.connections[((selector % this.connections.length) + this.connections.length) % this.connections.length];
  }

  /** Lets time pass until the condition holds. False when it did not in time. @throws HarnessError when it is broken off. */
  async until(condition: () => boolean, withinMs: number = ANSWER_MS): Promise<boolean> {
    const isOver = (): boolean => this.#signal?.aborted === true || this.history.isFull || this.#driverEnd !== undefined;
    const held = await this.ground.until(() => isOver() || condition(), withinMs);
    if (!isOver()) return held;
    if (this.#driverEnd !== undefined) throw new HarnessError(this.#driverEnd);
    throw new HarnessError(this.history.isFull ? `the program was given up: ${HISTORY_FULL}` : 'the program was broken off');
  }

  /** Waits for an answer of the subject: not long for one that says nothing at all. */
  async untilAnswered(condition: () => boolean, withinMs: number = ANSWER_MS): Promise<void> {
    const isMute = this.#receivedBeforeMute === this.#received();
    if (await this.until(condition, isMute ? Math.min(withinMs, MUTE_ANSWER_MS) : withinMs)) return;
    if (isMute || withinMs >= ANSWER_MS) this.#receivedBeforeMute = this.#received();
  }

  /** Frames that have come. */
  #received(): number {
    return this.connections.reduce((sum, { received }) => sum + received, 0);
  }

  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  /** Notes something for the checkers. */
  note(note: string, args: Json): void {
    this.history.add({ kind: 'note', note, args });
  }

  /** Asks the driver, and waits for the answer. */
  async call(op: string, args: JsonObject, withinMs: number = CALL_MS): Promise<{ ok?: Json; error?: CallError }> {
    const pending = this.begin(op, args);
    const answered = await this.until(() => pending.done, withinMs);
    if (!answered) throw new HarnessError(`the driver did not answer ${op} within ${withinMs} ms`);
    return pending.error === undefined ? { ok: pending.ok ?? null } : { error: pending.error };
  }

  /** Asks the driver, and does not wait. */
  begin(op: string, args: JsonObject): { done: boolean; ok?: Json; error?: CallError } {
    const id = ++this.#calls;
    const pending: { done: boolean; ok?: Json; error?: CallError } = { done: false };
    this.history.add({ kind: 'call', id, op, args });
    this.driver.call(op, args, (error, ok) => {
      pending.done = true;
      if (error?.code === DRIVER_ENDED) this.#driverEnd = error.text ?? 'the driver ended';
      if (error === undefined) pending.ok = ok;
      else pending.error = error;
      this.history.add({ kind: 'result', id, op, ...(error === undefined ? { ok } : { error }) });
    });
    return pending;
  }
}

/** The kit itself, or the driver, could not do its part: no verdict on the subject. */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
}
