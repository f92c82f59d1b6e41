import { REQUIREMENTS } from '../clause/gen/requirements.ts';
import type { HistoryEvent } from '../history/event.ts';
import { readHistoryLine } from '../history/history.ts';
import { bytesOf } from '../json.ts';
import type { FailureReport, Verdict } from '../run/result.ts';
import type { Failure } from '../run/run-program.ts';
import { caretWindow, decodeTree, treeLines } from './decode-tree.ts';
import { arrowsAround, sequenceLines } from './sequence.ts';

const textOfRequirement = (id: string): string => REQUIREMENTS.find((one) => one.id === id)?.text ?? '';

/** Everything about one failure as text: the rule, what was expected and came, the frame taken apart, what led to it. */
export function failureText(
  id: string,
  {
    sentence,
    index,
    frame,
    field,
  }: Pick<Failure, 'sentence' | 'index' | 'field'> & { frame?: { bytes: Uint8Array } | undefined },
  events: readonly HistoryEvent[],
): string {
  const tree = frame === undefined ? undefined : decodeTree(frame.bytes, field);
  const lines = [
    `FAIL ${id}  ${textOfRequirement(id)}`,
    `  ${sentence}`,
    ...(tree === undefined ? [] : ['  the frame:', ...treeLines(tree), ...caretWindow(tree)]),
    '  what led to it:',
    ...sequenceLines(arrowsAround(events, index)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same of a kept result, with the program and how to run it again. */
export function reportedFailureText({ id, failure }: Verdict & { failure: FailureReport }): string {
  const events = failure.history.map(readHistoryLine);
  const frame = failure.frame === undefined ? undefined : { bytes: bytesOf(failure.frame) };
  const { sentence, index, field } = failure;
  return `${failureText(id, { sentence, index, field, frame }, events)}${programLines(failure).join('\n')}\n`;
}

/** The program, a step a line. */
export function programLines({ program, confirmed, confirmations, failingPrograms }: FailureReport): readonly string[] {
  const surety = confirmations === 0 ? '' : `, failed ${confirmed} of ${confirmations} times again`;
  return [
    `  the shortest program (${program.name ?? 'generated'}, family ${program.family}; ${failingPrograms} programs fail${surety}):`,
    ...program.steps.map((step) => `    ${JSON.stringify(step)}`),
  ];
}
