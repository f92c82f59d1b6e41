import type { Command } from 'commander';
import { ExitCode } from '../errors.ts';
import { formatAmount, formatCount } from '../output/figures.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import { damageText, surveyDocument } from './log-damage.ts';

const PROGRESS_MS = 2_000;

export function addLogVerify(noun: Command, session: Session): void {
  const command = noun
    .command('verify <dir>')
    .description('read a whole log, entry by entry: chain, checksums, dense offsets, snapshots; changes nothing')
    .option('--json', 'the same as -o json')
    .action(async (directory: string, { json }: { readonly json?: boolean }) => {
      if (json === true) session.settings = { ...session.settings, output: 'json' };
      const { surveyDirectory } = await import('@qanat/server');
      let toldMs = performance.now();
      const onProgress = (position: number, end: number): void => {
        if (performance.now() - toldMs < PROGRESS_MS) return;
        toldMs = performance.now();
        session.info('verifying', `position ${formatCount(position)} of ${formatCount(end)}`, { position, end });
      };
      const survey = await surveyDirectory(directory, { whole: true, onProgress });
      const { damage, snapshots, entriesRead, begin, end, queues, tornBytes } = survey;
      const damagedSnapshots = snapshots.filter(({ whole }) => !whole);
      session.document(surveyDocument(survey), () => {
        const messages = queues.reduce((sum, queue) => sum + queue.messages, 0);
        const lines = [
          `${formatAmount(entriesRead, 'entry').replace('entrys', 'entries')} with ${formatAmount(messages, 'message')}, positions ${begin} to ${end}`,
          ...damagedSnapshots.map(({ file }) => `DAMAGED: ${file}; a start uses the snapshot before it`),
          ...(tornBytes > 0
            ? [`the last ${formatAmount(tornBytes, 'byte')} are no whole entries: the next start cuts them off`]
            : []),
          damage === undefined ? (damagedSnapshots.length === 0 ? 'whole' : 'the entries are whole') : damageText(damage),
        ];
        return `${lines.join('\n')}\n`;
      });
      if (damage !== undefined || damagedSnapshots.length > 0) session.exitCode = ExitCode.FAILURE;
    });
  addExamples(command, [
    ['qanat log verify /var/lib/qanat', 'exit code 1: something is damaged'],
    ['qanat log verify /var/lib/qanat --json | jq .damage', 'file, position and byte of the first damage'],
  ]);
}
