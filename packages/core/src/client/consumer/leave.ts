import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { GroupKind } from '../../wire/gen/registry.ts';
import { partsOf } from './frame-budget.ts';
import type { FinalOffset } from './releaser.ts';
import type { ConsumerScope } from './scope.ts';

const RETRY_MS = 200;

/**
 * Leaves the group at a broker. What does not fit in the control header of LEAVE is committed before it. Tries again until
 * `untilMs`, which may move meanwhile; then the broker finds out by itself that the member is gone. `done` is called once.
 */
export function sendLeave(
  scope: ConsumerScope,
  broker: string,
  finals: readonly FinalOffset[],
  untilMs: () => number,
  done: () => void,
): void {
  const { host, settings } = scope;
  const { engine } = host;
  const parts = partsOf(finals);
  const last = parts.pop() ?? [];
  const { group, instanceId: member } = settings;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    done();
  };
  const watch = (): void => {
    if (engine.nowMs() >= untilMs()) end();
    else engine.timers.at(untilMs(), watch);
  };
  const attempt = (): void => {
    if (ended) return;
    const timeoutMs = Math.min(host.settings.attemptMs, untilMs() - engine.nowMs());
    if (timeoutMs <= 0) return end();
    for (const offsets of parts)
      host.request(
        broker,
        'OFFSET_COMMIT',
        { group, member, offsets, kind: GroupKind.ASSIGNED },
        { timeoutMs, codec: CONSUMING_REQUESTS.OFFSET_COMMIT },
        () => {},
      );
    host.request(broker, 'LEAVE', { group, member, offsets: last }, { timeoutMs, codec: CONSUMING_REQUESTS.LEAVE }, (error) => {
      // UNKNOWN_MEMBER and the like: we are no member any more, as was asked for.
      const again = error?.retryable === true && error.code !== 'UNKNOWN_MEMBER' && error.code !== 'LEASE_FENCED';
      if (again) engine.timers.at(engine.nowMs() + (error.retryAfterMs ?? RETRY_MS), attempt);
      else end();
    });
  };
  watch();
  attempt();
}
