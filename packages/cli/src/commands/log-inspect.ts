import type { ListedEntry, LogSurvey, SurveyedQueue, SurveyedSegment, SurveyedSnapshot } from '@qanat/core';
import type { Command } from 'commander';
import { option, wholeNumber } from '../options.ts';
import { formatAmount, formatCount } from '../output/figures.ts';
import { isoTime } from '../output/json.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import { damageText, surveyDocument } from './log-damage.ts';

const ENTRIES = 20;

const SEGMENT_COLUMNS: readonly Column<SurveyedSegment>[] = [
  { title: 'file', cell: ({ file }) => file },
  { title: 'from', cell: ({ base }) => base, align: 'right' },
  { title: 'to', cell: ({ end }) => end, align: 'right' },
  { title: 'bytes', cell: ({ bytes }) => bytes, align: 'right' },
  { title: 'term', cell: ({ term }) => term, align: 'right' },
  { title: 'index', cell: ({ index }) => index },
];

const SNAPSHOT_COLUMNS: readonly Column<SurveyedSnapshot>[] = [
  { title: 'file', cell: ({ file }) => file },
  { title: 'bytes', cell: ({ bytes }) => bytes, align: 'right' },
  { title: 'state', cell: ({ whole }) => (whole ? 'whole' : 'damaged') },
  { title: 'term', cell: ({ term }) => term, align: 'right' },
  { title: 'topics', cell: ({ topics }) => topics, align: 'right' },
  { title: 'groups', cell: ({ groups }) => groups, align: 'right' },
  { title: 'producers', cell: ({ producers }) => producers, align: 'right' },
];

const QUEUE_COLUMNS: readonly Column<SurveyedQueue>[] = [
  { title: 'topic', cell: ({ topic, topicId }) => topic ?? `(removed, id ${topicId})` },
  { title: 'queue', cell: ({ queue }) => queue, align: 'right' },
  { title: 'oldest', cell: ({ oldest }) => oldest, align: 'right' },
  { title: 'next', cell: ({ next }) => next, align: 'right' },
  { title: 'messages', cell: ({ messages }) => messages, align: 'right' },
  { title: 'batches', cell: ({ batches }) => batches, align: 'right' },
];

const ENTRY_COLUMNS: readonly Column<ListedEntry>[] = [
  { title: 'position', cell: ({ position }) => position, align: 'right' },
  { title: 'bytes', cell: ({ length }) => length, align: 'right' },
  { title: 'term', cell: ({ term }) => term, align: 'right' },
  { title: 'synced', cell: ({ syncedPosition }) => syncedPosition, align: 'right' },
  { title: 'holds', cell: contentOf },
];

function contentOf(entry: ListedEntry): string {
  if (entry.kind === 'state') return `${entry.record} ${JSON.stringify(entry.content)}`;
  const { topicId, queue, baseOffset = 0, records = 0, storeTimeMs } = entry;
  return `topic id ${topicId}, queue ${queue}, offsets ${baseOffset} to ${baseOffset + records - 1}, stored ${isoTime(storeTimeMs)}`;
}

export function surveyText(survey: LogSurvey): string {
  const { segments, snapshots, queues, storeId, begin, end, term, tornBytes, damage } = survey;
  const lines = [
    `store ${storeId ?? '(empty)'}, term ${term}, log from position ${begin} to ${end}: ${formatCount(end - begin)} bytes`,
    '',
    formatTable(SEGMENT_COLUMNS, segments),
    snapshots.length === 0 ? 'no snapshots\n' : formatTable(SNAPSHOT_COLUMNS, snapshots),
    queues.length === 0 ? 'no messages' : formatTable(QUEUE_COLUMNS, queues).trimEnd(),
  ];
  if (tornBytes > 0)
    lines.push(
      '',
      `the last ${formatAmount(tornBytes, 'byte')} are no whole entries: the next start of the broker cuts them off`,
    );
  if (damage !== undefined) lines.push('', damageText(damage));
  return `${lines.join('\n')}\n`;
}

interface InspectFlags {
  readonly entries?: number;
  readonly count?: number;
  readonly json?: boolean;
}

export function addLogInspect(noun: Command, session: Session): void {
  const command = noun
    .command('inspect <dir>')
    .description('show the files, snapshots and queues of a log, or single entries; changes nothing')
    .addOption(option('--entries <position>', 'list entries from this position on', { parse: wholeNumber(0) }))
    .addOption(option('--count <n>', `how many entries; default ${ENTRIES}`, { parse: wholeNumber(1, 100_000) }))
    .option('--json', 'the same as -o json')
    .action(async (directory: string, { entries, count = ENTRIES, json }: InspectFlags) => {
      if (json === true) session.settings = { ...session.settings, output: 'json' };
      const { listDirectoryEntries, surveyDirectory } = await import('@qanat/server');
      if (entries !== undefined) {
        const listed = await listDirectoryEntries(directory, entries, count);
        return session.rows(listed, ENTRY_COLUMNS, `no whole entries at or behind position ${entries}`);
      }
      const survey = await surveyDirectory(directory, { whole: false });
      session.document(surveyDocument(survey), () => surveyText(survey));
    });
  addExamples(command, [
    ['qanat log inspect /var/lib/qanat', ''],
    ['qanat log inspect /var/lib/qanat --json | jq .queues', ''],
    ['qanat log inspect /var/lib/qanat --entries 0 --count 5', 'the first entries'],
  ]);
}
