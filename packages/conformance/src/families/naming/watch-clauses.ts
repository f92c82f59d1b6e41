import { LIMITS, nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import { codeName } from '../../history/view.ts';
import type { BrokerLine, Stay } from './broker-line.ts';
import { alwaysRead, isUpdate, type Observation, observationsOf, queriesOf } from './observations.ts';
import { isToTheMatter } from './operations.ts';
import { judgeNamed } from './query-clauses.ts';
import { modelOf } from './route-model.ts';
import { tableClause } from './table-clause.ts';

/** No rule says how late an update may be; one that takes so long has not been sent. */
const UPDATE_MS = 1_000;
/** QNT-RTE-013. */
const SOON_MS = 100;

/** A connection watches a topic from the answer to its question on. */
interface Watch {
  readonly connection: ConnectionSeen;
  readonly topic: string;
  readonly since: Exchange;
  readonly sinceIndex: number;
}

/** A change of one broker in the table that some routes show. */
interface Change {
  readonly line: BrokerLine;
  readonly stay: Stay;
  readonly place: number;
  readonly topics: readonly string[];
}

/** A change of a watched topic, and the update that told it, if one did. */
interface Telling {
  readonly watch: Watch;
  readonly change: Change;
  readonly update: Observation | undefined;
}

/** The kit could read all the time. */
const isOpenUntil = ({ closed, broken, goAways }: ConnectionSeen, view: View, ms: number): boolean =>
  view.endMs >= ms && [closed, broken, ...goAways].every((end) => end === undefined || end.atMs > ms);

/** The first of equal watches counts. */
function watchesOf(view: View): readonly Watch[] {
  const watches = new Map<string, Watch>();
  for (const since of queriesOf(view)) {
    const { response, answer, header, connection } = since;
    if (header?.watch !== true || response === undefined || answer === undefined) continue;
    for (const topic of header.topics) {
      const key = `${connection.number} ${topic}`;
      if (topic !== '' && nameError(topic) === undefined && !watches.has(key))
        watches.set(key, { connection, topic, since, sinceIndex: response.index });
    }
  }
  return [...watches.values()];
}

/** What a route shows of a broker in a stay. */
function looks({ phase, registration }: Stay, topic: string): string {
  const queues = registration?.topics.get(topic);
  if (registration === undefined || queues === undefined) return '';
  const { storeId, term, cluster, endpoints, createsTopics } = registration;
  return `${queues} ${phase} ${storeId} ${term} ${cluster} ${endpoints} ${createsTopics}`;
}

/** A registration says once how many queues a topic has. */
const isClear =
  (topic: string) =>
  ({ registration }: Stay): boolean =>
    registration?.unclear.has(topic) !== true;

/** Changes of which is known that they came, and when. */
function changesOf(view: View): readonly Change[] {
  return [...modelOf(view).lines.values()].flatMap((line) =>
    line.stays.flatMap((stay, place) => {
      const before = line.stays[place - 1];
      const behind = line.stays[place + 1];
      if (before === undefined || ![before, stay].every(({ certain, phase }) => certain && phase !== 'unclear')) return [];
      if (before.window.to >= stay.window.from || (behind !== undefined && behind.window.from <= stay.window.to)) return [];
      const known = [before, stay].flatMap(({ registration }) => [...(registration?.topics.keys() ?? [])]);
      const topics = [...new Set(known)].filter(
        (topic) => [before, stay].every(isClear(topic)) && looks(before, topic) !== looks(stay, topic),
      );
      return topics.length === 0 ? [] : [{ line, stay, place, topics }];
    }),
  );
}

/** An update shows the broker as it can be from a change on, when it is sent. */
function shows(update: Observation, { line, place }: Change, topic: string): boolean {
  const route = update.routes.get(topic);
  if (route === undefined) return false;
  const told = update.brokers.get(line.name);
  const stays = line.possible(update.from, update.to).filter((stay) => line.stays.indexOf(stay) >= place);
  return stays.some(({ phase, registration }) => {
    const queues = registration?.topics.get(topic);
    if (queues !== route.shares.get(line.name)) return false;
    if (queues === undefined || registration === undefined) return true;
    return (
      told !== undefined &&
      told.away === (phase === 'away') &&
      told.term === registration.term &&
      told.storeId === registration.storeId &&
      told.endpoints === registration.endpoints
    );
  });
}

/** Changes that a watch has to be told of, each with the update that did, in the order of the changes. */
function tellingsOf(view: View): readonly Telling[] {
  if (!alwaysRead(view)) return [];
  const updates = observationsOf(view).filter(isUpdate);
  const watches = watchesOf(view);
  const tellings = changesOf(view).flatMap((change) => {
    const { window } = change.stay;
    const untilMs = window.toMs + UPDATE_MS + view.slackMs;
    const next = change.line.stays[change.place + 1];
    // What comes so soon behind it may have made it undone before anybody was told.
    if (next !== undefined && next.window.fromMs <= untilMs) return [];
    return watches.flatMap((watch): readonly Telling[] => {
      const { connection, topic, sinceIndex } = watch;
      if (sinceIndex >= window.from || !change.topics.includes(topic) || !isOpenUntil(connection, view, untilMs)) return [];
      const came = updates.filter(
        ({ at, connection: on, routes }) =>
          on === connection && at.index >= window.from && at.atMs <= untilMs && routes.has(topic),
      );
      const update = came.find((one) => shows(one, change, topic));
      // One that tells something else is the affair of QNT-RTE-009.
      return update === undefined && came.length > 0 ? [] : [{ watch, change, update }];
    });
  });
  return tellings.sort((a, b) => a.change.stay.window.from - b.change.stay.window.from);
}

type Kind = 'QNT-RTE-008' | 'QNT-RTE-011' | 'QNT-RTE-012';

/** What a telling is about: the first appearance of a topic, a watch that still holds, or any change. */
function kindsOf(tellings: readonly Telling[]): ReadonlyMap<Telling, Kind> {
  const changed = new Set<Watch>();
  const told = new Set<Watch>();
  return new Map(
    tellings.map((telling, i) => {
      const { watch, update } = telling;
      // A watch that tells of later changes has not ended.
      const goesOn = update === undefined && tellings.some((later, at) => at > i && later.watch === watch && later.update);
      const kind =
        told.has(watch) && !goesOn ? 'QNT-RTE-011' : wasMissing(watch) && !changed.has(watch) ? 'QNT-RTE-012' : 'QNT-RTE-008';
      changed.add(watch);
      if (update !== undefined) told.add(watch);
      return [telling, kind];
    }),
  );
}

/** The topic did not exist when it was asked for. */
const wasMissing = ({ since, topic }: Watch): boolean =>
  since.answer.routes.some(
    (route: { topic: string; code: number }) =>
      route.topic === topic && ['TOPIC_NOT_FOUND', 'NOT_READY'].includes(codeName(route.code)),
  );

const SENTENCES: Readonly<Record<Kind, string>> = {
  'QNT-RTE-008': 'a watched topic changed',
  'QNT-RTE-011': 'a topic changed whose watch has told of changes before and has not ended',
  'QNT-RTE-012': 'a topic appeared that was watched before it was there',
};

/** Every change is told; which requirement it breaks when one is not depends on what came before. */
function judgeTold(view: View, judge: Judge, id: Kind): void {
  for (const [{ watch, change, update }, kind] of kindsOf(tellingsOf(view))) {
    if (update !== undefined && (kind === id || id === 'QNT-RTE-008')) judge.pass(update.at);
    if (update !== undefined || kind !== id) continue;
    judge.fail(
      change.stay.window.to,
      `${SENTENCES[id]} (${watch.topic}, by broker ${change.line.name}), and no ROUTE_UPDATE came on connection ${watch.connection.number} within ${UPDATE_MS} ms`,
    );
  }
}

const soon: Clause = tableClause('QNT-RTE-013', (view, judge) => {
  const tellings = tellingsOf(view);
  for (const { watch, change, update } of tellings) {
    if (update === undefined) continue;
    const lateMs = Math.round(update.at.atMs - change.stay.window.toMs);
    judgeThat(
      judge,
      update.at,
      lateMs <= SOON_MS + view.slackMs,
      () => `an update of ${watch.topic} should come within ${SOON_MS} ms of the change, and came after ${lateMs} ms`,
    );
  }
  judgeTogether(judge, tellings);
});

/** All changes of one registration are one update on each connection. */
function judgeTogether(judge: Judge, tellings: readonly Telling[]): void {
  const groups = new Map<string, Telling[]>();
  for (const telling of tellings) {
    const { change, watch } = telling;
    if (change.stay.cause !== 'register') continue;
    const key = `${change.line.name} ${change.place} ${watch.connection.number}`;
    groups.set(key, [...(groups.get(key) ?? []), telling]);
  }
  for (const group of groups.values()) {
    const first = group[0]?.update;
    if (group.length < 2 || first === undefined) continue;
    const apart = group.find(({ update }) => update !== undefined && update !== first);
    judgeThat(
      judge,
      first.at,
      apart === undefined,
      () =>
        `one registration changed ${group.length} watched topics and should be one update; ${apart?.watch.topic} came in another`,
    );
  }
}

const watchedMax = tableClause('QNT-RTE-010', (view, judge) => {
  const watched = new Map<ConnectionSeen, Set<string>>();
  const refused = new Map<ConnectionSeen, { readonly topics: Set<string>; readonly index: number }>();
  for (const exchange of queriesOf(view)) {
    const { connection, header, response, code } = exchange;
    if (header?.watch !== true || header.all || header.topics.includes('')) continue;
    const topics: string[] = header.topics.filter((topic: string) => nameError(topic) === undefined);
    const before = watched.get(connection) ?? new Set<string>();
    const after = new Set([...before, ...topics]);
    // What is not answered may be watched, and nobody can say that it is not.
    if (code === undefined) watched.set(connection, after);
    if (after.size <= LIMITS.WATCHED_TOPICS_MAX || response === undefined) continue;
    if (code === 'LIMIT_EXCEEDED') {
      const none = new Set(topics.filter((topic) => !before.has(topic)));
      refused.set(connection, { topics: none, index: response.index });
      judge.pass(response);
    } else if (isToTheMatter(exchange))
      judge.fail(
        response,
        `a watch of ${after.size} topics on one connection has to be refused with LIMIT_EXCEEDED, and was answered ${code ?? 'without an error'}`,
        'code',
      );
  }
  for (const { at, connection, routes } of observationsOf(view).filter(isUpdate)) {
    const none = refused.get(connection);
    if (none === undefined || at.index < none.index) continue;
    const told = [...routes.keys()].find((topic) => none.topics.has(topic) && !watched.get(connection)?.has(topic));
    judgeThat(
      judge,
      at,
      told === undefined,
      () => `none of the topics of a refused watch is watched, and an update tells of ${told}`,
      'routes',
    );
  }
});

export const WATCH_CLAUSES: readonly Clause[] = [
  tableClause('QNT-RTE-008', (view, judge) => judgeTold(view, judge, 'QNT-RTE-008')),
  tableClause('QNT-RTE-009', (view, judge) => judgeNamed(view, judge, true)),
  watchedMax,
  tableClause('QNT-RTE-011', (view, judge) => judgeTold(view, judge, 'QNT-RTE-011')),
  tableClause('QNT-RTE-012', (view, judge) => judgeTold(view, judge, 'QNT-RTE-012')),
  soon,
];
