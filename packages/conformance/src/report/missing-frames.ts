import { decodeFrame, ErrorInfo, Flag, FRAME_NAMES, FRAMES } from '@qanat/core';
import { readHistoryLine } from '../history/history.ts';
import { codeName } from '../history/view.ts';
import type { FailureReport } from '../run/result.ts';

/** The type of frame by which a clause fails because the subject does not serve it; undefined for another failure. */
export function missingFrame({
  history,
  index,
  program,
}: Pick<FailureReport, 'history' | 'index' | 'program'>): string | undefined {
  const event = history[index] === undefined ? undefined : readHistoryLine(history[index]);
  if (event?.kind !== 'frame' || event.from !== 'subject') return undefined;
  try {
    const { type, flags, control } = decodeFrame(event.bytes);
    if ((flags & Flag.ERROR) === 0 || codeName(ErrorInfo.decode(control).code) !== 'UNSUPPORTED_FRAME') return undefined;
    const name = FRAME_NAMES.get(type);
    // Of what another role serves, that is another mistake.
    return name !== undefined && (FRAMES[name].at === 'any' || FRAMES[name].at === program.role) ? name : undefined;
  } catch {
    // What cannot be read is another failure.
    return undefined;
  }
}
