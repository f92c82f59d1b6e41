// Makes *messages.ts and control-headers.ts in packages/core/src/wire/gen: of each message an interface, a writer and a reader.
import protobuf from 'protobufjs';
import { frames, option } from './schema.mjs';

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase());
const isMessage = (field) => field.resolvedType instanceof protobuf.Type;
const isEnum = (field) => field.resolvedType instanceof protobuf.Enum;

function scalarType(field) {
  if (isMessage(field)) return field.resolvedType.name;
  if (isEnum(field)) return `reg.${field.resolvedType.name}`;
  return { string: 'string', bytes: 'Uint8Array', bool: 'boolean', uint32: 'number', uint64: 'number' }[field.type];
}

function fieldType(field, init) {
  const base = init && isMessage(field) ? `${scalarType(field)}Init` : scalarType(field);
  return field.repeated ? `readonly ${base}[]` : base;
}

const defaultOf = (field) => {
  if (field.repeated) return '[]';
  if (isMessage(field)) return 'undefined';
  return { string: "''", bytes: 'NO_BYTES', bool: 'false' }[field.type] ?? '0';
};

const doc = (text, indent) => (text ? `${indent}/** ${text.replace(/\s+/g, ' ').trim()} */\n` : '');

function interfaces(type) {
  const name = type.name;
  const plain = type.fieldsArray.map((f) => {
    const optional = isMessage(f) && !f.repeated;
    return `${doc(f.comment, '  ')}  readonly ${camel(f.name)}: ${fieldType(f)}${optional ? ' | undefined' : ''};\n`;
  });
  const init = type.fieldsArray.map((f) => `  readonly ${camel(f.name)}?: ${fieldType(f, true)} | undefined;\n`);
  const body = (lines) => (lines.length > 0 ? `{\n${lines.join('')}}` : 'Record<string, never>');
  const declare = (n, lines) =>
    lines.length > 0 ? `export interface ${n} ${body(lines)}\n` : `export type ${n} = ${body(lines)};\n`;
  return `${doc(type.comment, '')}${declare(name, plain)}\nexport ${lines0(init, name)}\n`;
}

const lines0 = (init, name) =>
  init.length > 0 ? `interface ${name}Init {\n${init.join('')}}\n` : `type ${name}Init = Record<string, never>;\n`;

const WIRE = { string: 2, bytes: 2, bool: 0, uint32: 0, uint64: 0 };

function writeOne(field, value) {
  if (isMessage(field)) return `write${field.resolvedType.name}(w.uint32(${(field.id << 3) | 2}).fork(), ${value}).ldelim();`;
  if (isEnum(field)) return `w.uint32(${field.id << 3}).uint32(${value});`;
  const tag = (field.id << 3) | WIRE[field.type];
  if (field.type === 'uint64') return `w.uint32(${tag}).uint64(checkUint64(${value}, '${field.parent.name}.${field.name}'));`;
  if (field.type === 'uint32') return `w.uint32(${tag}).uint32(checkUint32(${value}, '${field.parent.name}.${field.name}'));`;
  return `w.uint32(${tag}).${field.type}(${value});`;
}

function writer(type) {
  const lines = type.fieldsArray.map((f) => {
    const value = `v.${camel(f.name)}`;
    if (f.repeated && !isMessage(f) && f.type !== 'string') {
      const item = isEnum(f) ? 'uint32' : f.type;
      if (item !== 'uint32') throw new Error(`${type.name}.${f.name}: packed ${f.type} is not supported`);
      const items = `    for (const item of ${value}) w.uint32(checkUint32(item, '${type.name}.${f.name}'));\n`;
      const body = `    w.uint32(${(f.id << 3) | 2}).fork();\n${items}    w.ldelim();\n`;
      return `  if (${value} !== undefined && ${value}.length > 0) {\n${body}  }\n`;
    }
    if (f.repeated) return `  if (${value} !== undefined) for (const item of ${value}) ${writeOne(f, 'item')}\n`;
    if (isMessage(f)) return `  if (${value} !== undefined) ${writeOne(f, value)}\n`;
    if (f.type === 'bytes' || f.type === 'string')
      return `  if (${value} !== undefined && ${value}.length > 0) ${writeOne(f, value)}\n`;
    return `  if (${value}) ${writeOne(f, value)}\n`;
  });
  const unused = lines.length === 0 ? '_v' : 'v';
  return `function write${type.name}(w: ProtobufWriter, ${unused}: ${type.name}Init): ProtobufWriter {\n${lines.join('')}  return w;\n}\n`;
}

