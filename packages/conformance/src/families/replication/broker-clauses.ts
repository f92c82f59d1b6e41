import type { Clause } from '../../clause/clause.ts';
import { judgeCommitted } from './committed.ts';
import { MasterFacts } from './master-facts.ts';
import { judgeMastership } from './mastership.ts';
import { judgeAnswers } from './replicate-answers.ts';
import { clausesBy, Sentences } from './sentences.ts';

const rpl = (numbers: readonly number[]): readonly string[] =>
  numbers.map((number) => `QNT-RPL-${String(number).padStart(3, '0')}`);

/** A broker as the master of its group, with the kit as its NameServers and its slaves. */
export const MASTER_CLAUSES: readonly Clause[] = clausesBy(
  (view) => {
    const facts = new MasterFacts(view);
    const sentences = new Sentences();
    judgeAnswers(facts, sentences);
    judgeCommitted(facts, sentences);
    judgeMastership(facts, sentences);
    return sentences;
  },
  [...rpl([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 28]), 'QNT-REG-029', 'QNT-REG-035'],
  { roles: ['broker'], needs: ['replication', 'register'] },
);
