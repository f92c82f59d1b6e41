// What a server has to refuse. Programs say what is wrong and for which rule; the connection has to end, and where the server
// says why, with a reason that fits.
import type { Clause } from '../../../clause/clause.ts';
import { isObject } from '../../../json.ts';
import { listOf, numberOf, textOf } from '../../../play/program.ts';
import { linksOf } from '../mqtt-view.ts';
import { reasonText } from '../wire/packet.ts';
import { WRONG_RULES } from '../wrong-rules.ts';
import { mqttClause } from './clause-of.ts';

const refused = (id: string): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { args, index, atMs } of view.notes('wrong')) {
      if (!isObject(args) || textOf(args, 'clause') !== id) continue;
      const link = linksOf(view).find(({ number }) => number === numberOf(args, 'connection', 0));
      if (link === undefined || link.closedIndex < index) continue;
      const expected = `${textOf(args, 'of', 'what is wrong')} ends the connection`;
      const reasons = listOf(args, 'reasons');
      const said = link.packets.find((one) => one.index > index && one.from === 'subject' && isEnd(one.packet?.name))?.packet
        ?.reason;
      if (link.closed?.by !== 'subject') {
        if (link.closedAtMs - atMs >= 1_000) judge.fail(index, `${expected}; it goes on`);
      } else if (said === undefined || reasons.length === 0 || reasons.includes(said)) judge.pass(index);
      else
        judge.fail(
          link.closedIndex,
          `${expected} with ${reasons.map((one) => reasonText(Number(one))).join(' or ')}; got ${reasonText(said)}`,
        );
    }
  });

const isEnd = (name: string | undefined): boolean => name === 'DISCONNECT' || name === 'CONNACK';

/** One for each rule by which programs send something wrong. */
export const WRONG_CLAUSES: readonly Clause[] = WRONG_RULES.map(refused);