function readValue(field) {
  const where = `'${field.parent.name}.${field.name}'`;
  const max = option(field.options, 'max');
  const limit = typeof max === 'string' ? `reg.LIMITS.${max}` : undefined;
  if (isMessage(field)) return `read${field.resolvedType.name}(r, r.end())`;
  if (isEnum(field)) return `readEnum(r, reg.${field.resolvedType.name}Names, ${where})`;
  if (field.type === 'uint64') return `readUint64(r, ${where})`;
  if (field.type === 'string' && limit && !field.repeated) return `readString(r, ${limit}, ${where})`;
  if (field.type === 'string') return `readString(r, reg.LIMITS.LABEL_BYTES_MAX, ${where})`;
  if (field.type === 'bytes') return `readBytes(r, ${limit ?? 'reg.LIMITS.CONTROL_HEADER_BYTES_MAX'}, ${where})`;
  return `r.${field.type}()`;
}

function reader(type, inLog) {
  const names = type.fieldsArray.map((f) => camel(f.name));
  const bound = (f) => {
    const max = option(f.options, 'max');
    if (inLog && typeof max !== 'string') return '';
    const limit = typeof max === 'string' ? `reg.LIMITS.${max}` : 'reg.LIMITS.LIST_ITEMS_MAX';
    return `checkCount(${camel(f.name)}.length, ${limit}, '${type.name}.${f.name}'); `;
  };
  const cases = type.fieldsArray.map((f) => {
    const name = camel(f.name);
    const packable = f.repeated && !isMessage(f) && f.type !== 'string';
    const wire = packable || isMessage(f) ? 2 : (WIRE[f.type] ?? 0);
    const tag = (f.id << 3) | wire;
    let read = `${name} = ${readValue(f)};`;
    if (packable) read = `{ const end = r.end(); while (r.pos < end) { ${bound(f)}${name}.push(r.uint32()); } }`;
    else if (f.repeated) read = `${bound(f)}${name}.push(${readValue(f)});`;
    return `      case ${tag}: ${read} break;\n`;
  });
  const lets = type.fieldsArray.map((f) => {
    const keyword = f.repeated ? 'const' : 'let';
    const t = f.repeated ? `${scalarType(f)}[]` : `${scalarType(f)}${isMessage(f) ? ' | undefined' : ''}`;
    return `  ${keyword} ${camel(f.name)}: ${t} = ${defaultOf(f)};\n`;
  });
  const required = type.fieldsArray
    .filter((f) => option(f.options, 'conformance') === 'M')
    .map((f) => {
      const name = camel(f.name);
      const absent =
        isMessage(f) && !f.repeated
          ? `${name} === undefined`
          : isEnum(f) || f.type === 'uint32'
            ? `${name} === 0`
            : `${name}.length === 0`;
      return `  if (${absent}) missing('${type.name}.${f.name}');\n`;
    });
  const choice = `    switch (tag) {\n${cases.join('')}      default: r.skip(tag);\n    }\n`;
  const loop = `  while (r.pos < end) {\n    const tag = r.uint32();\n${choice}  }\n`;
  const body = `${lets.join('')}${loop}  checkEnd(r, end);\n${required.join('')}  return { ${names.join(', ')} };\n`;
  return `function read${type.name}(r: ProtobufReader, end: number): ${type.name} {\n${body}}\n`;
}

/**
 * What a page does not load at once: the control headers of these frames, and the messages that only they have, in a file of
 * their own. Who sends such a frame says with the request how it is written.
 */
const PARTS = {
  registration: /^(REGISTER_BROKER|UNREGISTER_BROKER|BROKER_HEARTBEAT)$/,
  consuming: /^(PULL|OFFSET_\w+|CLIENT_HEARTBEAT|RELEASE|LEAVE)$/,
  administration: /^(TOPIC_(ALTER|REMOVE|LIST|DESCRIBE)|GROUP_\w+)$/,
  'keyed-state': /^STATE_/,
  replication: /^(REPLICATE|SNAPSHOT_READ|PROMOTE|DEMOTE|BROKER_DESCRIBE|RECORD_(PUT|GET))$/,
};
const partOfFrame = (frame) => Object.keys(PARTS).find((part) => PARTS[part].test(frame));

/** The part of each message; '' for those that all load. */
function partsOfMessages(schema, live) {
  const users = new Map(Object.keys(schema.messages).map((name) => [name, new Set()]));
  const use = (name, part) => {
    if (users.get(name).has(part)) return;
    users.get(name).add(part);
    for (const field of schema.messages[name].type.fieldsArray) if (isMessage(field)) use(field.resolvedType.name, part);
  };
  for (const { name, request, response } of live)
    for (const message of [request, response]) if (message) use(message, partOfFrame(name) ?? '');
  for (const [name, { file }] of Object.entries(schema.messages)) if (file === 'log.proto') use(name, '');
  return (name) => (users.get(name).size === 1 ? [...users.get(name)][0] : '');
}

const moduleOf = (part) => `./${part === '' ? '' : `${part}-`}messages.ts`;

function importOf(names, from) {
  const line = `import { ${names.join(', ')} } from '${from}';`;
  return line.length <= 130 ? line : `import {\n  ${names.join(',\n  ')},\n} from '${from}';`;
}

