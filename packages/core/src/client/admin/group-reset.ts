import { codeOfWireNumber, type QanatError } from '../../errors.ts';
import { ADMINISTRATION_REQUESTS, type GroupResetInit, type GroupResetOk } from '../../wire/gen/administration-messages.ts';
import { Position } from '../../wire/gen/registry.ts';
import type { StartPosition } from '../consumer/options.ts';
import type { ClientHost } from '../host.ts';
import type { GroupDescription, ResetStep } from './admin-types.ts';
import { compareQueues } from './group-view.ts';

/** A place in each queue. */
export type ResetPlace = StartPosition | { readonly offset: number };
/** `moveBy`: so many messages ahead of what is committed, below 0 back, within what is stored. */
export type ResetTarget = ResetPlace | { readonly moveBy: number };

export const isMove = (to: ResetTarget): to is { readonly moveBy: number } => typeof to === 'object' && 'moveBy' in to;

export function resetPosition(to: ResetPlace): Pick<GroupResetInit, 'to' | 'toValue'> {
  if (to === 'first') return { to: Position.FIRST };
  if (to === 'last') return { to: Position.LAST };
  return 'offset' in to ? { to: Position.AT_OFFSET, toValue: to.offset } : { to: Position.AT_TIME, toValue: to.timeMs };
}

export function resetSteps(broker: string, pages: readonly GroupResetOk[]): ResetStep[] {
  return pages.flatMap((page) =>
    page.results.map(({ topic, queue, code, hadOffset, fromOffset, toOffset }) => ({
      topic,
      broker,
      queue,
      from: hadOffset ? fromOffset : undefined,
      ...(code === 0 ? { to: toOffset } : { to: fromOffset, error: codeOfWireNumber(code) }),
    })),
  );
}

/** The requests that move a group, by broker: queues that go to the same offset share one. */
function movesOf({ group, queues }: GroupDescription, moveBy: number, topic: string | undefined, dryRun: boolean) {
  const requests = new Map<
    string,
    { readonly broker: string; readonly toValue: number; readonly queues: Map<string, number[]> }
  >();
  for (const { topic: name, broker, queue, committed, oldestOffset, highWatermark } of queues) {
    // Where nothing is committed there is nothing to count from: the queue begins as its subscription says.
    if (committed === undefined || (topic !== undefined && name !== topic)) continue;
    const toValue = Math.min(Math.max(committed + moveBy, oldestOffset), highWatermark);
    const key = `${broker}/${toValue}`;
    const request = requests.get(key) ?? { broker, toValue, queues: new Map() };
    requests.set(key, request);
    request.queues.set(name, [...(request.queues.get(name) ?? []), queue]);
  }
  return [...requests.values()].map(({ broker, toValue, queues: byTopic }) => ({
    broker,
    header: {
      group,
      dryRun,
      to: Position.AT_OFFSET,
      toValue,
      queues: [...byTopic].map(([name, numbers]) => ({ topic: name, queues: numbers })),
    },
  }));
}

/**
 * Moves each committed offset by so many messages, as far as there are any.
 * @param done with the first error of a broker and its name; the steps of the others were done.
 */
export function moveGroup(
  host: ClientHost,
  description: GroupDescription,
  moveBy: number,
  options: { readonly topic?: string | undefined; readonly dryRun?: boolean | undefined },
  timeoutMs: number,
  done: (failed: { readonly broker: string; readonly error: QanatError } | undefined, steps: readonly ResetStep[]) => void,
): void {
  const requests = movesOf(description, moveBy, options.topic, options.dryRun ?? false);
  const steps: ResetStep[] = [];
  let failed: { readonly broker: string; readonly error: QanatError } | undefined;
  let open = requests.length;
  if (open === 0) return done(undefined, steps);
  const request = { timeoutMs, codec: ADMINISTRATION_REQUESTS.GROUP_RESET };
  for (const { broker, header } of requests) {
    host.request(broker, 'GROUP_RESET', header, request, (error, response) => {
      if (error === undefined) steps.push(...resetSteps(broker, response.headers));
      else failed ??= { broker, error };
      if (--open === 0) done(failed, steps.sort(compareQueues));
    });
  }
}
