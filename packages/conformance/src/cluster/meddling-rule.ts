import type { Frame } from '@qanat/core';
import type { JsonObject } from '../json.ts';
import { numberOf, textOf } from '../play/program.ts';

/** What to do with some frames between the subject and a server of the kit. */
export interface MeddlingRule {
  /** A server of the kit, or `*`. */
  readonly at: string;
  /** A frame type, or `*`. */
  readonly frame: string;
  /** `request`: what the subject sends; `answer`: responses to it; `push`: one-way frames of the kit's server. */
  readonly way: 'request' | 'answer' | 'push';
  /** So many such frames pass first. */
  skip: number;
  /** So many are meddled with. */
  times: number;
  readonly do: string;
  readonly args: JsonObject;
}

const WAYS = new Set(['request', 'answer', 'push']);

export function readRule(step: JsonObject): MeddlingRule {
  const way = textOf(step, 'way', 'request');
  return {
    at: textOf(step, 'at', '*'),
    frame: textOf(step, 'frame', '*'),
    way: WAYS.has(way) ? (way as MeddlingRule['way']) : 'request',
    skip: numberOf(step, 'skip', 0),
    times: numberOf(step, 'times', 1),
    do: textOf(step, 'do', 'drop'),
    args: step,
  };
}

/** What the meddler may do on a connection. */
export interface Wire {
  number(): number;
  /** To the subject. */
  send(bytes: Uint8Array): void;
  /** To the kit's server. */
  pass(bytes: Uint8Array): void;
  /** To the subject, cut into pieces. */
  pieces(bytes: Uint8Array, chunk: number): void;
  abort(): void;
  later(ms: number, run: () => void): void;
}

/** @returns what is left to be passed on as usual. */
export type Deed = (wire: Wire, frame: Frame, bytes: Uint8Array, rule: MeddlingRule) => void;

/** Passes a frame on in its own direction. */
export const onward = (wire: Wire, rule: MeddlingRule, bytes: Uint8Array): void =>
  rule.way === 'request' ? wire.pass(bytes) : wire.send(bytes);
