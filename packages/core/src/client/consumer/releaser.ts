import { codeOfWireNumber, errorClass, type QanatError } from '../../errors.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { partsOf } from './frame-budget.ts';
import { queueKey } from './puller.ts';
import type { ConsumerScope } from './scope.ts';

const RETRY_MS = 500;

export interface FinalOffset {
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
  readonly leaseEpoch: number;
}

/** Gives queues back with their final offsets, again and again until the broker has said yes or that they are not ours. */
export class Releaser {
  readonly #scope: ConsumerScope;
  readonly #broker: string;
  readonly #ready: () => boolean;
  #waiting: FinalOffset[] = [];
  #pending = 0;
  /** The broker asked for no RELEASE before. */
  #restUntilMs = 0;
  #stopped = false;

  constructor(scope: ConsumerScope, broker: string, ready: () => boolean) {
    this.#scope = scope;
    this.#broker = broker;
    this.#ready = ready;
  }

  /** What the broker has not yet acknowledged, for LEAVE. */
  get waiting(): readonly FinalOffset[] {
    return this.#waiting;
  }

  add(offset: FinalOffset): void {
    this.#waiting.push(offset);
    this.flush();
  }

  stop(): void {
    this.#stopped = true;
  }

  flush(): void {
    if (this.#stopped || this.#pending > 0 || !this.#ready()) return;
    if (this.#scope.host.engine.nowMs() < this.#restUntilMs) return;
    for (const part of partsOf(this.#waiting)) this.#send(part);
  }

  #send(offsets: readonly FinalOffset[]): void {
    const { host, settings } = this.#scope;
    this.#pending++;
    const header = { group: settings.group, member: settings.instanceId, offsets };
    const options = { timeoutMs: host.settings.attemptMs, codec: CONSUMING_REQUESTS.RELEASE };
    host.request(this.#broker, 'RELEASE', header, options, (error, response) => {
      this.#pending--;
      if (error === undefined) {
        const codes = new Map(response.header.results.map((result) => [queueKey(result.topic, result.queue), result.code]));
        this.#settled(offsets, (item) => codes.get(queueKey(item.topic, item.queue)) ?? 0);
      } else this.#failed(offsets, error);
      if (this.#waiting.length === 0 || this.#stopped) return;
      const retryMs = error?.retryAfterMs ?? RETRY_MS;
      this.#restUntilMs = error?.retryAfterMs === undefined ? 0 : host.engine.nowMs() + retryMs;
      host.engine.timers.at(host.engine.nowMs() + retryMs, () => this.flush());
    });
  }

  #settled(offsets: readonly FinalOffset[], codeOf: (item: FinalOffset) => number): void {
    const ended = new Set(offsets.filter((item) => isFinal(codeOf(item))));
    this.#waiting = this.#waiting.filter((item) => !ended.has(item));
  }

  #failed(offsets: readonly FinalOffset[], error: QanatError): void {
    if (error.wireNumber !== 0) this.#settled(offsets, () => error.wireNumber);
  }
}

/** Given back, or refused for good: the lease is another's, or the broker takes it when its time is over. */
function isFinal(number: number): boolean {
  const code = number === 0 ? undefined : codeOfWireNumber(number);
  return code === undefined || code === 'LEASE_FENCED' || code === 'UNKNOWN_MEMBER' || errorClass(number) === 4;
}
