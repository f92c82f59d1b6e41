import type { LogDamage, LogSurvey } from '@qanat/core';

/** Where a log is damaged, and what can be done about it. */
export function damageText({ file, position, byte, durableTo, what }: LogDamage): string {
  return [
    `DAMAGED at position ${position}: ${file}, byte ${byte}: ${what}`,
    `Everything below position ${durableTo} was on stable storage, so this is no interrupted write.`,
    'Put the file back from a copy if there is one. To go on without what stands at and behind this position:',
    `  qanat log repair DIR --truncate-at ${position} --accept-loss`,
  ].join('\n');
}

/** A survey for programs: null for what there is not. */
export const surveyDocument = (survey: LogSurvey): unknown => ({
  ...survey,
  storeId: survey.storeId ?? null,
  damage: survey.damage ?? null,
});
