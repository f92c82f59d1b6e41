import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Driver } from '../driver/driver.ts';
import { ReferenceServer } from '../driver/reference-server.ts';
import { FAMILIES } from '../families/index.ts';
import type { Ground } from '../ground/ground.ts';
import { TcpGround } from '../ground/tcp-ground.ts';
import type { JsonObject } from '../json.ts';
import { listOf, type Program } from '../play/program.ts';
import { endpointSite } from '../run/endpoint-site.ts';
import { inProcessSite } from '../run/in-process-site.ts';
import { judgeRun, runProgram, type Site } from '../run/run-program.ts';
import { rewriting } from './control-group.ts';
import type { Told } from './outcome.ts';
import { clientSite } from './socket-site.ts';
import { tcpProxy } from './tcp-proxy.ts';
import {
  FRAME_MUTATIONS,
  FRAMES_IN_PIECES,
  type FrameMutation,
  STREAM_MUTATIONS,
  type StreamMutation,
} from './wire-mutations.ts';

type Mutation = FrameMutation | StreamMutation;

/** Between the kit and a server that keeps every rule something changes what is sent: the clause that is named goes red. */
export async function runWireMutations(nowMs: () => number, told: Told): Promise<void> {
  const tell = async (mutation: Mutation, sentence: Promise<string | undefined>): Promise<void> => {
    const startMs = nowMs();
    const text = await sentence;
    told({
      kind: 'wire',
      subject: mutation.name,
      role: mutation.role,
      clause: mutation.clause,
      ok: text !== undefined,
      text: text === undefined ? `${mutation.clause} did not go red` : `${mutation.clause}: ${text}`,
      seconds: Number(((nowMs() - startMs) / 1_000).toFixed(1)),
    });
  };
  for (const mutation of FRAME_MUTATIONS) await tell(mutation, frameByFrame(mutation));
  // On a real clock they wait most of the time: all at once.
  await Promise.all(STREAM_MUTATIONS.map((mutation) => tell(mutation, byteByByte(mutation))));
}

const familiesOf = (clause: string): typeof FAMILIES => FAMILIES.filter(({ clauses }) => clauses.some(({ id }) => id === clause));

const programsFor = ({ clause, role }: Mutation, chosen: (program: Program) => boolean): readonly Program[] =>
  familiesOf(clause).flatMap(({ programs }) => programs.filter((one) => one.role === role && chosen(one)));

async function frameByFrame(mutation: FrameMutation): Promise<string | undefined> {
  const driver = (ground: Ground, program: Program): ReferenceServer => {
    const varying: Ground = Object.create(ground, {
      transport: { value: (host: string) => rewriting(ground.transport(host), mutation.rewrite) },
    });
    return new ReferenceServer({
      role: mutation.role,
      ground: varying,
      platform: nodePlatform,
      engines: core,
      setup: program.setup ?? {},
    });
  };
  const site = inProcessSite({ role: mutation.role, driver });
  for (const program of programsFor(mutation, ({ binding }) => binding === undefined)) {
    const sentence = await failureIn(site, program, mutation.clause);
    if (sentence !== undefined) return sentence;
  }
  return undefined;
}

/** On a machine that is late, pieces of a stream come in one, and nothing is there to be seen: then once more. */
const TRIES = 3;

async function byteByByte(mutation: StreamMutation): Promise<string | undefined> {
  const { role } = mutation;
  const isClient = role === 'producer' || role === 'consumer';
  let sentence: string | undefined;
  for (let i = 0; i < TRIES && sentence === undefined; i++)
    sentence = await (isClient ? behindTheClient(mutation, role) : inFrontOfTheServer(mutation));
  return sentence;
}

async function inFrontOfTheServer(mutation: StreamMutation): Promise<string | undefined> {
  const ground = new TcpGround();
  const role = mutation.role === 'broker' ? mutation.role : 'nameserver';
  const server = new ReferenceServer({ role, ground, platform: nodePlatform, engines: core });
  const target = await new Promise<string>((resolve) => {
    server.call('start', {}, (_, ok) => resolve((ok as { address: string }).address));
  });
  const proxy = await tcpProxy(target, mutation.meddling);
  try {
    return await failureOverTcp(endpointSite(mutation.role, proxy.address), mutation);
  } finally {
    proxy.close();
    await server.close();
  }
}

/** The client is told the addresses of proxies in the place of those of the NameServers. */
async function behindTheClient(mutation: StreamMutation, role: 'producer' | 'consumer'): Promise<string | undefined> {
  const proxies: { close(): void }[] = [];
  const proxied = async (args: JsonObject): Promise<JsonObject> => {
    const opened = await Promise.all(listOf(args, 'nameServers').map((address) => tcpProxy(String(address), mutation.meddling)));
    proxies.push(...opened);
    return { ...args, nameServers: opened.map(({ address }) => address) };
  };
  const around = (driver: Driver): Driver => ({
    manifest: driver.manifest,
    call: (op, args, done) => {
      if (op.endsWith('.start')) void proxied(args).then((changed) => driver.call(op, changed, done));
      else driver.call(op, args, done);
    },
    onTold: (listener) => driver.onTold(listener),
    close: () => driver.close(),
  });
  try {
    return await failureOverTcp(clientSite(role, around), mutation);
  } finally {
    for (const proxy of proxies) proxy.close();
  }
}

async function failureOverTcp(site: Site, mutation: StreamMutation): Promise<string | undefined> {
  const programs = programsFor(mutation, ({ binding, name }) => binding === 'tcp' || name === FRAMES_IN_PIECES);
  const sentences = await Promise.all(programs.map((program) => failureIn(site, program, mutation.clause)));
  return sentences.find((sentence) => sentence !== undefined);
}

async function failureIn(site: Site, program: Program, clause: string): Promise<string | undefined> {
  const families = familiesOf(clause);
  const run = await runProgram(site, program, families);
  const clauses = families.flatMap((family) =>
    family.clauses.filter(({ id, roles }) => id === clause && roles.includes(site.role)),
  );
  return judgeRun(run, clauses).flatMap(({ failures }) => failures)[0]?.sentence;
}
