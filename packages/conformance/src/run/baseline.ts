import { ALL_REQUIREMENTS } from '../clause/requirement-list.ts';
import { isObject, type JsonObject } from '../json.ts';

/** A failure that is known, and why it stays for now. */
export interface BaselineEntry {
  readonly clause: string;
  readonly reason: string;
  /** Where it is followed up. */
  readonly issue: string;
  /** A regular expression for the sentence of the failure: another failure of the clause is no known one. */
  readonly signature: string;
  matches(sentence: string): boolean;
}

export interface Baseline {
  readonly entries: readonly BaselineEntry[];
  entryOf(id: string): BaselineEntry | undefined;
}

/** The baseline cannot be used as it is. */
export class BaselineError extends Error {
  override readonly name = 'BaselineError';
}

/** Reads `[{ clause, reason, issue, signature }]`. @throws BaselineError that names the entry. */
export function readBaseline(text: string): Baseline {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new BaselineError(`the baseline is no JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(list)) throw new BaselineError('the baseline is a list of entries: clause, reason, issue, signature');
  const entries = list.map((entry, i) => readEntry(entry, i));
  for (const [i, { clause }] of entries.entries())
    if (entries.findIndex((one) => one.clause === clause) < i)
      throw new BaselineError(`entry ${i + 1} of the baseline: ${clause} has an entry already`);
  return { entries, entryOf: (id) => entries.find(({ clause }) => clause === id) };
}

function readEntry(entry: unknown, index: number): BaselineEntry {
  const where = `entry ${index + 1} of the baseline`;
  if (!isObject(entry)) throw new BaselineError(`${where} is no object`);
  for (const name of ['clause', 'reason', 'issue', 'signature'])
    if (typeof entry[name] !== 'string' || entry[name] === '') throw new BaselineError(`${where} has no "${name}"`);
  const { clause, reason, issue, signature } = entry as JsonObject & Record<'clause' | 'reason' | 'issue' | 'signature', string>;
  if (!ALL_REQUIREMENTS.some(({ id }) => id === clause)) throw new BaselineError(`${where}: there is no requirement ${clause}`);
  let pattern: RegExp;
  try {
    pattern = new RegExp(signature);
  } catch (error) {
    throw new BaselineError(`${where}: its signature is no regular expression: ${(error as Error).message}`);
  }
  return { clause, reason, issue, signature, matches: (sentence) => pattern.test(sentence) };
}
