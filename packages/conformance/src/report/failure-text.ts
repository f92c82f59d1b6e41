import { ALL_REQUIREMENTS } from '../clause/requirement-list.ts';
import type { HistoryEvent } from '../history/event.ts';
import { readHistoryLine } from '../history/history.ts';
import { bytesOf } from '../json.ts';
import type { FailureReport, Verdict } from '../run/result.ts';
import type { Failure } from '../run/run-program.ts';
import { byteWindow } from './byte-window.ts';
import { decodeTree, shortened, treeLines } from './decode-tree.ts';
import { arrowsAround, frameText, sequenceLines } from './sequence.ts';

/** Characters of a step; repros have it whole. */
const STEP_CHARACTERS = 200;

const textOfRequirement = (id: string): string => ALL_REQUIREMENTS.find((one) => one.id === id)?.text ?? '';

type Where = Pick<Failure, 'index' | 'field'> & { readonly frame?: { readonly bytes: Uint8Array } | undefined };

/** Everything about one failure as text: the rule, what was expected and came, the frame taken apart, what led to it. */
export function failureText(id: string, failure: Where & Pick<Failure, 'sentence'>, events: readonly HistoryEvent[]): string {
  const lines = [
    `FAIL ${id}  ${textOfRequirement(id)}`,
    `  ${failure.sentence}`,
    ...offendingBytes(failure, events),
    '  what led to it:',
    ...sequenceLines(arrowsAround(events, failure.index)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The frame that is wrong, or the bytes that are none, taken apart. Empty where there is neither. */
export function offendingBytes({ frame, index, field }: Where, events: readonly HistoryEvent[]): readonly string[] {
  const event = events[index];
  if (frame === undefined) return event?.kind === 'broken' ? brokenBytes(event, field) : [];
  const tree = decodeTree(frame.bytes, field);
  const from = event?.kind === 'frame' ? `, from the ${event.from} on connection ${event.connection}` : '';
  return [`  the frame ${frameText(frame.bytes)}${from}:`, ...treeLines(tree), ...byteWindow(frame.bytes, tree.mark)];
}

/** What came is no frame: mostly the length field is where it ceases to be one. In memory the network keeps the bytes. */
function brokenBytes({ bytes, connection }: HistoryEvent & { kind: 'broken' }, field = 'length'): readonly string[] {
  if (bytes.length === 0) return [];
  const tree = decodeTree(bytes, field);
  return [`  the bytes, from the subject on connection ${connection}:`, ...treeLines(tree), ...byteWindow(bytes, tree.mark)];
}

/** The same of a kept result, with the program and how to run it again. */
export function reportedFailureText({ id, failure }: Verdict & { failure: FailureReport }): string {
  const events = failure.history.map(readHistoryLine);
  return `${failureText(id, whereOf(failure), events)}${programLines(failure).join('\n')}\n`;
}

export const whereOf = ({ sentence, index, field, frame }: FailureReport): Where & Pick<Failure, 'sentence'> => ({
  sentence,
  index,
  field,
  frame: frame === undefined ? undefined : { bytes: bytesOf(frame) },
});

/** The program, a step a line. */
function programLines(failure: FailureReport): readonly string[] {
  const { program } = failure;
  return [
    `  the shortest program (${program.name ?? 'generated'}, family ${program.family}; ${suretyText(failure)}):`,
    ...program.steps.map((step) => `    ${shortened(JSON.stringify(step), STEP_CHARACTERS)}`),
  ];
}

/** How many programs fail, and how sure the shortest one does. */
export function suretyText({ confirmed, confirmations, held = 0, failingPrograms }: FailureReport): string {
  const programs = failingPrograms === 1 ? 'no other program fails so' : `${failingPrograms} programs fail so`;
  if (confirmations === 0) return programs;
  const untried = confirmations - confirmed - held;
  const others = [...(held > 0 ? [`held ${held}`] : []), ...(untried > 0 ? [`was not put to the test ${untried}`] : [])];
  return `${programs}; run again it failed ${confirmed} of ${confirmations} times${others.map((one) => `, ${one}`).join('')}`;
}
