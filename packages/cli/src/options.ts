import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseByteRate } from './byte-rate.ts';
import { applyConfigFile } from './config-file.ts';
import { parseDuration } from './duration.ts';
import { usageError } from './errors.ts';
import { LOG_LEVELS } from './output/diagnostics.ts';
import { markRepeated } from './repeated-options.ts';
import { DEFAULT_NAME_SERVER, type GlobalSettings, type Identity, type Session, type TlsFiles } from './session.ts';
import {
  parseResetTarget,
  parseStartPosition,
  RESET_TARGET_FORMS,
  START_POSITION_FORMS,
  type StartPosition,
} from './start-position.ts';

/** Parsers for Commander: what they throw becomes `option '…' argument '…' is invalid. <message>` and exit code 2. */
const refuse = (message: string): never => {
  throw new InvalidArgumentError(message);
};

export const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= least && value <= most
      ? value
      : refuse(
          most === Number.MAX_SAFE_INTEGER
            ? `A whole number of at least ${least} is needed.`
            : `A number from ${least} to ${most} is needed.`,
        );
  };

export function positiveNumber(text: string): number {
  const value = Number(text.replace(/\/s$/, ''));
  return Number.isFinite(value) && value > 0 ? value : refuse('A number above 0 is needed.');
}

export const durationMs = (text: string): number =>
  parseDuration(text) ?? refuse('Write for example 500ms, 30s, 5m or 1h30m; a bare number is seconds.');

export const durationFrom =
  (leastMs: number, least: string) =>
  (text: string): number => {
    const ms = durationMs(text);
    return ms >= leastMs ? ms : refuse(`${least} or more is needed.`);
  };

export const durationTo =
  (mostMs: number, most: string) =>
  (text: string): number => {
    const ms = durationMs(text);
    return ms <= mostMs ? ms : refuse(`${most} is the most.`);
  };

export const bytesPerSecond = (text: string): number =>
  parseByteRate(text) ?? refuse('Write for example 50MB, 64MiB or 1GB; a bare number is bytes in a second.');

export const startPosition = (text: string): StartPosition =>
  parseStartPosition(text, Date.now()) ?? refuse(`Write ${START_POSITION_FORMS}.`);

export const resetTarget = (text: string): StartPosition | { readonly moveBy: number } =>
  parseResetTarget(text, Date.now()) ?? refuse(`Write ${RESET_TARGET_FORMS}.`);

export const listOf = (text: string): readonly string[] => {
  const items = text.split(',').map((item) => item.trim());
  return items.some((item) => item === '') ? refuse('Write names with commas between them.') : items;
};

/** `name=value`, again and again. */
export function propertyPair(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  return at < 1 ? refuse('Write name=value.') : { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/**
 * The variables of options. Commander's own `env()` reads the environment of the process, which tests share, and takes
 * `QANAT_X=0` for true.
 */
const VARIABLES = new WeakMap<Option, string>();

export interface OptionDetails<T> {
  readonly parse?: (text: string, before: T) => T;
  readonly choices?: readonly string[];
  /** Name of the environment variable that stands for it. */
  readonly env?: string;
  readonly fallback?: T;
  /** Given again and again: `parse` is called for each value, with what the values before it came to. */
  readonly repeated?: boolean;
}

/** An option of the command line; without a parser it keeps the text. */
export function option<T>(
  flags: string,
  description: string,
  { parse, choices, env, fallback, repeated }: OptionDetails<T> = {},
): Option {
  const made = new Option(flags, env === undefined ? description : `${description} (env: ${env})`);
  if (parse !== undefined) made.argParser(parse);
  if (choices !== undefined) made.choices(choices);
  if (fallback !== undefined) made.default(fallback);
  if (env !== undefined) VARIABLES.set(made, env);
  if (repeated === true) markRepeated(made);
  return made;
}

/** What every command understands, before or after its name. */
export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      option('--nameserver <addresses>', 'NameServers, host:port,… or qanats://host:port,… for TLS', {
        env: 'QANAT_NAMESERVER',
        fallback: DEFAULT_NAME_SERVER,
      }),
    )
    .addOption(
      option('-o, --output <format>', 'how results are printed', {
        choices: ['table', 'json'],
        env: 'QANAT_OUTPUT',
        fallback: 'table',
      }),
    )
    .addOption(option('--timeout <duration>', 'budget of one call, for example 5s', { parse: durationMs, env: 'QANAT_TIMEOUT' }))
    .addOption(option('--log-level <level>', 'least level on standard error', { choices: LOG_LEVELS, env: 'QANAT_LOG_LEVEL' }))
    .addOption(
      option('--log-format <format>', 'text for people, json: one object a line', {
        choices: ['text', 'json'],
        env: 'QANAT_LOG_FORMAT',
      }),
    )
    .addOption(option('--tls-ca <file>', 'CA that peers over TLS are verified against, PEM', { env: 'QANAT_TLS_CA' }))
    .addOption(option('--tls-cert <file>', 'certificate that is shown to peers over TLS, PEM', { env: 'QANAT_TLS_CERT' }))
    .addOption(option('--tls-key <file>', 'private key of --tls-cert, PEM', { env: 'QANAT_TLS_KEY' }))
    .addOption(option('--user <name>', 'who you are, for clusters that ask', { env: 'QANAT_USER' }))
    .addOption(
      option(
        '--password-from <file>',
        'its first line is the password of --user; default: $QANAT_PASSWORD, else it is asked for',
        {
          env: 'QANAT_PASSWORD_FROM',
        },
      ),
    )
    .addOption(option('--by-certificate', 'say who you are by the certificate in --tls-cert', { env: 'QANAT_BY_CERTIFICATE' }))
    .option('--debug', 'show stacks of errors')
    .option('--no-color', 'no colours; NO_COLOR does the same');
}

