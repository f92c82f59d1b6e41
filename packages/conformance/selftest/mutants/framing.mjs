/** Bugs of the framing family: one edit of packages/core/src each, and the clause that has to go red. */
export const MUTANTS = [
  {
    name: 'even-number-taken',
    what: 'a request with an even number is served',
    file: 'connection/server-session.ts',
    find: 'if (!oneWay && frame.correlation % 2 === 0)',
    replace: 'if (frame.correlation < 0)',
    clause: 'QNT-FRM-019',
  },
];
