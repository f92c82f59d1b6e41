import { countOf, type Result, type Verdict } from '../run/result.ts';
import { reportedFailureText } from './failure-text.ts';
import { replayCommand } from './replay-command.ts';
import { settledSentence, sumLine } from './terminal.ts';

/** Text for a cell of a table. */
const escaped = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

/** A summary for a page of a forge: sums, failures, what is not known. */
export function markdownReport(result: Result): string {
  const shown = result.clauses.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'excluded');
  const lines = [
    `## Qanat ${result.spec} conformance: ${result.subject.name} ${result.subject.version} as ${result.role}: **${result.settled}**`,
    '',
    `${settledSentence(result)}.`,
    '',
    sumLine(result),
    '',
    ...result.harness.map(({ program, why }) => `- the kit or the driver failed in ${program}: ${escaped(why)}`),
    ...(result.harness.length === 0 ? [] : ['']),
    ...(shown.length === 0 ? [] : ['| Clause | Verdict | What |', '|---|---|---|', ...shown.map(row), '']),
    `${countOf(result, 'pass')} clauses passed. Again: \`${result.command}\``,
  ];
  return `${lines.join('\n')}\n`;
}

const row = ({ id, verdict, failure, reason, text }: Verdict): string =>
  `| ${id} | ${verdict} | ${escaped(failure?.sentence ?? reason ?? text)} |`;

/** One failure as a page of its own. @param file where its program is. */
export function failurePage(
  result: Result,
  verdict: Verdict & { failure: NonNullable<Verdict['failure']> },
  file: string,
): string {
  const { id, text, failure } = verdict;
  return `# ${id}: ${failure.sentence}

> ${text}

${result.role} ${result.subject.name} ${result.subject.version}, ${result.kit}, ${result.startedAt}

\`\`\`text
${reportedFailureText(verdict)}\`\`\`

Run it again, where the run was: \`${replayCommand(result.command, file)}\`. The program:

\`\`\`json
${JSON.stringify({ clause: id, sentence: failure.sentence, program: failure.program }, undefined, 1)}
\`\`\`
`;
}
