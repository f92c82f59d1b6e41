// Makes packages/core/src/annotate/gen/fields.ts: the fields of every message, for tools that explain bytes.
const SCALARS = new Set(['uint32', 'uint64', 'bool', 'string', 'bytes']);

const field = (schema, { id, name, type, repeated, comment }) => {
  const kind = SCALARS.has(type) ? type : schema.enums[type] ? 'enum' : 'message';
  const of = kind === 'enum' || kind === 'message' ? `, of: '${type}'` : '';
  const code = /a number of ErrorCode/.test(comment ?? '') ? `, of: 'ErrorCode'` : '';
  return `    { number: ${id}, name: '${name}', kind: '${kind}'${of}${code}${repeated ? ', repeated: true' : ''} },\n`;
};

export function generateFields(schema) {
  const messages = Object.entries(schema.messages).map(
    ([name, { type }]) => `  ${name}: [\n${type.fieldsArray.map((one) => field(schema, one)).join('')}  ],\n`,
  );
  const enums = Object.entries(schema.enums)
    .filter(([name]) => name !== 'FrameType' && name !== 'Limit' && name !== 'Feature')
    .map(
      ([name, { values }]) =>
        `  ${name}: new Map([\n${Object.entries(values)
          .map(([text, number]) => `    [${number}, '${text}'],\n`)
          .join('')}  ]),\n`,
    );
  return `// Generated from spec/v1/proto by scripts/generate. Do not edit.

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly kind: 'uint32' | 'uint64' | 'bool' | 'string' | 'bytes' | 'enum' | 'message';
  /** The message or enumeration that it holds. */
  readonly of?: string;
  readonly repeated?: true;
}

/** The fields of every message, by its name, in the order of their numbers. */
export const FIELDS: Readonly<Record<string, readonly Field[]>> = {
${messages.join('')}};

/** The names of the values of every enumeration. */
export const VALUE_NAMES: Readonly<Record<string, ReadonlyMap<number, string>>> = {
${enums.join('')}};
`;
}
