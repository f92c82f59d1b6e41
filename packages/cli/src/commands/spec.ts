import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { AnnotatedKind, AnnotatedPart } from '@qanat/core/annotate';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { option } from '../options.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';

/** More is no example but a capture: cut it first. */
const DECODED_BYTES_MAX = 16 * 1024 * 1024;
const LINE_BYTES = 16;
const TEXT_COLUMN = 42;
const KINDS: readonly AnnotatedKind[] = ['stream', 'batch', 'entry'];

interface DecodeFlags {
  readonly file?: string;
  readonly as?: AnnotatedKind;
}

/** The bytes of hex digits; what people paste around them is dropped: spaces, 0x, colons, comments behind #. */
function bytesOfText(text: string): Uint8Array {
  const digits = text
    .replace(/#.*$/gm, '')
    .replace(/0x/gi, '')
    .replace(/[\s:,]+/g, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong !== null) throw usageError(`"${wrong[0]}" is no hex digit`, 'write hex digits; --file FILE takes bytes as they are');
  if (digits.length % 2 !== 0) throw usageError(`${digits.length} hex digits are no whole bytes`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function textOf(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usageError(`cannot read the bytes: ${(error as Error).message}`);
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** One line for each 16 bytes; what they mean stands behind the first. */
function* linesOf({ bytes, text, depth, wrong }: AnnotatedPart): Iterable<string> {
  const comment = `# ${wrong === true ? 'WRONG: ' : ''}${text}`;
  for (let at = 0; at === 0 || at < bytes.length; at += LINE_BYTES) {
    const digits = hexOf(bytes.subarray(at, at + LINE_BYTES)).replace(/.{8}(?=.)/g, '$& ');
    const line = digits === '' ? '' : `${'  '.repeat(depth)}${digits}`;
    yield at === 0 ? `${line.padEnd(TEXT_COLUMN)}${comment}`.trimEnd() : line;
  }
}

async function decode(session: Session, words: readonly string[], flags: DecodeFlags): Promise<void> {
  if (flags.file !== undefined && words.length > 0) throw usageError('HEX and --file exclude each other');
  const fromInput = flags.file === undefined && (words.length === 0 || (words.length === 1 && words[0] === '-'));
  const bytes =
    flags.file === undefined ? bytesOfText(fromInput ? await textOf(session.io.stdin) : words.join(' ')) : readBytes(flags.file);
  if (bytes.length === 0) throw usageError('there are no bytes to decode');
  if (bytes.length > DECODED_BYTES_MAX)
    throw usageError(`${bytes.length} bytes are above ${DECODED_BYTES_MAX} (DECODED_BYTES_MAX)`);
  const { annotate } = await import('@qanat/core/annotate');
  const { nodePlatform } = await import('@qanat/transports/node');
  const parts = annotate(bytes, nodePlatform, flags.as);
  session.document(
    parts.map(({ bytes: part, text, depth, wrong }) => ({ hex: hexOf(part), text, depth, wrong: wrong === true })),
    () => `${parts.flatMap((part) => [...linesOf(part)]).join('\n')}\n`,
  );
  const wrong = parts.filter((part) => part.wrong === true).length;
  if (wrong > 0) session.exitCode = 1;
}

export function addSpecCommands(program: Command, session: Session): void {
  const spec = program.command('spec').description('the protocol, for those who implement it');
  const command = spec
    .command('decode')
    .description('explain the bytes of frames, batches and log entries; ends with 1 where they break the specification')
    .argument('[hex...]', 'hex digits, spaces allowed; - or none: standard input')
    .addOption(option('--file <file>', 'take bytes from a file as they are'))
    .addOption(option('--as <kind>', 'what the bytes are; default: what they look like', { choices: KINDS }))
    .action((words: string[], flags: DecodeFlags) => decode(session, words, flags));
  addExamples(command, [
    ['qanat spec decode 0000000c00030100 0000000b00000000', 'one frame'],
    ['xxd -p capture.bin | qanat spec decode', 'a stream: preface and frames'],
    ['qanat spec decode --file batch.bin -o json', 'for programs: [{"hex":…,"text":…,"depth":…,"wrong":…}]'],
  ]);
  addExamples(spec, [['qanat spec decode 0000000c00030100 0000000b00000000', 'explains one frame']]);
}
