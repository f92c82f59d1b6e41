import type { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import type { BrokerShare } from './broker-share.ts';
import type { ConsumerScope } from './scope.ts';

/** After the handlers' time is over: to leave the groups. */
const LEAVE_MS = 3_000;
/** The same for a broker that restarts: as long as it waits for a member of before. */
const LEAVE_RESTARTED_MS = LIMITS.MEMBER_SESSION_MS;

/** The end of a consumer: handlers, then the groups, then the caller; each with a deadline. */
export class Closing {
  /** Nothing is pulled or handed out any more. */
  begun = false;
  readonly #scope: ConsumerScope;
  readonly #shares: () => readonly BrokerShare[];
  readonly #onEnded: (error: QanatError | undefined) => void;
  #done: (() => void)[] = [];
  #error: QanatError | undefined;
  #leaving = false;
  #ended = false;
  #deadline: Timer | undefined;

  constructor(scope: ConsumerScope, shares: () => readonly BrokerShare[], onEnded: (error: QanatError | undefined) => void) {
    this.#scope = scope;
    this.#shares = shares;
    this.#onEnded = onEnded;
  }

  /**
   * A second call without `drain` ends the wait for handlers.
   * @param error why the consumer ends by itself; the first one counts.
   */
  begin(drain: boolean, error: QanatError | undefined, done: () => void): void {
    if (this.#ended) return done();
    this.#done.push(done);
    const { engine } = this.#scope.host;
    if (!this.begun) {
      this.begun = true;
      this.#error = error;
      this.#scope.dispatcher.stop();
      this.#deadline = engine.timers.at(engine.nowMs() + this.#scope.settings.releaseMs, () => this.#leave());
    }
    if (!drain || !this.#scope.dispatcher.busy) this.#leave();
  }

  /** Ends now, without a word to anybody. */
  abort(error: QanatError): void {
    if (this.#ended) return;
    if (!this.begun) this.#error = error;
    this.begun = true;
    this.#leaving = true;
    this.#scope.dispatcher.stop();
    for (const share of this.#shares()) share.abandon();
    this.#end();
  }

  /** A handler may have been the last. */
  onPumped(): void {
    if (!this.#scope.dispatcher.busy) this.#leave();
  }

  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#deadline?.cancel();
    const { engine } = this.#scope.host;
    const untilMs = engine.nowMs() + LEAVE_MS;
    const restartedMs = engine.nowMs() + LEAVE_RESTARTED_MS;
    this.#deadline = engine.timers.at(restartedMs, () => this.#end());
    const shares = this.#shares();
    let left = shares.length;
    if (left === 0) return this.#end();
    for (const share of shares) {
      share.leave(untilMs, restartedMs, () => {
        left--;
        if (left === 0) this.#end();
      });
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline?.cancel();
    this.#onEnded(this.#error);
    const done = this.#done;
    this.#done = [];
    for (const call of done) call();
  }
}
