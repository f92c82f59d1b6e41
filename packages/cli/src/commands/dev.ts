import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DevCluster, DevClusterOptions, formatListener, Logger, RunningNode, StatusServer } from '@qanat/server';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { collectWithoutHelpers } from '../heap-growth.ts';
import { option, wholeNumber } from '../options.ts';
import { formatAmount, formatSpan } from '../output/figures.ts';
import { DEFAULT_NAME_SERVER, type Session } from '../session.ts';
import { chooseDevPorts, chooseMqttPorts, MQTT_PORTS } from './dev-ports.ts';
import { countStored, type Stored } from './dev-summary.ts';
import { addExamples } from './examples.ts';
import { flushOption } from './log-options.ts';
import { addStopHelp, httpOption, nodeLoggers, readyLineOption, serve, serveStatus, startUnlessStopped } from './serve.ts';

const HOST = '127.0.0.1';
const BROKERS_MAX = 26;
const SLAVES_MAX = 15;
/** What `dev` makes in its directory: data of brokers, of their slaves, of NameServers. */
const OWN = /^(broker-[a-z](-\d+)?|ns-\d+)$/;

interface DevFlags {
  readonly data: string;
  readonly fresh?: boolean;
  readonly nameservers: number;
  readonly brokers: number;
  readonly replicas: number;
  readonly flush: 'sync' | 'async';
  readonly mqtt: boolean;
  readonly http?: string;
  readonly json?: boolean;
}

/** `--fresh` deletes a directory: only one that holds nothing but what `dev` makes. */
function checkFresh(data: string): void {
  const strangers = existsSync(data) ? readdirSync(data).filter((name) => !OWN.test(name)) : [];
  if (strangers.length === 0) return;
  throw usageError(
    `--fresh would delete ${data}, which holds "${strangers[0]}" and is not only data of "qanat dev"`,
    `delete what you do not need by hand, or name another directory: --data ${join(data, 'dev')}`,
  );
}

const nodesOf = ({ nameServers, brokers, slaves, bridge }: DevCluster): RunningNode[] => [
  ...nameServers,
  ...brokers,
  ...slaves,
  ...(bridge === undefined ? [] : [bridge]),
];

const addressesOf = (nodes: readonly RunningNode[]): unknown[] =>
  nodes.map(({ name, endpoint, endpoints }) => ({ name, endpoint, endpoints }));

const describeNodes = ({ nameServers, brokers, slaves, bridge }: DevCluster): Readonly<Record<string, unknown>> => ({
  nameServers: addressesOf(nameServers),
  brokers: addressesOf(brokers),
  ...(slaves.length === 0 ? {} : { slaves: addressesOf(slaves) }),
  ...(bridge === undefined ? {} : { mqtt: { name: bridge.name, endpoints: bridge.endpoints } }),
});

/** What a node is to people: a replica says whether it is master now. */
function roleOf({ role, engine }: RunningNode): string {
  const figures = engine.figures();
  return ('replication' in figures ? figures.replication?.role : undefined) ?? role;
}

/** What to do in another terminal so that clients find the cluster; undefined: they find it. */
function exportLine(cluster: DevCluster): string | undefined {
  const addresses = cluster.nameServers.map((node) => node.endpoint);
  return addresses[0] === DEFAULT_NAME_SERVER ? undefined : `export QANAT_NAMESERVER=${addresses.join(',')}`;
}

