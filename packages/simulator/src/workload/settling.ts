import type { GroupDescription, TopicDescription } from '@qanat/core';
import { queueKeyOf } from '../history/index.ts';
import type { Application } from './application.ts';
import type { GroupLoad } from './group-load.ts';
import type { Member } from './member.ts';
import type { TopicPlan } from './plan.ts';
import type { Sender } from './sender.ts';

const ASK_MS = 3_000;

export interface SettlingParts {
  readonly admin: Application;
  readonly topics: readonly TopicPlan[];
  readonly senders: readonly Sender[];
  readonly groups: readonly GroupLoad[];
}

/** Asks the cluster whether everything has come to rest. Calls `done` with what has not. */
export function lookForUnrest(parts: SettlingParts, done: (problems: readonly string[]) => void): void {
  const problems: string[] = [];
  for (const { plan, pending } of parts.senders) if (pending > 0) problems.push(`${plan.name}: ${pending} sends are pending`);
  const clustering = parts.groups.filter(({ plan, members }) => plan.mode === 'clustering' && members.length > 0);
  let open = parts.topics.length + clustering.length;
  const ends = new Map<string, number>();
  const ended = (): void => {
    if (--open > 0) return;
    for (const group of parts.groups) if (group.plan.mode === 'broadcasting') problems.push(...behind(group, ends));
    done(problems);
  };
  const { admin } = parts.admin;
  parts.admin.within(() => {
    for (const { topic } of parts.topics) {
      admin.describeTopic(topic, ASK_MS, (error, description) => {
        if (error !== undefined) problems.push(`topic ${topic}: ${error.code}`);
        else problems.push(...topicProblems(description, ends));
        ended();
      });
    }
    for (const group of clustering) {
      admin.describeGroup(group.plan.group, ASK_MS, (error, description) => {
        if (error !== undefined) problems.push(`group ${group.plan.group}: ${error.code}`);
        else problems.push(...groupProblems(group.staying, description));
        ended();
      });
    }
  });
}

function topicProblems({ topic, queues }: TopicDescription, ends: Map<string, number>): string[] {
  for (const { broker, queue, highWatermark } of queues) ends.set(queueKeyOf(topic, broker, queue), highWatermark);
  return queues.filter(({ away }) => away).map(({ broker, queue }) => `queue ${topic}/${broker}/${queue} is away`);
}

function groupProblems(staying: readonly Member[], { group, members, queues, missingBrokers }: GroupDescription): string[] {
  const problems = missingBrokers.map((broker) => `group ${group}: broker ${broker} does not answer`);
  for (const { topic, broker, queue, member, lag } of queues) {
    const place = `group ${group}, queue ${topic}/${broker}/${queue}`;
    if (member === undefined) problems.push(`${place} has no owner`);
    else if (!staying.some(({ name }) => name === member)) problems.push(`${place} belongs to ${member}, who is gone`);
    if (lag > 0) problems.push(`${place} lags by ${lag}`);
  }
  for (const { name } of staying) if (!members.some(({ id }) => id === name)) problems.push(`group ${group}: ${name} is missing`);
  return problems;
}

function behind({ staying }: GroupLoad, ends: ReadonlyMap<string, number>): string[] {
  return staying.flatMap((member) => {
    const positions = new Map(
      member.positions().map(({ queue: { topic, broker, queue }, offset }) => [queueKeyOf(topic, broker, queue), offset]),
    );
    if (positions.size === 0) return [`${member.group} reads nothing`];
    return [...positions]
      .filter(([queue, offset]) => offset < (ends.get(queue) ?? 0))
      .map(([queue, offset]) => `${member.group} is at ${offset} of ${ends.get(queue)} in ${queue}`);
  });
}
