import type { FrameSeen, View } from '../../history/view.ts';
import { type BrokerLine, isKnown, isUnclear, type Stay } from './broker-line.ts';
import { type BrokerSeen, isUpdate, type Observation, observationsOf } from './observations.ts';
import { unfinishedAt } from './operations.ts';
import { modelOf } from './route-model.ts';

/** What one look at the table says of one requirement; without a sentence it agrees. */
export interface Finding {
  readonly id: string;
  readonly at: FrameSeen;
  readonly sentence?: string;
  readonly field?: string;
}

/** How what is seen of a broker differs from what the model has. */
type Difference = 'gone' | 'there' | 'queues' | 'away' | 'text';

const FIELDS: Readonly<Record<Difference, string>> = {
  gone: 'shares',
  there: 'shares',
  queues: 'queues',
  away: 'away',
  text: 'brokers',
};

const FINDINGS = new WeakMap<View, readonly Finding[]>();

/** Compares everything that the NameServer told with the model; made once, for all clauses that want some of it. */
export function tableFindings(view: View): readonly Finding[] {
  const made = FINDINGS.get(view) ?? observationsOf(view).flatMap((seen) => lookAt(view, seen));
  FINDINGS.set(view, made);
  return made;
}

function lookAt(view: View, seen: Observation): readonly Finding[] {
  const lines = [...modelOf(view).lines.values()];
  return lines.flatMap((line) => {
    const stays = line.possible(seen.from, seen.to);
    if (isUnclear(stays)) return [];
    const topics = topicsOf(seen, stays);
    return [
      ...topics.flatMap((topic) => compareShare(view, seen, line, stays, topic)),
      ...compareBroker(view, seen, line, stays),
    ];
  });
}

/** The topics of which an answer or update has to tell, or tells. */
const topicsOf = (seen: Observation, stays: readonly Stay[]): readonly string[] => {
  if (seen.query?.header.all !== true) return [...seen.routes.keys()];
  return [...new Set([...seen.routes.keys(), ...stays.flatMap(({ registration }) => [...(registration?.topics.keys() ?? [])])])];
};

/** The queues that a route must name in a stay: undefined for none. */
const shareIn = ({ registration }: Stay, topic: string): number | undefined => registration?.topics.get(topic);

function compareShare(
  view: View,
  seen: Observation,
  line: BrokerLine,
  stays: readonly Stay[],
  topic: string,
): readonly Finding[] {
  const queues = seen.routes.get(topic)?.shares.get(line.name);
  const last = stays.at(-1) as Stay;
  const fits = stays.some((stay) => {
    const expected = shareIn(stay, topic);
    return expected === queues || (queues !== undefined && stay.registration?.unclear.has(topic));
  });
  if (fits) {
    if (stays.length > 1 || (queues === undefined && line.registered.length === 0)) return [];
    return idsInFavour(seen, line, last, queues !== undefined).map((id) => ({ id, at: seen.at }));
  }
  const expected = shareIn(last, topic);
  const difference = expected === undefined ? 'there' : queues === undefined ? 'gone' : 'queues';
  const sentence = `${sourceOf(seen)} has to name ${shareText(line.name, expected)} in the route of ${topic} (${why(last)}), and names ${shareText(line.name, queues)}${partsText(seen, topic)}`;
  return blame(view, seen, line, last, difference, topic).map((id) => ({ id, at: seen.at, sentence, field: FIELDS[difference] }));
}

/** What is told of a broker agrees with one of the stays. */
function compareBroker(view: View, seen: Observation, line: BrokerLine, stays: readonly Stay[]): readonly Finding[] {
  const told = seen.brokers.get(line.name);
  const last = stays.at(-1) as Stay;
  const known = stays.filter(isKnown);
  if (told === undefined || known.length === 0) return told === undefined ? [] : foreign(seen, line, last);
  const differences = known.map((stay) => differenceOf(told, stay));
  if (differences.includes(undefined)) {
    if (stays.length > 1) return [];
    return idsInFavour(seen, line, last, true).map((id) => ({ id, at: seen.at }));
  }
  const difference = differenceOf(told, known.at(-1) as Stay) as { what: Difference; text: string; field: string };
  const sentence = `${sourceOf(seen)} has to say of broker ${line.name} (${why(last)}): ${difference.text}`;
  return blame(view, seen, line, last, difference.what).map((id) => ({ id, at: seen.at, sentence, field: difference.field }));
}

/** A broker that is told although it is forgotten, or was never registered. Beside `all` nobody has to leave it out. */
function foreign(seen: Observation, line: BrokerLine, last: Stay): readonly Finding[] {
  if (seen.query?.header.all !== true) return [];
  const sentence = `all brokers that are known must not hold ${line.name} (${why(last)}), and do`;
  return [{ id: 'QNT-RTE-006', at: seen.at, sentence, field: 'brokers' }];
}

