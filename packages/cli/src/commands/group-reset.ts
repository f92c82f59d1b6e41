import type { ResetStep } from '@qanat/client';
import type { Command } from 'commander';
import { canAsk, confirm } from '../confirm.ts';
import { option, resetTarget } from '../options.ts';
import { formatAmount } from '../output/figures.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { isOffset, RESET_TARGET_FORMS, type StartPosition, toStartFrom } from '../start-position.ts';
import { explainUnknownGroup } from '../unknown-name.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';

const moveOf = ({ from, to }: ResetStep): number | undefined => (from === undefined ? undefined : to - from);

const STEP_COLUMNS: readonly Column<ResetStep>[] = [
  { title: 'topic', cell: (row) => row.topic },
  { title: 'broker', cell: (row) => row.broker },
  { title: 'queue', cell: (row) => row.queue, align: 'right' },
  { title: 'from', cell: (row) => row.from, align: 'right' },
  { title: 'to', cell: (row) => row.to, align: 'right' },
  { title: 'move', cell: (row) => moveOf(row), align: 'right' },
];

/** What the steps mean: messages that the group will get again, or never. */
function consequence(steps: readonly ResetStep[]): string {
  const moves = steps.map((step) => moveOf(step) ?? 0);
  const back = -moves.filter((move) => move < 0).reduce((sum, move) => sum + move, 0);
  const ahead = moves.filter((move) => move > 0).reduce((sum, move) => sum + move, 0);
  if (back === 0 && ahead === 0) return 'no committed offset changes';
  const parts = [
    back === 0 ? '' : `${formatAmount(back, 'message')} will be delivered again`,
    ahead === 0 ? '' : `${formatAmount(ahead, 'message')} will be skipped`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

interface ResetFlags {
  readonly to: StartPosition | { readonly moveBy: number };
  readonly topic?: string;
  readonly yes?: boolean;
}

async function resetGroup(session: Session, group: string, flags: ResetFlags): Promise<void> {
  const isPlace = typeof flags.to === 'object' && 'moveBy' in flags.to;
  const to = isPlace || isOffset(flags.to) ? flags.to : toStartFrom(flags.to);
  const options = { ...session.call, ...(flags.topic === undefined ? {} : { topic: flags.topic }) };
  await withClient(session, async (client) => {
    const reset = (dryRun: boolean): Promise<readonly ResetStep[]> =>
      client.admin
        .resetGroup(group, to, { ...options, dryRun })
        .catch((error: unknown) => explainUnknownGroup(client, group, error));
    const print = (steps: readonly ResetStep[], applied: boolean): void =>
      session.document(
        {
          group,
          applied,
          steps: steps.map(({ topic, broker, queue, from, to: end }) => ({ topic, broker, queue, from: from ?? null, to: end })),
        },
        () => `${formatTable(STEP_COLUMNS, steps)}\n${consequence(steps)}\n`,
      );
    if (flags.yes === true) return print(await reset(false), true);
    print(await reset(true), false);
    await session.out.flush();
    if (!canAsk(session)) return session.info('planned', 'nothing was changed: add --yes to carry the plan out');
    if (!(await confirm(session, `Move the offsets of group "${group}"?`))) return session.info('planned', 'nothing was changed');
    const steps = await reset(false);
    session.info('reset', `moved ${formatAmount(steps.length, 'queue')} of group ${group}`, { group });
  });
}

export function addGroupReset(noun: Command, session: Session): void {
  const command = noun
    .command('reset <group>')
    .description("move a group's committed offsets; shows the plan first")
    .addOption(option('--to <where>', RESET_TARGET_FORMS, { parse: resetTarget }).makeOptionMandatory())
    .option('--topic <topic>', 'only the queues of this topic')
    .option('-y, --yes', 'carry the plan out without a question')
    .action((group: string, flags: ResetFlags) => resetGroup(session, group, flags));
  addExamples(command, [
    ['qanat group reset billing --to first', 'shows what would change'],
    ['qanat group reset billing --to -1h --yes', 'gets the last hour again'],
    ['qanat group reset billing --to -100 --yes', 'gets the last 100 messages of each queue again'],
    ['qanat group reset billing --to last --topic orders --yes', 'skips what waits'],
  ]);
}