function controlHeaders(live, partOf) {
  const rows = live.map((f) => `  ${f.name}: { request: ${f.request}, response: ${f.response || 'undefined'} },\n`);
  const names = [...new Set(live.flatMap(({ request, response }) => (response ? [request, response] : [request])))].sort();
  const parts = [...Object.keys(PARTS), ''].sort((a, b) => (moduleOf(a) < moduleOf(b) ? -1 : 1));
  const imports = parts.map((part) =>
    importOf(
      names.filter((name) => partOf(name) === part),
      moduleOf(part),
    ),
  );
  const note = '/** The control headers of each frame type; `response` is undefined where the frame is one-way. */\n';
  return `${NOTE}${imports.join('\n')}\n\n${note}export const CONTROL_HEADERS = {\n${rows.join('')}} as const;\n`;
}

const decode = (name) => `decoder('${name}', read${name})`;

/** A client sends no answers and reads no requests: without them it is half as long in a browser. */
function clientRequests(live, part) {
  const sent = live
    .filter(({ name, from }) => from !== 'server' && (partOfFrame(name) ?? '') === part)
    .map((f) => {
      const answer = f.response ? `, decode: ${decode(f.response)}` : '';
      return `  ${f.name}: { encode: encoder(write${f.request})${answer} },\n`;
    });
  const note = part === '' ? 'but for what has a file of its own' : 'of this part';
  const name = part === '' ? 'CLIENT_REQUESTS' : `${part.replace('-', '_').toUpperCase()}_REQUESTS`;
  return `/** What a client sends with each frame type, ${note}, and how it reads the answer. */
export const ${name} = {
${sent.join('')}} as const;
`;
}

function serverPushes(live) {
  const pushed = live
    .filter(({ from, response }) => from !== 'client' && !response)
    .map((f) => `  ${f.name}: ${decode(f.request)},\n`);
  return `/** How a client reads the frames that servers send by themselves. */
export const SERVER_PUSHES = {
${pushed.join('')}} as const;
`;
}

const NOTE = '// Generated from spec/v1/proto by scripts/generate. Do not edit.\n';
const HELPERS = [
  ...['checkCount', 'checkEnd', 'checkUint32', 'checkUint64', 'decoder', 'encoder', 'messageType', 'missing', 'NO_BYTES'],
  ...['readBytes', 'readEnum', 'readString', 'readUint64'],
];

function fileOf(body, part, others) {
  const used = HELPERS.filter((name) => new RegExp(`\\b${name}\\b`).test(body));
  const at = used.indexOf('messageType');
  const helpers = [...used.slice(0, at), 'type MessageType', ...used.slice(at)];
  const shared = others.filter((name) => new RegExp(`\\b(read|write)${name}\\(`).test(body));
  const taken = shared.flatMap((name) => [`type ${name}`, `type ${name}Init`, `read${name}`, `write${name}`]);
  return `${NOTE}import {
  ${helpers.join(', ').replace(/(.{100,120}?,) /g, '$1\n  ')},
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
${part !== '' && taken.length > 0 ? `${importOf(taken, moduleOf(''))}\n` : ''}import * as reg from './registry.ts';

${body}`;
}

/** @returns the texts of the files in packages/core/src/wire/gen, by their names. */
export function generateMessages(schema) {
  const live = frames(schema).filter(({ status }) => status !== 'reserved');
  const partOf = partsOfMessages(schema, live);
  const inPart = (part) => Object.values(schema.messages).filter(({ type }) => partOf(type.name) === part);
  const shared = inPart('').map(({ type }) => type.name);
  const nested = new Set(
    Object.keys(PARTS)
      .flatMap((part) => inPart(part))
      .flatMap(({ type }) => type.fieldsArray.filter(isMessage))
      .map((f) => f.resolvedType.name),
  );
  const textOf = (part) => {
    const parts = inPart(part).map(({ type, file }) => {
      const { name } = type;
      const made = `/* @__PURE__ */ messageType('${name}', write${name}, read${name})`;
      const codec = `export const ${name}: MessageType<${name}, ${name}Init> = ${made};\n`;
      const lent = part === '' && nested.has(name) ? 'export ' : '';
      return [interfaces(type), `${lent}${writer(type)}`, `${lent}${reader(type, file === 'log.proto')}`, codec].join('\n');
    });
    const tail = part === '' ? `\n${serverPushes(live)}` : '';
    return fileOf(`${parts.join('\n')}\n${clientRequests(live, part)}${tail}`, part, part === '' ? [] : shared);
  };
  const files = Object.fromEntries(['', ...Object.keys(PARTS)].map((part) => [moduleOf(part).slice(2), textOf(part)]));
  return { ...files, 'control-headers.ts': controlHeaders(live, partOf) };
}
