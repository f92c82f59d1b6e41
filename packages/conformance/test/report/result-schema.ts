import { readFileSync } from 'node:fs';

/** What of JSON Schema the kit's own schema needs. */
interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number';
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const ROOT: Schema = JSON.parse(readFileSync(new URL('../../result.schema.json', import.meta.url), 'utf8'));

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : Number.isInteger(value) ? 'integer' : typeof value;

/** Where a value is not as the schema of results says, a line each. */
export const wrongPlaces = (value: unknown): readonly string[] => [...wrong(value, ROOT, 'result')];

function* wrong(value: unknown, schema: Schema, at: string): Generator<string> {
  const { $ref, type, pattern, minimum } = schema;
  if ($ref !== undefined) return yield* wrong(value, ROOT.$defs?.[$ref.replace('#/$defs/', '')] ?? { enum: [] }, at);
  if (schema.const !== undefined && value !== schema.const) yield `${at} is not ${schema.const}`;
  if (schema.enum?.includes(value) === false) yield `${at} is none of ${schema.enum.join(', ')}`;
  const is = typeOf(value);
  if (type !== undefined && is !== type && !(type === 'number' && is === 'integer')) return yield `${at} is no ${type}`;
  if (pattern !== undefined && !new RegExp(pattern).test(String(value))) yield `${at} does not match ${pattern}`;
  if (minimum !== undefined && Number(value) < minimum) yield `${at} is below ${minimum}`;
  if (is === 'array') for (const [i, one] of (value as unknown[]).entries()) yield* wrong(one, schema.items ?? {}, `${at}[${i}]`);
  if (is === 'object') yield* wrongFields(value as Record<string, unknown>, schema, at);
}

/** What the schema does not name is wrong here, so that no field stays undescribed; steps of programs have their own. */
function* wrongFields(value: Record<string, unknown>, { required = [], properties = {} }: Schema, at: string): Generator<string> {
  for (const name of required) if (value[name] === undefined) yield `${at}.${name} is missing`;
  for (const [name, one] of Object.entries(value)) {
    const known = properties[name];
    if (known !== undefined) yield* wrong(one, known, `${at}.${name}`);
    else if (properties.op === undefined && !PROGRAM_FIELDS.has(name)) yield `${at}.${name} is not in the schema`;
  }
}

/** How a program is set up is told by the documentation of programs. */
const PROGRAM_FIELDS = new Set(['setup', 'needs', 'alone', 'timing', 'binding']);
