import { topicOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { passes } from './facts.ts';

export const noPhantom: Checker = {
  name: 'no-phantom',
  rule: 'what is read was sent before, to this topic, with this key, tag and body, and passes the filter of its reader',
  begin: (facts, report) => ({
    see(event, index) {
      if (event.kind === 'trouble' && event.what === 'undecodable' && ![...facts.struck].some((name) => name.startsWith('rot ')))
        return report(`${event.node} was given a batch that it cannot decode: ${event.code}`, event);
      if (event.kind !== 'delivered' && event.kind !== 'drained') return;
      const place = `${event.queue} ${event.offset}`;
      if (event.value === undefined) return report(`${place} has a damaged body`, event);
      const send = facts.sends.get(event.value);
      if (send === undefined || send.invokedAt > index) return report(`${place} is ${event.value}, which nobody had sent`, event);
      const { topic, key, tag } = send.invoked;
      if (topicOf(event.queue) !== topic || event.topic !== topic)
        return report(`${event.value} was sent to ${topic} and is at ${place}`, send.invoked, event);
      if (event.key !== key || event.tag !== tag)
        return report(`${event.value} has key ${event.key} and tag ${event.tag}, not ${key} and ${tag}`, send.invoked, event);
      if (event.kind === 'delivered' && !passes(facts.groups.get(event.group), topic, tag))
        return report(`${event.value} with tag ${tag} does not pass the filter of ${event.group}`, event);
    },
  }),
};
