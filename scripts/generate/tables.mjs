// Makes spec/v1/registry/*.md: the tables of frames, errors, limits and control headers.
import protobuf from 'protobufjs';
import { errors, features, frames, limits, option, plainEnums } from './schema.mjs';

const NOTE = '<!-- Generated from spec/v1/proto by scripts/generate. Do not edit. -->\n';
const hex = (n) => `\`0x${n.toString(16).padStart(4, '0')}\``;
const anchor = (name) => (name ? `[${name}](messages.md#${name.toLowerCase()})` : '–');
const table = (head, rows) =>
  `| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|\n${rows.map((r) => `| ${r.join(' | ')} |`).join('\n')}\n`;

function frameTable(schema) {
  const live = frames(schema).filter((f) => f.status !== 'reserved');
  const rows = live.map((f) => [
    hex(f.number),
    `**${f.name}**`,
    f.from === 'any' ? 'either' : f.from,
    f.at,
    anchor(f.request),
    anchor(f.response),
    f.payload ?? '–',
    f.more ?? '–',
    f.idempotent ? 'yes' : 'no',
    f.access === '-' ? '–' : f.access,
    f.comment.replace(/\s+/g, ' '),
  ]);
  const kept = frames(schema)
    .filter((f) => f.status === 'reserved')
    .map((f) => [hex(f.number), f.name, f.since, f.comment.replace(/\s+/g, ' ')]);
  return `${NOTE}# Registry: frame types

A frame's control header is the message of the column *request*, or *response* when the flag RESPONSE is set, or
[ErrorInfo](messages.md#errorinfo) when the flag ERROR is set. *Begun by* says which side of the connection may send the
request; a broker is a client of its NameServers. A frame without a response is one-way. *Idempotent*: the same request
twice has the effect of one. *Needs*: what the client's principal needs where the server authenticates
([chapter 22](../22-authorization.md)).

${table(['Type', 'Name', 'Begun by', 'Served by', 'Request', 'Response', 'Payload', 'MORE', 'Idempotent', 'Needs', 'Purpose'], rows)}
## Reserved numbers

These numbers are kept. A server of version 1.0 answers them UNSUPPORTED_FRAME.

${table(['Type', 'Name', 'For version', 'Purpose'], kept)}`;
}

const CLASSES = [
  ['1xxx', 'CONNECTION', 'framing or handshake is broken', 'connect again, with back-off', 'no'],
  ['2xxx', 'REROUTE', 'the wrong server was asked', 'refresh the route, then again', 'no'],
  ['3xxx', 'THROTTLED', 'too much at once', 'again after `retry_after_ms`', 'no'],
  ['4xxx', 'REJECTED', 'the request is wrong', 'never unchanged', 'no'],
  ['5xxx', 'TRANSIENT', 'the server cannot do it now', 'again, with back-off', 'no'],
  ['6xxx', 'UNCERTAIN', 'the outcome is not known', 'only what is idempotent', '**maybe**'],
  ['7xxx', 'AUTH', 'not authenticated, or forbidden', 'never unchanged', 'no'],
  ['8xxx', 'FENCED', 'a lease, producer, member or term is stale', 'with a new epoch', 'no'],
];

function errorTable(schema) {
  const rows = errors(schema)
    .filter((e) => e.number > 0)
    .map((e) => [e.number, `**${e.name}**`, e.meaning, e.hint ?? '–', e.closes ? 'yes' : 'no']);
  return `${NOTE}# Registry: error codes

The thousand of a code is its class. A client that does not know a code acts on its class.

${table(['Class', 'Name', 'What it says', 'Try again?', 'May it have been processed?'], CLASSES)}
## Codes

${table(['Code', 'Name', 'Meaning', 'What to do', 'Closes the connection'], rows)}`;
}

function limitTable(schema) {
  const rows = limits(schema).map((l) => [
    `**${l.name}**`,
    Number(l.value).toLocaleString('en-US').replaceAll(',', '\u202f'),
    l.unit,
    l.meaning,
    l.error ?? '–',
    l.configurable ? 'default' : 'fixed',
  ]);
  return `${NOTE}# Registry: limits

*Default* values may be configured at the server; HELLO tells those that the client must know. *Fixed* values are the same
everywhere.

${table(['Name', 'Value', 'Unit', 'What it bounds', 'Passing it', 'Kind'], rows)}`;
}

function messageTables(schema) {
  const parts = Object.entries(schema.messages).map(([name, { type, file }]) => {
    const rows = type.fieldsArray.map((f) => {
      const kind =
        f.resolvedType instanceof protobuf.Type
          ? `[${f.type}](#${f.type.toLowerCase()})`
          : f.resolvedType
            ? `[${f.type}](enums.md#${f.type.toLowerCase()})`
            : f.type;
      const max = option(f.options, 'max');
      return [
        f.id,
        `\`${f.name}\``,
        f.repeated ? `list of ${kind}` : kind,
        option(f.options, 'conformance') === 'M' ? 'M' : 'O',
        typeof max === 'string' ? max : '–',
        (f.comment ?? '').replace(/\s+/g, ' ') || '–',
      ];
    });
    const body = rows.length > 0 ? table(['No.', 'Field', 'Type', 'M/O', 'Limit', 'Meaning'], rows) : 'No fields.\n';
    return `## ${name}\n\n*${file}*${type.comment ? ` · ${type.comment.replace(/\s+/g, ' ')}` : ''}\n\n${body}`;
  });
  return `${NOTE}# Registry: messages

Encoded as Protocol Buffers, proto3. *M*: a decoder refuses the message when the field is absent or empty. *O*: an absent
field has the default of its type. All 64-bit integers are 0 … 2^53−1. Unknown fields are skipped.

${parts.join('\n')}`;
}

function enumTables(schema) {
  const parts = plainEnums(schema).map(
    ({ name, comment, values }) =>
      `## ${name}\n\n${comment}\n\n${table(
        ['Value', 'Name', 'Meaning'],
        values.map((v) => [v.number, `**${v.name}**`, v.comment || '–']),
      )}`,
  );
  const feature = features(schema);
  return `${NOTE}# Registry: enumerations and features

## Features

${
  feature.length > 0
    ? table(
        ['Number', 'Name', 'Meaning'],
        feature.map((f) => [f.number, f.name, f.comment]),
      )
    : 'Version 1.0 has no optional features. Numbers `31 × N + 27` are for greasing and are never assigned.\n'
}
${parts.join('\n')}`;
}

export function generateTables(schema) {
  return {
    'frames.md': frameTable(schema),
    'errors.md': errorTable(schema),
    'limits.md': limitTable(schema),
    'messages.md': messageTables(schema),
    'enums.md': enumTables(schema),
  };
}
