import { QanatError } from '../../errors.ts';
import { canonicalFilter } from '../../model/filter.ts';
import { checkName } from '../../model/names.ts';
import type { Subscription } from '../../wire/gen/messages.ts';
import { GroupKind, GroupKindNames, LIMITS, Position, Strategy, StrategyNames } from '../../wire/gen/registry.ts';

/** The record of a group whose first commit came before its first member: the first subscription fills it. */
export const unsubscribed = (kind: GroupKind): Subscription => ({
  kind,
  strategy: Strategy.AVERAGELY,
  version: 0,
  topics: [],
  from: Position.FIRST,
  fromTimeMs: 0,
});

/** How a record stands in the log: without a topic it is its kind alone. */
export const storedRecord = (
  record: Subscription,
): { readonly kind: GroupKind; readonly subscription: Subscription | undefined } => ({
  kind: record.kind,
  subscription: record.topics.length === 0 ? undefined : record,
});

/** @throws QanatError UNSUPPORTED_FEATURE for a kind that is reserved. */
export function checkKind(kind: GroupKind): void {
  if (kind === GroupKind.SHARED)
    throw new QanatError('UNSUPPORTED_FEATURE', `groups of kind ${GroupKindNames[kind]} are reserved`);
}

/** @throws QanatError INVALID_ARGUMENT for a session that a member may not ask for; 0 asks for the broker's own. */
export function checkSession(sessionMs: number): void {
  const { MEMBER_SESSION_MS_MIN: least, MEMBER_SESSION_MS_MAX: most } = LIMITS;
  if (sessionMs !== 0 && (sessionMs < least || sessionMs > most))
    throw new QanatError(
      'INVALID_ARGUMENT',
      `session_ms is ${sessionMs}; a session has ${least} to ${most} ms (MEMBER_SESSION_MS_*)`,
    );
}

/** @throws QanatError UNSUPPORTED_FEATURE, INVALID_NAME or INVALID_ARGUMENT. */
export function checkSubscription(subscription: Subscription): void {
  checkKind(subscription.kind);
  if (subscription.from === Position.AT_OFFSET)
    throw new QanatError('INVALID_ARGUMENT', 'a group cannot begin at an offset: use FIRST, LAST or AT_TIME');
  const seen = new Set<string>();
  for (const { topic, filter } of subscription.topics) {
    checkName('topic', topic);
    canonicalFilter(filter);
    if (seen.has(topic)) throw new QanatError('INVALID_ARGUMENT', `the subscription names topic ${topic} twice`);
    seen.add(topic);
  }
  if (subscription.kind === GroupKind.ASSIGNED && seen.size === 0)
    throw new QanatError('INVALID_ARGUMENT', 'the subscription has no topic');
}

/**
 * What the members of an assigned group must agree on: topics, filters and strategy, in one form. Empty where there is nothing to
 * agree on: in a free group, and before the first subscription. Filters are quoted because a tag may look like a topic.
 */
export function subscriptionText(subscription: Subscription): string {
  if (subscription.kind !== GroupKind.ASSIGNED || subscription.topics.length === 0) return '';
  const topics = subscription.topics.map(({ topic, filter }) => `${topic}: ${JSON.stringify(canonicalFilter(filter))}`).sort();
  return `${topics.join(', ')}; ${StrategyNames[subscription.strategy]?.toLowerCase()}`;
}

/** Leaves room for both texts within ERROR_MESSAGE_BYTES_MAX. */
const TEXT_SHOWN = 140;
const shown = (text: string): string => (text.length <= TEXT_SHOWN ? text : `${text.slice(0, TEXT_SHOWN)}…`);

export const subscriptionConflict = (recorded: Subscription, version: number, text: string): QanatError =>
  new QanatError(
    'SUBSCRIPTION_CONFLICT',
    `the group has [${shown(subscriptionText(recorded))}] (version ${recorded.version}), this member [${shown(text)}] (version ${version})`,
  );
