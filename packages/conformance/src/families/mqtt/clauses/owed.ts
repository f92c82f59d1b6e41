import type { Judge } from '../../../clause/clause.ts';
import type { View } from '../../../history/view.ts';
import { isDue, type Owed, owedOf, wasGiven } from '../messages.ts';

/** The session loses nothing: QoS 1 and 2, taken by the server, whether the device was there or not. */
export const judgeOwed = (view: View, judge: Judge, wanted: (owed: Owed) => boolean): void => {
  for (const owed of owedOf(view)) {
    if (!wanted(owed)) continue;
    const { publication, life, subscription } = owed;
    const at = publication.takenIndex ?? publication.first.index;
    if (wasGiven(view, owed)) judge.pass(at);
    else if (isDue(view, owed))
      judge.fail(
        at,
        `${publication.key} was acknowledged, and ${life.clientId} has subscribed to ${subscription.filter}; it never came`,
      );
  }
};
