import { countOf, type Result, type Verdict } from '../run/result.ts';
import { reportedFailureText } from './failure-text.ts';
import { sumLine } from './terminal.ts';

const escaped = (text: string): string => text.replaceAll('|', '\\|');

/** A summary for a page of a forge: sums, failures, what is not known. */
export function markdownReport(result: Result): string {
  const shown = result.clauses.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'excluded');
  const lines = [
    `## Qanat ${result.spec} conformance: ${result.subject.name} ${result.subject.version} as ${result.role}: **${result.settled}**`,
    '',
    sumLine(result),
    '',
    ...(shown.length === 0 ? [] : ['| Clause | Verdict | What |', '|---|---|---|', ...shown.map(row), '']),
    `${countOf(result, 'pass')} clauses passed. Again: \`${result.command}\``,
  ];
  return `${lines.join('\n')}\n`;
}

const row = ({ id, verdict, failure, reason, text }: Verdict): string =>
  `| ${id} | ${verdict} | ${escaped(failure?.sentence ?? reason ?? text)} |`;

/** One failure as a page of its own. */
export function failurePage(result: Result, verdict: Verdict & { failure: NonNullable<Verdict['failure']> }): string {
  const { id, text, failure } = verdict;
  return `# ${id}: ${failure.sentence}

> ${text}

${result.role} ${result.subject.name} ${result.subject.version}, ${result.kit}, ${result.startedAt}

\`\`\`text
${reportedFailureText(verdict)}\`\`\`

Run it again: save this as \`repro.json\`, then \`npx qanat-conformance replay repro.json\` with the subject of
\`${result.command}\`.

\`\`\`json
${JSON.stringify({ clause: id, sentence: failure.sentence, program: failure.program }, undefined, 1)}
\`\`\`
`;
}
