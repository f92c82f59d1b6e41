import { hostname } from 'node:os';
import type { MqttRule, UpstreamSettings } from '@qanat/server';
import { type Command, InvalidArgumentError } from 'commander';
import { parseRule, readRulesFile } from '../bridge/bridge-rules.ts';
import { bridgeLines } from '../bridge/bridge-summary.ts';
import { usageError } from '../errors.ts';
import { collectWithoutHelpers, keepNewSpaceSmall } from '../heap-growth.ts';
import { loginOf } from '../login.ts';
import { durationMs, durationTo, option, wholeNumber } from '../options.ts';
import { passwordFromFile } from '../password.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import {
  addListeningOptions,
  addStopHelp,
  configOption,
  httpNote,
  httpOption,
  type ListeningFlags,
  listeningOf,
  listensOn,
  nodeLoggers,
  readyLineOption,
  serve,
  serveStatus,
  startUnlessStopped,
} from './serve.ts';

interface UpstreamFlags {
  readonly upstream?: string;
  readonly upstreamTopic?: readonly string[];
  readonly upstreamName?: string;
  readonly upstreamUser?: string;
  readonly upstreamPasswordFrom?: string;
  readonly upstreamProtocol: '5' | '3.1.1';
  readonly upstreamCa?: string;
  readonly upstreamCert?: string;
  readonly upstreamKey?: string;
}

interface LimitFlags {
  readonly packetBytesMax?: number;
  readonly receiveMaximum?: number;
  readonly sessionExpiryMax?: number;
  readonly keepAliveMax?: number;
  readonly connectionsMax?: number;
  readonly connectionsPerAddressMax?: number;
  readonly sharesPerSessionMax?: number;
  readonly sharesMax?: number;
  readonly sessionsMax?: number;
  readonly sessionsPerUserMax?: number;
  readonly retainedMax?: number;
  readonly stateBytesMax?: number;
}

interface BridgeFlags extends ListeningFlags, UpstreamFlags, LimitFlags {
  readonly name: string;
  readonly rule?: readonly MqttRule[];
  readonly rules?: string;
  readonly stateTopic: string;
  readonly ack: 'committed' | 'leader';
  readonly createTopics: boolean;
  readonly http?: string;
  readonly json?: boolean;
}

const MS_PER_S = 1_000;
/** What MQTT can say: no packet is longer, no keep alive either. */
const PACKET_BYTES_MOST = 268_435_460;
const KEEP_ALIVE_S_MOST = 65_535;

/** Names of machines have what names of bridges may not have, and may be longer. */
const defaultName = (): string =>
  `mqtt-${hostname()
    .replace(/[^A-Za-z0-9_.-]/g, '_')
    .slice(0, 40)}`;

