import { usageError } from '../errors.ts';
import { isOffset, type StartPosition } from '../start-position.ts';

export const TAIL_MODES = ['groupless', 'clustering', 'broadcasting'] as const;
export const STRATEGIES = ['averagely', 'circle', 'sticky'] as const;
export type TailMode = (typeof TAIL_MODES)[number];

/** The flags of `tail` as they are written. */
export interface TailFlags {
  readonly group?: string;
  readonly mode?: TailMode;
  readonly from?: StartPosition;
  readonly untilEnd?: boolean;
  readonly tag?: string;
  readonly format?: string;
  readonly count?: number;
  readonly label?: string;
  readonly strategy?: (typeof STRATEGIES)[number];
  readonly subscriptionVersion?: number;
  readonly wait?: boolean;
}

/** What to read, and how; contradictions are gone. */
export interface TailPlan {
  readonly topics: readonly string[];
  readonly mode: TailMode;
  /** Of a clustering reader only. */
  readonly group: string;
  readonly from: StartPosition;
  readonly untilEnd: boolean;
  readonly filter: string | undefined;
  readonly label: string | undefined;
  /** Of a member of a group. */
  readonly record: Pick<TailFlags, 'strategy' | 'subscriptionVersion'>;
  readonly waitsForTopic: boolean;
}

function modeOf({ group, mode, untilEnd }: TailFlags): TailMode {
  if (mode === undefined) return group === undefined ? 'groupless' : 'clustering';
  if (mode === 'clustering' && group === undefined) throw usageError('--mode clustering needs --group');
  if (mode === 'groupless' && group !== undefined) throw usageError('--mode groupless and --group exclude each other');
  // Both get every message and keep no position; only the groupless reader can tell where the end is.
  return mode === 'broadcasting' && untilEnd === true ? 'groupless' : mode;
}

function recordOf(mode: TailMode, { strategy, subscriptionVersion }: TailFlags): TailPlan['record'] {
  if (mode !== 'clustering' && (strategy !== undefined || subscriptionVersion !== undefined))
    throw usageError('--strategy and --subscription-version are for members of a group');
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(subscriptionVersion === undefined ? {} : { subscriptionVersion }),
  };
}

/** @throws CliError when flags contradict each other. */
export function planTail(topics: readonly string[], flags: TailFlags): TailPlan {
  const mode = modeOf(flags);
  const untilEnd = flags.untilEnd ?? false;
  const from = flags.from ?? (untilEnd && mode === 'groupless' ? 'first' : 'last');
  if (mode === 'clustering' && isOffset(from)) {
    throw usageError(
      '--from @OFFSET is for readers without a group',
      `move the group first: qanat group reset ${flags.group} --to @${from.offset}`,
    );
  }
  const twice = topics.find((topic, i) => topics.indexOf(topic) !== i);
  if (twice !== undefined) throw usageError(`topic "${twice}" is named twice`);
  return {
    topics,
    mode,
    group: flags.group ?? '',
    from,
    untilEnd,
    filter: flags.tag,
    label: flags.label,
    record: recordOf(mode, flags),
    waitsForTopic: (flags.wait ?? false) && !untilEnd,
  };
}
