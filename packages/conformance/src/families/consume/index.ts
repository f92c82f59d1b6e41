import type { Family } from '../../play/family.ts';
import { FIRST_OFFSETS } from './first-offsets.ts';
import { generated } from './generated.ts';
import { GROUP_CLAUSES } from './group-clauses.ts';
import { OFFSET_COMMITS } from './offset-commits.ts';
import { OFFSET_QUESTIONS } from './offset-questions.ts';
import { ops } from './ops.ts';
import { ADMIN_PROGRAMS } from './programs/administration.ts';
import { OFFSET_PROGRAMS } from './programs/offsets.ts';
import { PULL_PROGRAMS } from './programs/pulls.ts';
import { PULL_ANSWERS } from './pull-answers.ts';
import { PULL_FILTERS } from './pull-filters.ts';
import { PULL_GROUPS } from './pull-groups.ts';
import { PULL_WAITS } from './pull-waits.ts';
import { RESET_CLAUSES } from './reset-clauses.ts';
import { TOPIC_CLAUSES } from './topic-clauses.ts';

/** What a broker gives to consumers and operators: chapters 12, 13 and 15. */
export const consume: Family = {
  name: 'consume',
  clauses: [
    ...PULL_ANSWERS,
    ...PULL_WAITS,
    ...PULL_GROUPS,
    ...PULL_FILTERS,
    ...OFFSET_COMMITS,
    ...OFFSET_QUESTIONS,
    ...FIRST_OFFSETS,
    ...TOPIC_CLAUSES,
    ...GROUP_CLAUSES,
    ...RESET_CLAUSES,
  ],
  programs: [...PULL_PROGRAMS, ...OFFSET_PROGRAMS, ...ADMIN_PROGRAMS],
  generated: { broker: generated },
  ops,
};