function ruleOption(text: string, before: readonly MqttRule[] = []): readonly MqttRule[] {
  try {
    return [...before, parseRule(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const collected = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** @returns undefined: the default of the bridge. */
async function rulesOf({ rule, rules }: BridgeFlags): Promise<readonly MqttRule[] | undefined> {
  if (rules === undefined) return rule;
  if (rule !== undefined) throw usageError('--rule and --rules exclude each other', 'write all rules into the file');
  return readRulesFile(rules);
}

async function upstreamOf(session: Session, flags: UpstreamFlags): Promise<UpstreamSettings | undefined> {
  const { upstream: url, upstreamTopic: topics = [], upstreamName: name, upstreamUser: username } = flags;
  if (url === undefined) {
    if (topics.length > 0) throw usageError('--upstream-topic needs --upstream', 'name the broker: --upstream mqtt://HOST:1883');
    return undefined;
  }
  const { upstreamPasswordFrom, upstreamCa: ca, upstreamCert: cert, upstreamKey: key } = flags;
  const password =
    upstreamPasswordFrom === undefined
      ? session.io.env.QANAT_UPSTREAM_PASSWORD
      : await passwordFromFile(session, upstreamPasswordFrom);
  return {
    url,
    topics,
    name,
    protocolVersion: flags.upstreamProtocol === '5' ? 5 : 4,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

const limitsOf = (flags: LimitFlags): Record<string, number> =>
  Object.fromEntries(
    Object.entries({
      packetBytesMax: flags.packetBytesMax,
      receiveMaximum: flags.receiveMaximum,
      sessionExpiryMax: flags.sessionExpiryMax && Math.ceil(flags.sessionExpiryMax / MS_PER_S),
      keepAliveMax: flags.keepAliveMax && Math.ceil(flags.keepAliveMax / MS_PER_S),
      connectionsMax: flags.connectionsMax,
      connectionsPerAddressMax: flags.connectionsPerAddressMax,
      sharesPerSessionMax: flags.sharesPerSessionMax,
      sharesMax: flags.sharesMax,
      sessionsMax: flags.sessionsMax,
      sessionsPerUserMax: flags.sessionsPerUserMax,
      retainedMax: flags.retainedMax,
      stateBytesMax: flags.stateBytesMax,
    }).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );

async function runMqttBridge(session: Session, flags: BridgeFlags): Promise<void> {
  keepNewSpaceSmall();
  collectWithoutHelpers();
  const rules = await rulesOf(flags);
  const upstream = await upstreamOf(session, flags);
  const { DEFAULT_MQTT_RULES, startBridge } = await import('@qanat/server');
  const settings = {
    name: flags.name,
    ...listeningOf(session, flags),
    nameServers: session.settings.nameServers,
    login: await loginOf(session),
    stateTopic: flags.stateTopic,
    ack: flags.ack,
    createsTopics: flags.createTopics,
    limits: limitsOf(flags),
    logger: (await nodeLoggers(session))(flags.name),
    ...(rules === undefined ? {} : { rules }),
    ...(upstream === undefined ? {} : { upstream }),
  };
  const node = await startUnlessStopped(session, (signal) => startBridge({ ...settings, signal }));
  if (node === undefined) return;
  const status = await serveStatus(flags.http, [node]);
  if (flags.json === true) {
    const { name, endpoint, endpoints } = node;
    session.out.json({ ready: true, role: 'bridge', name, endpoint, endpoints, http: status?.endpoint, pid: process.pid });
  } else session.out.line(bridgeLines(node, await listensOn(node), rules ?? DEFAULT_MQTT_RULES, httpNote(status)));
  await serve(session, [node], () => node.stop());
  await status?.close();
}

function addMqttCommand(noun: Command, session: Session): void {
  const command = noun
    .command('mqtt')
    .description('run an MQTT bridge: devices of MQTT 3.1.1 and 5.0 publish to topics of the cluster, and receive from them')
    .addOption(option('--name <name>', 'of this bridge in the cluster', { env: 'QANAT_NAME', fallback: defaultName() }));
  addListeningOptions(command, 'mqtt://127.0.0.1:1883')
    .addOption(
      option('--rule <rule>', "'MATCH => TOPIC', again and again, the first that matches decides; default '# => mqtt'", {
        parse: ruleOption,
        repeated: true,
      }),
    )
    .addOption(option('--rules <file>', 'YAML, a list of rules: match, topic, tag, key, direction, maxQos, retain'))
    .addOption(option('--state-topic <topic>', 'where sessions are kept', { env: 'QANAT_STATE_TOPIC', fallback: 'mqtt-state' }))
    .addOption(
      option('--ack <when>', 'when a publish of QoS 1 or 2 is acknowledged', {
        choices: ['committed', 'leader'],
        env: 'QANAT_ACK',
        fallback: 'committed',
      }),
    )
    .option('--no-create-topics', 'do not create topics that are missing');
  addLimitOptions(command);
  addUpstreamOptions(command)
    .addOption(httpOption())
    .addOption(configOption())
    .addOption(readyLineOption())
    .action((flags: BridgeFlags) => runMqttBridge(session, flags));
  addExamples(command, [
    ['qanat bridge mqtt', 'everything goes to the topic mqtt, by its MQTT topic'],
    ["qanat bridge mqtt --rule 'devices/{id}/up/# => telemetry up key={id}' --rule '# => mqtt'", ''],
    ['qanat bridge mqtt --listen mqtts://0.0.0.0:8883,mqtt+wss://0.0.0.0:8084 --tls-cert … --users users.json', 'for others'],
    ["qanat bridge mqtt --upstream mqtt://broker:1883 --upstream-topic 'devices/# in 1'", 'from a broker that there is'],
    ['qanat bridge mqtt --config bridge.yaml', 'listen: …, rules: rules.yaml, users: users.json, …'],
  ]);
  addStopHelp(command);
}

function addLimitOptions(command: Command): Command {
  return command
    .addOption(
      option('--packet-bytes-max <n>', 'longest packet of a device; default 1048576', {
        parse: wholeNumber(1, PACKET_BYTES_MOST),
      }),
    )
    .addOption(
      option('--receive-maximum <n>', 'publishes a device may have under way; default 100', { parse: wholeNumber(1, 65_535) }),
    )
    .addOption(
      option('--session-expiry-max <duration>', 'longest life of a session without connection, for example 12h; default 7d', {
        parse: durationMs,
      }),
    )
    .addOption(
      option('--keep-alive-max <duration>', 'longest keep alive of MQTT 5.0, for example 5m; default as asked', {
        parse: durationTo(KEEP_ALIVE_S_MOST * MS_PER_S, `${KEEP_ALIVE_S_MOST}s`),
      }),
    )
    .addOption(option('--connections-max <n>', 'devices at a time; default 20000', { parse: wholeNumber(1) }))
    .addOption(option('--connections-per-address-max <n>', 'of one address; default 20000', { parse: wholeNumber(1) }))
    .addOption(option('--shares-per-session-max <n>', 'shared subscriptions of a device; default 32', { parse: wholeNumber(0) }))
    .addOption(option('--shares-max <n>', 'shared subscriptions of all devices; default 128', { parse: wholeNumber(0) }))
    .addOption(
      option('--sessions-max <n>', 'sessions of the cluster that outlive their connection; default 50000', {
        parse: wholeNumber(0),
      }),
    )
    .addOption(option('--sessions-per-user-max <n>', 'of one user; default 50000', { parse: wholeNumber(0) }))
    .addOption(option('--retained-max <n>', 'retained messages of the cluster; default 100000', { parse: wholeNumber(0) }))
    .addOption(
      option('--state-bytes-max <n>', 'of sessions, their wills, retained messages; default 335544320', {
        parse: wholeNumber(0),
      }),
    );
}

function addUpstreamOptions(command: Command): Command {
  return command
    .addOption(
      option('--upstream <url>', 'joins another MQTT broker: mqtt://, mqtts://, ws://, wss://', { env: 'QANAT_UPSTREAM' }),
    )
    .addOption(
      option('--upstream-topic <line>', "'PATTERN in|out|both QOS LOCALPREFIX REMOTEPREFIX', again and again", {
        parse: collected,
        repeated: true,
      }),
    )
    .addOption(
      option('--upstream-name <name>', 'of that broker here; default its host, with its port where that is not 1883 or 8883'),
    )
    .addOption(option('--upstream-user <name>', 'who the bridge is there', { env: 'QANAT_UPSTREAM_USER' }))
    .addOption(option('--upstream-password-from <file>', 'its first line is the password; default $QANAT_UPSTREAM_PASSWORD'))
    .addOption(option('--upstream-protocol <version>', 'of MQTT', { choices: ['5', '3.1.1'], fallback: '5' }))
    .addOption(option('--upstream-ca <file>', 'CA of that broker, PEM'))
    .addOption(option('--upstream-cert <file>', 'certificate that is shown there, PEM'))
    .addOption(option('--upstream-key <file>', 'private key of --upstream-cert, PEM'));
}

export function addBridgeCommands(program: Command, session: Session): void {
  const noun = program.command('bridge').description('run a bridge to another protocol: mqtt');
  addMqttCommand(noun, session);
  addExamples(noun, [['qanat bridge mqtt', 'MQTT devices and the cluster']]);
}
