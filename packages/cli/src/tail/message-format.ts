import type { Message } from '@qanat/core';
import { usageError } from '../errors.ts';
import { isoTime } from '../output/json.ts';
import { safeText } from '../output/safe-text.ts';
import { base64, bodyText, messageDocument } from './message-text.ts';

/** Makes what is printed of a message, line end included, as pieces. */
export type MessageFormat = (message: Message) => readonly (string | Uint8Array)[];

type Field = (message: Message) => string | Uint8Array;

const FIELDS: Readonly<Record<string, Field>> = {
  t: (message) => message.topic,
  B: (message) => message.broker,
  q: (message) => String(message.queue),
  o: (message) => String(message.offset),
  g: (message) => safeText(message.tag ?? ''),
  k: (message) => safeText(message.key ?? ''),
  p: (message) => JSON.stringify(message.properties),
  T: (message) => isoTime(message.storeTimeMs) ?? '',
  N: (message) => isoTime(message.bornTimeMs) ?? '',
  s: (message) => String(message.body.length),
  b: (message) => message.body,
  '%': () => '%',
};

export const FORMAT_HELP = `Formats: line (the default), raw (the payload and a newline), json, or a template of
  %t topic  %B broker  %q queue  %o offset  %g tag  %k key  %p properties
  %T store time  %N born time  %s size in bytes  %b payload  %%  \\n  \\t`;

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\\\': '\\', '\\0': '\0' };

const raw: MessageFormat = (message) => [message.body, '\n'];

const json: MessageFormat = (message) => [`${JSON.stringify(messageDocument(message))}\n`];

/** For people: where it is, tag and key where it has them, and the text with control characters made visible. */
const line: MessageFormat = (message) => {
  const { tag, key } = message;
  const text = bodyText(message.body);
  const marks = [tag === undefined ? '' : `[${safeText(tag)}] `, key === undefined ? '' : `${safeText(key)}: `];
  const body = text === undefined ? `base64:${base64(message.body)}` : text.replace(/[^\t]+/g, safeText);
  return [`${message.topic} ${message.broker}/${message.queue} @${message.offset}  ${marks.join('')}${body}\n`];
};

function template(text: string): MessageFormat {
  const parts: (string | Field)[] = [];
  for (const [part] of text.matchAll(/%.?|\\[nt0\\]|[^%\\]+|\\/gs)) {
    if (part.startsWith('%')) {
      const field = FIELDS[part.slice(1)];
      if (field === undefined) throw usageError(`--format: "${part}" is no field`, FORMAT_HELP.replace(/\n\s*/g, ' '));
      parts.push(field);
    } else parts.push(ESCAPES[part] ?? part);
  }
  if (!/(\n|\\n)$/.test(text)) parts.push('\n');
  return (message) => parts.map((part) => (typeof part === 'string' ? part : part(message)));
}

/** @throws CliError when the text is no format. */
export function parseMessageFormat(text: string): MessageFormat {
  if (text === 'raw') return raw;
  if (text === 'json') return json;
  if (text === 'line') return line;
  if (!text.includes('%'))
    throw usageError(`--format: "${text}" is no format`, 'line, raw, json or a template such as "%q@%o %b"');
  return template(text);
}
