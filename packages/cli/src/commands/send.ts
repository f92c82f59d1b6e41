import type { QanatClient } from '@qanat/client';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { option, positiveNumber, propertyPair, wholeNumber } from '../options.ts';
import { Progress } from '../output/progress.ts';
import { InFlight } from '../send/in-flight.ts';
import { keyOfLine } from '../send/key-of-line.ts';
import { LineSender } from '../send/line-sender.ts';
import { chunksOf, type LineSource, openLineSource } from '../send/line-source.ts';
import { LineSplitter } from '../send/line-splitter.ts';
import { Pacer } from '../send/pacer.ts';
import { SendReport } from '../send/send-report.ts';
import type { Session } from '../session.ts';
import { explainUnknownTopic } from '../unknown-name.ts';
import { withClient } from '../with-client.ts';
import { addExamples } from './examples.ts';

const IN_FLIGHT_BYTES_MAX = 16 * 1024 * 1024;
const IN_FLIGHT_COUNT_MAX = 16_384;
const BATCH_BYTES_MAX = 1024 * 1024;

interface SendFlags {
  readonly lines?: string;
  readonly tag?: string;
  readonly key?: string;
  readonly keyRegex?: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly rate?: number;
  readonly batch?: number;
  readonly compress?: boolean;
}

async function readInto(sender: LineSender, source: LineSource, lineBytesMax: number, signal: AbortSignal): Promise<void> {
  if (source.kind === 'body')
    return sender.send([{ number: 1, bytes: source.bytes, tooLong: source.bytes.length > lineBytesMax }]);
  const splitter = new LineSplitter(lineBytesMax);
  for await (const chunk of chunksOf(source.stream, signal)) {
    await sender.send(splitter.push(chunk));
    if (sender.hopeless !== undefined) return;
  }
  if (!signal.aborted) await sender.send(splitter.end());
}

async function sendAll(
  session: Session,
  client: QanatClient,
  topic: string,
  source: LineSource,
  flags: SendFlags,
): Promise<void> {
  const { LIMITS } = await import('@qanat/core');
  const report = new SendReport(session, topic, source.kind === 'body');
  const keyOf = flags.keyRegex === undefined ? undefined : keyOfLine(flags.keyRegex);
  const sender = new LineSender({
    session,
    producer: client.producer({ compress: flags.compress ?? false }),
    topic,
    template: {
      ...(flags.tag === undefined ? {} : { tag: flags.tag }),
      ...(flags.key === undefined ? {} : { key: flags.key }),
      ...(flags.property === undefined ? {} : { properties: flags.property }),
    },
    keyOf,
    batchLines: keyOf === undefined && flags.batch !== undefined ? Math.min(flags.batch, LIMITS.BATCH_RECORDS_MAX) : undefined,
    batchBytesMax: BATCH_BYTES_MAX,
    lineBytesMax: LIMITS.BATCH_BYTES_MAX,
    pacer: flags.rate === undefined ? undefined : new Pacer(flags.rate, session.signal),
    inFlight: new InFlight(IN_FLIGHT_BYTES_MAX, IN_FLIGHT_COUNT_MAX),
    report,
  });
  const progress = new Progress(session.diagnostics, () => report.progress());
  session.onForced = () => report.abandon();
  if (source.kind === 'stream') progress.start();
  try {
    await readInto(sender, source, LIMITS.BATCH_BYTES_MAX, session.signal).catch((error: unknown) => {
      if (!session.signal.aborted) throw error;
    });
    await sender.finish();
  } finally {
    progress.stop();
    session.onForced = undefined;
  }
  report.finish(sender.hopeless);
  if (report.finalError !== undefined) await explainUnknownTopic(client, topic, report.finalError);
}

async function runSend(session: Session, topic: string, body: string | undefined, flags: SendFlags): Promise<void> {
  if (flags.key !== undefined && flags.keyRegex !== undefined) throw usageError('--key and --key-regex exclude each other');
  if (flags.keyRegex !== undefined) keyOfLine(flags.keyRegex); // A mistake is told before anything is opened.
  const source = await openLineSource(session, body, flags.lines);
  try {
    await withClient(session, (client) => sendAll(session, client, topic, source, flags));
  } finally {
    if (source.kind === 'stream') source.stream.destroy();
  }
}

export function addSendCommand(program: Command, session: Session): void {
  const command = program
    .command('send <topic> [message]')
    .description('send a message, or each line of a file or of standard input')
    .option('-l, --lines <file>', 'send each line of the file; - is standard input')
    .option('-t, --tag <tag>', 'tag of the messages, for filters')
    .option('-k, --key <key>', 'key of the messages: one key stays in order')
    .option('--key-regex <regex>', 'the key of a line is what the first (group) matches')
    .addOption(option('-p, --property <name=value>', 'property of the messages; may be repeated', { parse: propertyPair }))
    .addOption(option('-r, --rate <n>', 'at most so many messages a second', { parse: positiveNumber }))
    .addOption(
      option('-b, --batch <n>', 'send n lines at a time as one batch to one queue; not with --key-regex', {
        parse: wholeNumber(1),
      }),
    )
    .option('-c, --compress', 'deflate batches where that makes them shorter')
    .action((topic: string, body: string | undefined, flags: SendFlags) => runSend(session, topic, body, flags));
  addExamples(
    command,
    [
      ["qanat send hello 'hi there'", ''],
      ['qanat send orders --lines orders.csv --key-regex "^([^,]+),"', 'the first field is the key'],
      ['tail -f app.log | qanat send logs --tag app', 'each line is a message'],
      ['qanat send load --lines big.txt --batch 500 --rate 20000', ''],
      ['qanat send orders --lines orders.csv -o json', 'one object for each message stored, then a summary'],
    ],
    'Only \\n ends a line; empty lines are messages. The exit code is 0 when all were stored, 7 when some were.',
  );
}
