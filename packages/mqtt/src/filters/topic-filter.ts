/** `$share/NAME/FILTER` in its parts (MQTT 5.0 section 4.8.2). */
export interface ShareName {
  readonly name: string;
  readonly filter: string;
}

const SHARE = '$share/';

/** Whether the text is a topic filter (MQTT 5.0 and 3.1.1, section 4.7.1): wildcards stand alone in their level, `#` last. */
export function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false;
  const levels = filter.split('/');
  return levels.every((level, i) => {
    if (level === '#') return i === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}

/** Whether the text may be the name of a topic that is published to (MQTT 5.0 sections 3.3.2.1, 4.7.3). */
export function isTopicName(topic: string): boolean {
  return topic !== '' && !hasWildcard(topic) && !topic.includes('\0');
}

/** How many levels a filter has; those of `$share/NAME/` count. */
export const levelsOf = (filter: string): number => filter.split('/').length;

export const hasWildcard = (filter: string): boolean => /[+#]/.test(filter);

export const isShared = (filter: string): boolean => filter.startsWith(SHARE);

/** The parts of a shared subscription's filter; undefined where it is none by [MQTT-4.8.2-1] and [MQTT-4.8.2-2]. */
export function parseShare(text: string): ShareName | undefined {
  if (!isShared(text)) return undefined;
  const slash = text.indexOf('/', SHARE.length);
  const name = slash < 0 ? '' : text.slice(SHARE.length, slash);
  const filter = text.slice(slash + 1);
  return name === '' || /[+#]/.test(name) || !isTopicFilter(filter) ? undefined : { name, filter };
}

/** What a subscription's filter selects by: of a shared one the part behind the name. */
export const selectionOf = (filter: string): string => parseShare(filter)?.filter ?? filter;

/** Whether a filter selects a topic. A wildcard in front selects no topic that begins with `$` [MQTT-4.7.2-1]. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** Whether any topic could be selected by both filters. */
export function mayMeet(one: string, other: string): boolean {
  if ((one.startsWith('$') && /^[+#]/.test(other)) || (other.startsWith('$') && /^[+#]/.test(one))) return false;
  const a = one.split('/');
  const b = other.split('/');
  for (let i = 0; ; i++) {
    if (a[i] === '#' || b[i] === '#') return true;
    if (a[i] === undefined || b[i] === undefined) return a[i] === b[i];
    if (a[i] !== '+' && b[i] !== '+' && a[i] !== b[i]) return false;
  }
}
