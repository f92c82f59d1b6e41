import { encodePreface } from '@qanat/core';
import type { ConnectionSeen } from './view.ts';

/** What every preface begins with, whatever its version. */
export const MARK_BYTES = 4;

const MARK: readonly number[] = [...encodePreface().subarray(0, MARK_BYTES)];

/** A preface that begins with the mark. */
export const isMark = (preface: Uint8Array): boolean => MARK.every((byte, i) => preface[i] === byte);

/** One that cannot become one, however it goes on. */
export const isNoMark = (preface: Uint8Array): boolean => MARK.some((byte, i) => i < preface.length && preface[i] !== byte);

/** The bytes of the subject's preface that came. */
export const prefaceOf = ({ bytes }: ConnectionSeen): Uint8Array =>
  Uint8Array.from(bytes.filter(({ from }) => from === 'subject').flatMap((event) => [...event.bytes]));
