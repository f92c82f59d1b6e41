import type { ConnectionSeen } from '../../history/view.ts';

const MARK = [0xab, 0x51, 0x4e, 0x54] as const;

export const MARK_BYTES: number = MARK.length;

/** A preface that begins with the mark. */
export const isMark = (preface: Uint8Array): boolean => MARK.every((byte, i) => preface[i] === byte);

/** One that cannot become one, however it goes on. */
export const isNoMark = (preface: Uint8Array): boolean => MARK.some((byte, i) => i < preface.length && preface[i] !== byte);

/** The bytes of the subject's preface that came. */
export const prefaceOf = ({ bytes }: ConnectionSeen): Uint8Array =>
  Uint8Array.from(bytes.filter(({ from }) => from === 'subject').flatMap((event) => [...event.bytes]));
