import { codeName, type Exchange, type FrameSeen, type Header, type View } from '../../history/view.ts';
import { type Asked, askedIn } from './decisions.ts';

/** How somebody sees what a request has done: by another type of request, in its answer. */
interface Look {
  readonly by: string;
  sees(done: Header, asked: Header, answer: Header): boolean;
}

const LOOKS: Readonly<Record<string, Look>> = {
  TOPIC_CREATE: { by: 'TOPIC_DESCRIBE', sees: ({ topic }, asked) => asked.topic === topic },
  SEND: {
    by: 'TOPIC_DESCRIBE',
    sees: ({ topic }, asked, { queues }) =>
      asked.topic === topic && queues.some((one: { highWatermark: number }) => one.highWatermark > 0),
  },
  CLIENT_HEARTBEAT: {
    by: 'GROUP_DESCRIBE',
    sees: ({ group, member }, asked, { members }) =>
      asked.group === group && members.some((one: { member: string }) => one.member === member),
  },
  OFFSET_COMMIT: {
    by: 'OFFSET_FETCH',
    sees: ({ group }, asked, { offsets }) =>
      asked.group === group && offsets.some(({ code, committed }: Committed) => codeName(code) === 'OK' && committed),
  },
  REGISTER_BROKER: {
    by: 'ROUTE_QUERY',
    sees: ({ broker }, _, { brokers }) => brokers.some((one: { broker: string }) => one.broker === broker),
  },
};

interface Committed {
  readonly code: number;
  readonly committed: boolean;
}

/** What a request is about: another one about the same may have done what is seen. */
const thingOf = ({ name, header }: FrameSeen): string =>
  [name, header?.topic ?? '', header?.group ?? '', header?.broker ?? ''].join(' ');

/** What a forbidden request has done, as somebody sees it who looks; undefined where nobody has looked who could see it. */
export function effectOf(view: View, { name, frame }: Asked): 'done' | 'nothing' | undefined {
  const look = LOOKS[name];
  if (look === undefined || frame.header === undefined) return undefined;
  const looks = view.exchanges.filter(
    ({ name: by, request, response }) => by === look.by && request.index > frame.index && response,
  );
  const until = firstOther(view, frame);
  const before = looks.filter(({ request }) => request.index < until);
  if (before.length === 0) return undefined;
  return before.some((one) => one.answer !== undefined && look.sees(frame.header, one.header, one.answer)) ? 'done' : 'nothing';
}

/** The first request, forbidden ones aside, that may do the same. */
function firstOther(view: View, frame: FrameSeen): number {
  const forbidden = new Set(askedIn(view).flatMap((one) => (one.ruling.allowed ? [] : [one.frame])));
  const other = view.frames.find(
    (one) => one.from === 'kit' && !one.isResponse && !forbidden.has(one) && thingOf(one) === thingOf(frame),
  );
  return other?.index ?? view.events.length;
}

/** The later requests of a connection that were answered. */
export const answeredBehind = ({ connection, index }: FrameSeen): Exchange | undefined =>
  connection.exchanges.find(({ request, response }) => request.index > index && response !== undefined);