function differenceOf(
  told: BrokerSeen,
  { phase, registration }: Stay,
): { what: Difference; text: string; field: string } | undefined {
  const away = phase === 'away';
  if (told.away !== away) return { what: 'away', text: `away ${away}, and says ${told.away}`, field: 'away' };
  if (registration === undefined) return undefined;
  for (const field of ['storeId', 'term', 'cluster', 'endpoints', 'createsTopics'] as const) {
    if (told[field] === registration[field] || (field === 'cluster' && registration.cluster === '')) continue;
    if (field === 'endpoints' && registration.frames > 1) continue;
    const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { what: 'text', text: `${name} ${registration[field]}, and says ${told[field]}`, field: name };
  }
  return undefined;
}

/** The requirements that an observation which agrees speaks for. @param named the broker is named. */
function idsInFavour(seen: Observation, line: BrokerLine, stay: Stay, named: boolean): readonly string[] {
  const ids = [isUpdate(seen) ? 'QNT-RTE-009' : seen.query?.header.all === true ? 'QNT-RTE-006' : 'QNT-RTE-002'];
  const since = line.ineffectiveSince(stay, seen.from);
  if (line.registered.length > 1 || (stay.registration?.frames ?? 0) > 1) ids.push('QNT-REG-013');
  if (stay.cause !== 'register' && stay.cause !== 'start' && (named || stay.cause === 'forgotten')) ids.push('QNT-REG-023');
  for (const { kind, exchange } of since) {
    if (kind === 'unregister' && stay.phase === 'live') ids.push('QNT-REG-021');
    if (kind === 'register' && isInvalid(exchange.code)) ids.push('QNT-REG-017');
  }
  if (stay.phase === 'away' && stay.cause !== 'unregister' && beatsBefore(line, stay)) ids.push('QNT-REG-020');
  return ids;
}

const isInvalid = (code: string | undefined): boolean => code === 'INVALID_NAME' || code === 'INVALID_ARGUMENT';

/** Heartbeats answered with `register` came while the broker fell silent. */
const beatsBefore = (line: BrokerLine, away: Stay): boolean => {
  const before = line.stays[line.stays.indexOf(away) - 1];
  return (
    before !== undefined &&
    line.ineffective.some(
      ({ kind, window }) => kind === 'heartbeat' && window.from > before.window.from && window.to < away.window.from,
    )
  );
};

/** The requirements that a difference breaks. */
function blame(
  view: View,
  seen: Observation,
  line: BrokerLine,
  last: Stay,
  difference: Difference,
  topic?: string,
): readonly string[] {
  const since = line.ineffectiveSince(last, seen.to);
  const refused = since.find(({ kind }) => kind === 'register');
  if (difference === 'away')
    return [
      blameForAway(
        line,
        last,
        since.some(({ kind }) => kind === 'unregister'),
      ),
    ];
  if (isUpdate(seen)) return ['QNT-RTE-009'];
  if (unfinishedAt(view, line.name, seen.to)) return ['QNT-REG-013'];
  if (refused !== undefined && isInvalid(refused.exchange.code)) return ['QNT-REG-017'];
  // Whether it was forgotten too early or only left out is not to be seen.
  if (difference === 'gone' && last.phase === 'away') return ['QNT-REG-023', 'QNT-RTE-002'];
  if (difference === 'there' && last.cause === 'forgotten') return ['QNT-REG-023'];
  if (seen.query?.header.all === true && difference === 'gone') return ['QNT-RTE-006'];
  if (difference === 'queues' && isSplit(seen, topic)) return ['QNT-RTE-001'];
  if (difference === 'gone' && (line.registered.length < 2 || last.cause !== 'register')) return ['QNT-RTE-002'];
  return [line.registered.length === 0 ? 'QNT-RTE-002' : 'QNT-REG-013'];
}

/** How several routes of one topic came about. */
function partsText(seen: Observation, topic: string): string {
  const parts = seen.routes.get(topic)?.parts.length ?? 0;
  if (parts < 2) return '';
  const asked = seen.query?.header.topics.filter((one: string) => one === topic).length ?? 0;
  return ` in ${parts} routes that add up${asked > 1 ? `; the query names the topic ${asked} times, which asks for it once` : ''}`;
}

const isSplit = (seen: Observation, topic: string | undefined): boolean =>
  topic !== undefined && (seen.routes.get(topic)?.parts.length ?? 0) > 1;

function blameForAway(line: BrokerLine, last: Stay, left: boolean): string {
  if (last.phase === 'live' && left) return 'QNT-REG-021';
  return last.phase === 'away' && last.cause !== 'unregister' && beatsBefore(line, last) ? 'QNT-REG-020' : 'QNT-REG-023';
}

const sourceOf = (seen: Observation): string => (isUpdate(seen) ? 'an update' : 'a route');

const shareText = (broker: string, queues: number | undefined): string =>
  queues === undefined ? `no share of ${broker}` : `${queues} queues of ${broker}`;

const WHY: Readonly<Record<Stay['cause'], string>> = {
  start: 'which never registered',
  register: 'which is live by its registration',
  heartbeat: 'which is live by its heartbeat',
  unregister: 'which is away because it said so',
  silence: 'which is away because nothing was heard',
  lost: 'which is away because its connection was lost',
  forgotten: 'which is forgotten',
  unclear: 'of which nothing is clear',
};

const why = ({ cause }: Stay): string => WHY[cause];