/** A line on how to publish, with the port where it is not the usual one; none without a bridge. */
function mqttLines({ bridge }: DevCluster): string[] {
  if (bridge === undefined) return [];
  const port = portOf(bridge.endpoints[0]?.address ?? '');
  const taken = bridge.endpoints.some(({ address }, i) => portOf(address) !== Object.values(MQTT_PORTS)[i]);
  const usual = `ports ${Object.values(MQTT_PORTS).join(' and ')} of MQTT were not both free`;
  return [
    `  mosquitto_pub ${port === MQTT_PORTS.mqtt ? '' : `-p ${port} `}-t devices/1/temperature -m 21.5 -q 1`,
    ...(taken ? ['', `note: ${usual}; the bridge listens where it says above`] : []),
  ];
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

function welcome(
  cluster: DevCluster,
  format: typeof formatListener,
  flags: DevFlags,
  status: StatusServer | undefined,
  readyMs: number,
): string {
  const nodes = [
    ...(status === undefined ? [] : [['http', 'metrics', status.endpoint]]),
    ...nodesOf(cluster).map((node) => [roleOf(node), node.name, node.endpoints.map(format).join('  ')]),
  ];
  const nameWidth = Math.max(...nodes.map(([, name = '']) => name.length));
  const line = exportLine(cluster);
  const kept = flags.fresh === true ? 'fresh' : 'kept; --fresh begins anew';
  return [
    `qanat dev · ready in ${formatSpan(readyMs)} · data in ${flags.data} (${kept})`,
    '',
    ...nodes.map(([role = '', name = '', endpoint = '']) => `  ${role.padEnd(10)}  ${name.padEnd(nameWidth)}  ${endpoint}`),
    '',
    'next, in another terminal:',
    ...(line === undefined ? [] : [`  ${line}`]),
    "  npx qanat send hello 'hi there'",
    '  npx qanat tail hello --from first',
    '  npx qanat topic describe hello',
    ...(cluster.slaves.length === 0 ? [] : ['  npx qanat cluster status']),
    ...mqttLines(cluster),
    '',
    'Ctrl-C stops it.',
  ].join('\n');
}

function summary(upMs: number, before: Stored | undefined, after: Stored | undefined): string {
  const parts = [`up ${formatSpan(upMs)}`];
  if (after !== undefined) {
    if (before !== undefined) parts.push(`${formatAmount(after.everStored - before.everStored, 'message')} stored in this run`);
    parts.push(`${formatAmount(after.messages, 'message')} in ${formatAmount(after.topics, 'topic')} kept`);
  }
  return `stopped · ${parts.join(' · ')}`;
}

/** A logger that tells only errors once the signal has fired. */
const quietAfter =
  (signal: AbortSignal, log: Logger): Logger =>
  (level, event, fields) => {
    if (level === 'error' || !signal.aborted) log(level, event, fields);
  };

/** Somebody listens at an address that was free when it was looked at. */
const isTaken = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';

async function runDev(session: Session, flags: DevFlags): Promise<void> {
  if (flags.fresh === true) checkFresh(flags.data);
  const startMs = performance.now();
  collectWithoutHelpers();
  const { formatListener, startDevCluster } = await import('@qanat/server');
  const logger = await nodeLoggers(session, 'warn');
  const start = (
    ports: NonNullable<DevClusterOptions['ports']>,
    mqtt: DevClusterOptions['mqtt'],
    signal: AbortSignal,
  ): Promise<DevCluster> =>
    startDevCluster({
      signal,
      data: flags.data,
      fresh: flags.fresh ?? false,
      nameServers: flags.nameservers,
      brokers: flags.brokers,
      replicas: flags.replicas,
      flush: flags.flush,
      host: HOST,
      ports,
      mqtt: flags.mqtt ? mqtt : undefined,
      // Nodes that leave one after the other miss each other: no news while all are stopped.
      logger: (node) => quietAfter(session.signal, logger(node)),
    });
  const usual = await chooseDevPorts(HOST, flags.nameservers, flags.brokers * (1 + flags.replicas));
  const mqtt = await chooseMqttPorts(HOST);
  const cluster = await startUnlessStopped(session, (signal) =>
    start(usual, mqtt, signal).catch((error: unknown) => {
      // Somebody was quicker: any free ports.
      if (!isTaken(error)) throw error;
      return start({ qanat: {}, ws: {} }, { mqtt: 0, ws: 0 }, signal);
    }),
  );
  if (cluster === undefined) return;
  const nodes = nodesOf(cluster);
  const status = await serveStatus(flags.http, nodes);
  const readyAtMs = performance.now();
  if (flags.json === true) {
    const endpoint = cluster.nameServers[0]?.endpoint;
    const http = status?.endpoint;
    session.out.json({ ready: true, endpoint, http, ...describeNodes(cluster), data: flags.data, pid: process.pid });
  } else session.out.line(welcome(cluster, formatListener, flags, status, readyAtMs - startMs));

  const counted = flags.json === true ? Promise.resolve(undefined) : countStored(cluster);
  let last: string | undefined;
  await serve(session, nodes, async () => {
    const upMs = performance.now() - readyAtMs;
    if (flags.json !== true) last = summary(upMs, await counted, await countStored(cluster));
    await cluster.stop();
    await status?.close();
  });
  if (last !== undefined) session.out.line(`\n${last}`);
}

export function addDevCommand(program: Command, session: Session): void {
  const command = program
    .command('dev')
    .description('run a whole cluster in one process: 2 NameServers, 2 brokers and an MQTT bridge on this machine')
    .addOption(option('--data <dir>', 'where messages are kept', { env: 'QANAT_DATA', fallback: './.qanat' }))
    .option('--fresh', 'delete what an earlier run left')
    .addOption(option('--nameservers <n>', 'how many NameServers', { parse: wholeNumber(1, BROKERS_MAX), fallback: 2 }))
    .addOption(option('--brokers <n>', 'how many brokers', { parse: wholeNumber(1, BROKERS_MAX), fallback: 2 }))
    .addOption(option('--replicas <n>', 'slaves of each broker', { parse: wholeNumber(0, SLAVES_MAX), fallback: 0 }))
    .addOption(flushOption())
    .option('--no-mqtt', 'without the MQTT bridge')
    .addOption(httpOption())
    .addOption(readyLineOption())
    .action((flags: DevFlags) => runDev(session, flags));
  addExamples(
    command,
    [
      ['qanat dev', 'data is kept in ./.qanat'],
      ['qanat dev --fresh', 'begins with an empty cluster'],
      ['qanat dev --replicas 1', 'each broker is a master with one slave: see qanat cluster status, qanat broker promote'],
      ['qanat dev --data play --json', 'for scripts: {"ready":true,"nameServers":[…],"brokers":[…]}'],
    ],
    'It listens on 7600, 7601, 7610 and 7620, for WebSocket on 7680 to 7683, for MQTT on 1883 and 8083 (WebSocket), where these ' +
      'ports are free, on others where not.',
  );
  addStopHelp(command);
}
