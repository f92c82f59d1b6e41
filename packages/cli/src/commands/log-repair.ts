import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { option, wholeNumber } from '../options.ts';
import { formatAmount } from '../output/figures.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';

interface RepairFlags {
  readonly truncateAt: number;
  readonly acceptLoss?: boolean;
}

export function addLogRepair(noun: Command, session: Session): void {
  const command = noun
    .command('repair <dir>')
    .description('cut a damaged log where its damage begins; what goes is copied to DIR/cut first')
    .addOption(
      option('--truncate-at <position>', 'where "qanat log verify" says that it is damaged', {
        parse: wholeNumber(0),
      }).makeOptionMandatory(),
    )
    .option('--accept-loss', 'messages, offsets and leases at and behind the position are lost')
    .action(async (directory: string, { truncateAt, acceptLoss }: RepairFlags) => {
      if (acceptLoss !== true)
        throw usageError('this loses what stands at and behind the position', 'say --accept-loss when there is no other copy');
      const { repairDirectory } = await import('@qanat/server');
      const repair = await repairDirectory(directory, truncateAt);
      const { position, cutBytes, copies } = repair;
      session.document(
        { position, cutBytes, copies, damage: repair.survey.damage ?? null },
        () =>
          `cut ${formatAmount(cutBytes, 'byte')} of the log at position ${position}; copies:\n${copies.map((copy) => `  ${copy}\n`).join('')}`,
      );
    });
  addExamples(command, [
    ['qanat log repair /var/lib/qanat --truncate-at 81264 --accept-loss', 'refuses while a broker runs on it'],
  ]);
}
