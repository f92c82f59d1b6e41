import type { Checker } from './checker.ts';

export const goawayHeeded: Checker = {
  name: 'goaway-heeded',
  rule: 'a client asks nothing new of a server that said that it leaves',
  begin: (_facts, report) => ({
    see(event) {
      if (event.kind === 'askedAfterGoAway') report(`${event.node} sends ${event.frame} to a server that said GOAWAY`, event);
    },
  }),
};
