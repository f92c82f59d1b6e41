import * as core from '@qanat/core';
import { BATCH_AT, decodeFrame, ErrorInfo, encodeFrame, Flag, FRAMES, type Frame, joinParts, type LiveFrame } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Manifest } from '../src/driver/driver.ts';
import { ReferenceServer } from '../src/driver/reference-server.ts';
import type { Ground } from '../src/ground/ground.ts';
import type { Family } from '../src/play/family.ts';
import type { Program } from '../src/play/program.ts';
import { BUDGETS } from '../src/run/budget.ts';
import { type ExploreOptions, explore } from '../src/run/explore.ts';
import { inProcessSite } from '../src/run/in-process-site.ts';
import type { Result } from '../src/run/result.ts';
import type { Site } from '../src/run/run-program.ts';
import { rewriting } from '../src/selftest/control-group.ts';

/** Makes other bytes of a frame that the subject sends. */
export type Alter = (frame: Uint8Array) => Uint8Array;

export const asItIs: Alter = (frame) => frame;

/** The engines of this repository as a server that sends some frames other than it should. */
export function alteredServer(role: 'nameserver' | 'broker', alter: Alter): Site & { readonly manifest: Manifest } {
  const driver = (ground: Ground, program: Program): ReferenceServer => {
    const altered: Ground = Object.create(ground, {
      transport: { value: (host: string) => rewriting(ground.transport(host), () => (frame) => [alter(frame)]) },
    });
    return new ReferenceServer({ role, ground: altered, platform: nodePlatform, engines: core, setup: program.setup ?? {} });
  };
  const abilities = ['kill', 'stop', 'powerloss', 'pause', 'settings', 'register'] as const;
  return { ...inProcessSite({ role, driver }), manifest: { name: 'altered', version: '1.2.3', roles: [role], abilities } };
}

/** A family with some of its programs only, and nothing drawn at random. */
export const only = ({ name, clauses, programs, ops = {} }: Family, ...names: readonly string[]): Family => ({
  name,
  clauses,
  ops,
  programs: programs.filter((program) => names.includes(program.name ?? '')),
});

export const BUDGET = { ...BUDGETS.quick, generatedPerFamily: 0, shrinkRunsMax: 40, confirmations: 2 };

/** Explores with what is the same in every result that is compared with a file. */
export const exploreAs = (options: Pick<ExploreOptions, 'site' | 'families'> & Partial<ExploreOptions>): Promise<Result> =>
  explore({
    budget: BUDGET,
    seed: 1,
    command: "npx qanat-conformance run broker --cmd 'node driver.mjs' --budget quick --seed 1",
    kit: 'qanat-conformance 0.1.0',
    startedAt: '2026-11-30T00:00:00.000Z',
    nowMs: () => 0,
    ...options,
  });

/** Changes good answers to requests of a type. */
export const inAnswers =
  (name: LiveFrame, change: (bytes: Uint8Array, frame: Frame) => Uint8Array): Alter =>
  (bytes) => {
    const frame = decodeFrame(bytes);
    const isGood = (frame.flags & (Flag.RESPONSE | Flag.ERROR)) === Flag.RESPONSE;
    return isGood && frame.type === FRAMES[name].type ? change(bytes.slice(), frame) : bytes;
  };

/** Changes answers with ERROR. */
export const inErrors =
  (name: LiveFrame, change: (bytes: Uint8Array, frame: Frame) => Uint8Array): Alter =>
  (bytes) => {
    const frame = decodeFrame(bytes);
    return (frame.flags & Flag.ERROR) !== 0 && frame.type === FRAMES[name].type ? change(bytes.slice(), frame) : bytes;
  };

/** The frame with another control header. */
export const withControl = ({ type, flags, correlation, payload }: Frame, control: Uint8Array): Uint8Array =>
  joinParts(encodeFrame(type, flags, correlation, control, [payload]));

export const withCode = (frame: Frame, code: number): Uint8Array =>
  withControl(frame, ErrorInfo.encode({ ...ErrorInfo.decode(frame.control), code }));

/** One bit of a byte is turned. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes;
}

/** Where a field of the first batch of a frame stands. */
export const inBatch = (bytes: Uint8Array, { payload }: Frame, field: keyof typeof BATCH_AT): number =>
  bytes.length - payload.length + BATCH_AT[field];
