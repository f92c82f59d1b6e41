import type { Judge } from '../../clause/clause.ts';
import type { Analysis } from './analysis.ts';
import { saidOf } from './decode-order.ts';
import type { Send } from './sends.ts';

/** What was refused, or had to be dropped, is never in the queue: checked where somebody has read it afterwards. */
export function judgeInvisible(analysis: Analysis, judge: Judge, concerns: (send: Send) => boolean): void {
  if (analysis.hasOddities) return;
  for (const send of analysis.sends) {
    const place = analysis.placeOf(send);
    if (place === undefined || !concerns(send)) continue;
    const sinceMs = send.exchange === undefined ? send.start : send.end;
    const later = analysis.readingsIn.get(place)?.filter(({ start, isWhole }) => isWhole && start > sinceMs) ?? [];
    const [reading] = later;
    if (reading === undefined) continue;
    const offsets = analysis.appearances(place, send.key);
    if (offsets.size <= analysis.mayAppear(send)) judge.pass(reading.frame);
    else
      judge.fail(
        reading.frame,
        `a batch that was ${send.exchange === undefined ? 'to be dropped' : `answered ${saidOf(send)}`} must not be stored, and is read at offset ${[...offsets].join(', ')}`,
      );
  }
}
