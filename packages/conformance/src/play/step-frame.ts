import { CONTROL_HEADERS, Feature, Flag, FRAMES, type LiveFrame } from '@qanat/core';
import { bytesOf, type Json, type JsonObject } from '../json.ts';
import type { KitConnection } from './kit-connection.ts';
import { ANSWER_MS, type Play } from './play.ts';
import { listOf, type Step, textOf } from './program.ts';

const NO_BYTES = new Uint8Array(0);

/** Encodes a header of the schema; `extra` (hex) stands behind it. */
export function controlOf(play: Play, frame: LiveFrame, header: JsonObject, extra: string): Uint8Array {
  const type = CONTROL_HEADERS[frame]?.request as { encode(init: unknown): Uint8Array } | undefined;
  const said = frame === 'HELLO' && play.login !== undefined ? withAuth(header) : header;
  const bytes = type === undefined ? NO_BYTES : type.encode(play.value(said));
  return extra === '' ? bytes : Uint8Array.from([...bytes, ...bytesOf(extra)]);
}

/** A HELLO of a kit that can log in: it asks for the feature and does not require it, since the server may ask nobody. */
const withAuth = (header: JsonObject): JsonObject => ({
  ...header,
  features: [...listOf(header, 'features'), Feature.FEATURE_AUTH] as Json,
});

/** The flags that a step names: `flags: ['MORE', 'ONEWAY', 64]`. */
export const flagsOf = (step: Step): number =>
  listOf(step, 'flags').reduce<number>(
    (all, flag) => all | (typeof flag === 'number' ? flag : (FLAGS.get(String(flag)) ?? 0)),
    0,
  );

const FLAGS: ReadonlyMap<string, number> = new Map(Object.entries(Flag));

/** The frame that a step names, if there is one. */
export const frameOf = (step: Step, fallback: LiveFrame): LiveFrame | undefined => {
  const name = textOf(step, 'frame', fallback);
  return Object.hasOwn(CONTROL_HEADERS, name) ? (name as LiveFrame) : undefined;
};

/** Sends a request as it should be. @returns its number. */
export function begin(play: Play, connection: KitConnection, frame: LiveFrame, header: JsonObject): number {
  const correlation = connection.nextCorrelation();
  connection.frame({ type: FRAMES[frame].type, correlation, control: controlOf(play, frame, header, '') });
  return correlation;
}

/** Waits for the answer to a request. */
export const answerTo = (play: Play, connection: KitConnection, correlation: number, withinMs = ANSWER_MS): Promise<void> =>
  play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed', withinMs);