interface RawGlobals {
  readonly nameserver: string;
  readonly output: GlobalSettings['output'];
  readonly timeout?: number;
  readonly logLevel?: (typeof LOG_LEVELS)[number];
  readonly logFormat?: 'text' | 'json';
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly user?: string;
  readonly passwordFrom?: string;
  readonly byCertificate?: boolean;
  readonly color: boolean;
}

function tlsFiles({ tlsCa, tlsCert, tlsKey }: RawGlobals): TlsFiles | undefined {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
  return {
    ...(tlsCa === undefined ? {} : { ca: tlsCa }),
    ...(tlsCert === undefined ? {} : { cert: tlsCert }),
    ...(tlsKey === undefined ? {} : { key: tlsKey }),
  };
}

/** @throws CliError where the flags do not fit together. */
function identityOf({ user, passwordFrom, byCertificate, tlsCert }: RawGlobals): Identity | undefined {
  if (byCertificate === true) {
    if (user !== undefined) throw usageError('--user and --by-certificate exclude each other');
    if (tlsCert === undefined) throw usageError('--by-certificate needs --tls-cert and --tls-key');
    return 'certificate';
  }
  if (user === undefined && passwordFrom !== undefined) throw usageError('--password-from needs --user');
  return user === undefined ? undefined : { user, passwordFrom };
}

/** Options that were not given are taken from the session's environment: Commander only knows that of the process. */
function applyEnvironment(command: Command, env: Session['io']['env']): void {
  for (const one of command.options) {
    const name = one.attributeName();
    const variable = VARIABLES.get(one);
    const text = variable === undefined ? undefined : env[variable];
    const source = command.getOptionValueSource(name);
    if (text === undefined || text === '' || (source !== undefined && source !== 'default')) continue;
    try {
      const value = one.isBoolean() ? /^(1|true|yes|on)$/i.test(text) : (one.parseArg?.(text, undefined as never) ?? text);
      command.setOptionValueWithSource(name, value, 'env');
    } catch (error) {
      command.error(`error: ${variable} is '${text}': ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Reads the environment, the configuration file and the global options, before the command runs. */
export async function applyGlobals(session: Session, program: Command, command: Command): Promise<void> {
  for (let one: Command | null = command; one !== null; one = one.parent) applyEnvironment(one, session.io.env);
  const { config } = command.opts<{ config?: string }>();
  if (config !== undefined) await applyConfigFile(command, config);
  const raw = program.opts<RawGlobals>();
  session.settings = {
    nameServers: raw.nameserver,
    output: raw.output,
    timeoutMs: raw.timeout,
    tls: tlsFiles(raw),
    logLevel: raw.logLevel,
    logFormat: raw.logFormat,
    identity: identityOf(raw),
  };
  if (raw.logLevel !== undefined) session.diagnostics.level = raw.logLevel;
  if (raw.logFormat !== undefined) session.diagnostics.format = raw.logFormat;
  if (!raw.color) session.diagnostics.colour = false;
}
