import { hostname } from 'node:os';
import type { ClientEvent } from '@qanat/core';
import type { Command } from 'commander';
import { option, startPosition, wholeNumber } from '../options.ts';
import { formatAmount } from '../output/figures.ts';
import type { Session } from '../session.ts';
import { START_POSITION_FORMS } from '../start-position.ts';
import { FORMAT_HELP, parseMessageFormat } from '../tail/message-format.ts';
import { MessageSink } from '../tail/message-sink.ts';
import { tailGroupless } from '../tail/tail-groupless.ts';
import { tailMember } from '../tail/tail-member.ts';
import { planTail, STRATEGIES, TAIL_MODES, type TailFlags } from '../tail/tail-plan.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';

async function runTail(session: Session, topics: readonly string[], flags: TailFlags): Promise<void> {
  const plan = planTail(topics, flags);
  const format = parseMessageFormat(flags.format ?? (session.wantsJson ? 'json' : 'line'));
  const sink = new MessageSink(session, format, flags.count);
  const tail = plan.mode === 'groupless' ? tailGroupless : tailMember;
  // What comes after the last message is the consumer's own closing.
  const onEvent = ({ kind }: ClientEvent): boolean => kind !== 'retrying' || !sink.isDone;
  try {
    await withClient(session, (client) => tail(client, session, plan, sink), {
      label: plan.label ?? `${hostname()}-${process.pid}`,
      onEvent,
      tellsMoves: plan.mode === 'clustering',
    });
    await sink.flush();
  } catch (error) {
    if (session.stoppedBy === undefined) throw error;
  } finally {
    const wasAsked = session.stoppedBy === 'SIGINT' || session.stoppedBy === 'SIGTERM';
    if (wasAsked || (plan.mode !== 'groupless' && session.stoppedBy === undefined)) {
      session.info('got', `got ${formatAmount(sink.count, 'message')}`, { messages: sink.count });
    }
  }
}

export function addTailCommand(program: Command, session: Session): void {
  const command = program
    .command('tail <topics...>')
    .description('print messages: as they come, or from a point in the past')
    .option('-g, --group <group>', 'read as a member of this group: its members share the queues')
    .addOption(option('-m, --mode <mode>', 'default: clustering with --group, groupless without', { choices: TAIL_MODES }))
    .addOption(option('-f, --from <where>', `${START_POSITION_FORMS}; default last`, { parse: startPosition }))
    .option('-e, --until-end', 'stop at the end of what is stored now; without a group from the first message on')
    .option('-t, --tag <filter>', 'only messages with these tags, for example "created || paid"')
    .addOption(option('-n, --count <n>', 'stop after n messages', { parse: wholeNumber(1) }))
    .option('--format <format>', 'line, raw, json or a template')
    .addOption(option('--strategy <strategy>', 'how the group divides the queues', { choices: STRATEGIES }))
    .addOption(
      option('--subscription-version <n>', 'replaces the topics, filter and strategy of a lower one', { parse: wholeNumber(0) }),
    )
    .option('--label <label>', 'what operators see of this member')
    .option('-w, --wait', 'without a group: wait for a topic that does not exist yet; members of a group always do')
    .action((topics: readonly string[], flags: TailFlags) => runTail(session, topics, flags));
  addExamples(
    command,
    [
      ['qanat tail orders', 'what comes from now on'],
      ['qanat tail orders --from first --until-end -o json', 'everything that is stored'],
      ['qanat tail orders --from -1h --tag "created || paid"', ''],
      ['qanat tail orders --group billing', 'shares the queues with the other members'],
      ['qanat tail orders --from @1000 -n 10 --format "%B/%q@%o %b"', ''],
    ],
    `A group goes on where it has committed; --from is for queues where it has not.\n\n${FORMAT_HELP}`,
  );
}
