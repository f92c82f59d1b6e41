// Makes packages/core/src/wire/gen/registry.ts: frame types, error codes, limits and enumerations as constants.
import { errors, features, frames, limits, plainEnums } from './schema.mjs';

const quote = (text) => `'${String(text).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const record = (fields) =>
  `{ ${Object.entries(fields)
    .map(([k, v]) => `${k}: ${typeof v === 'string' ? quote(v) : v}`)
    .join(', ')} }`;
const hex = (n) => `0x${n.toString(16).padStart(4, '0')}`;

function frameTable(schema) {
  const rows = frames(schema).map(
    (f) =>
      `  ${f.name}: ${record({
        type: f.number,
        request: f.request ?? '',
        response: f.response ?? '',
        from: f.from ?? '',
        at: f.at ?? '',
        payload: f.payload ?? '',
        more: f.more ?? '',
        idempotent: f.idempotent ?? false,
        feature: f.feature ?? '',
        reserved: f.status === 'reserved',
        since: f.since,
        access: f.access ?? '',
      })},\n`,
  );
  const note = '/** Every frame type of the schema, by name. Reserved ones have a number and nothing else. */\n';
  return `${note}export const FRAMES = {\n${rows.join('')}} as const;\nexport type FrameName = keyof typeof FRAMES;\n`;
}

function reservedFrames(schema) {
  const names = frames(schema).filter(({ status }) => status === 'reserved');
  const note = '/** Frame types that have a number and nothing else. */\n';
  return `${note}export const RESERVED_FRAMES: readonly string[] = [${names.map(({ name }) => quote(name)).join(', ')}];\n`;
}

export function generateRegistry(schema) {
  const enumText = plainEnums(schema).map(({ name, comment, values }) => {
    const rows = values
      .map((v) => `  /** ${v.comment} */\n  ${v.name}: ${v.number},\n`)
      .join('')
      .replaceAll('  /**  */\n', '');
    const table = `/** ${comment} */\nexport const ${name} = {\n${rows}} as const;\n`;
    const type = `export type ${name} = (typeof ${name})[keyof typeof ${name}];\n`;
    return `${table}${type}export const ${name}Names: readonly string[] = [${values.map((v) => quote(v.name)).join(', ')}];\n`;
  });
  const types = frames(schema)
    .map((f) => `  /** ${f.comment} */\n  ${f.name}: ${hex(f.number)},\n`)
    .join('');
  const codes = errors(schema)
    .map(
      (e) =>
        `  /** ${e.meaning} */\n  ${e.name}: ${record({ number: e.number, hint: e.hint ?? '', closes: e.closes ?? false })},\n`,
    )
    .join('');
  const limitRows = limits(schema)
    .map((l) => `  /** ${l.meaning}, in ${l.unit}. */\n  ${l.name}: ${l.value},\n`)
    .join('');
  const featureRows = features(schema)
    .map((f) => `  ${f.name}: ${f.number},\n`)
    .join('');
  return `// Generated from spec/v1/proto by scripts/generate. Do not edit.

${reservedFrames(schema)}
/** Numbers of the frame types. */
export const FrameType = {
${types}} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

${frameTable(schema)}
/** Every error code that has a number on the wire, by name; the thousand is its class. */
export const WIRE_ERRORS = {
${codes}} as const;
export type WireErrorCode = keyof typeof WIRE_ERRORS;

/** The limits of the specification; servers may be configured to lower or higher ones where the table of limits says so. */
export const LIMITS = {
${limitRows}} as const;
export type LimitName = keyof typeof LIMITS;

/** Features that HELLO negotiates. */
export const Feature = {
${featureRows}} as const;

${enumText.join('\n')}`;
}
