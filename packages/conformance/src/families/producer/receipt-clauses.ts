import { type Clause, judgeThat } from '../../clause/clause.ts';
import { isObject } from '../../json.ts';
import { sendsOf } from './sends.ts';

/** The answer to SEND has no `base_offset` when the first record of a queue was stored: its offset is 0. */
const absentIsZero: Clause = {
  id: 'QNT-TYP-003',
  roles: ['producer'],
  check(view, judge) {
    const { calls } = sendsOf(view);
    for (const { end, batches } of calls) {
      const receipts = (Array.isArray(end?.ok) ? end.ok : []).filter(isObject);
      const first = batches
        .flatMap(({ attempts, calls: sharing }) => (sharing.length === 1 ? attempts : []))
        .find(({ exchange }) => exchange?.answer?.baseOffset === 0 && !exchange.answer.duplicate);
      const receipt = receipts.find(({ broker, queue }) => broker === first?.node && queue === first?.queue);
      if (end === undefined || receipt === undefined) continue;
      judgeThat(judge, end.index, receipt.offset === 0, () => `expected the offset 0 where none is told, got ${receipt.offset}`);
    }
  },
};

export const RECEIPT_CLAUSES: readonly Clause[] = [absentIsZero];
