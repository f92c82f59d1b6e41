/** A text with places for levels of an MQTT topic: texts as they are, numbers of levels. */
export type Template = readonly (string | number)[];

const PART = /\{([^{}]*)\}|([^{}]+)|([{}])/g;

/**
 * Parses a template whose captures are those of a rule, by name their level.
 * @param refuse throws: what is wrong, what to do.
 */
export function parseTemplate(
  text: string,
  captures: ReadonlyMap<string, number>,
  refuse: (what: string, hint: string) => never,
): Template {
  return [...text.matchAll(PART)].map(([, name, literal, brace]) => {
    if (literal !== undefined) return literal;
    if (brace !== undefined) refuse(`"${brace}" stands alone in ${JSON.stringify(text)}`, 'write captures as {name}');
    const level = captures.get(name as string);
    if (level !== undefined) return level;
    const known = [...captures.keys()].map((one) => `{${one}}`).join(', ');
    return refuse(
      `{${name}} in ${JSON.stringify(text)} is no capture of the rule`,
      known === '' ? 'name a level in "match", such as devices/{id}/#' : `the captures of "match" are ${known}`,
    );
  });
}

export function expandTemplate(template: Template, levels: readonly string[]): string {
  let text = '';
  for (const part of template) text += typeof part === 'string' ? part : levels[part];
  return text;
}
