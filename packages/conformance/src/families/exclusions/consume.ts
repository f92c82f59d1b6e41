/** Of chapters 12, 13 and 15: what no kit can observe from outside. */
export const CONSUME_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-BAT-016': 'binds who reads records: a broker looks at batch headers and tags, and stores the rest as it is',
  'QNT-PUL-018': 'a kit cannot make stored bytes unreadable: how a broker keeps them is its own affair',
  'QNT-PUL-024': 'grants a freedom: there is nothing to break; QNT-PUL-023 holds for what must not be left out',
};
