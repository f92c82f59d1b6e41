import type { CallDone, Driver, Manifest } from '../driver/driver.ts';
import type { JsonObject } from '../json.ts';

/** What a driver of a codec does that does no work. */
export const DEGENERATE_CODECS = [
  'says ok to everything',
  'gives one answer to everything',
  'gives back what it is given',
  'fails always',
  'never answers',
  'unsupported',
] as const;

export type DegenerateCodecName = (typeof DEGENERATE_CODECS)[number];

/** What is the right answer now and then. */
const ONE_ANSWER: JsonObject = { header: {}, hex: '', incomplete: true, major: 1, valid: true, passes: true, tags: null };

/** A driver without a codec behind it. */
export class DegenerateCodec implements Driver {
  readonly manifest: Manifest;
  readonly #name: DegenerateCodecName;

  constructor(name: DegenerateCodecName) {
    this.#name = name;
    this.manifest = { name, version: '0', roles: ['codec'], abilities: ['functions'] };
  }

  call(_op: string, args: JsonObject, done: CallDone): void {
    switch (this.#name) {
      case 'never answers':
        return;
      case 'fails always':
        return done({ kind: 'failed', code: 'MALFORMED_FRAME', text: 'no' }, null);
      case 'unsupported':
        return done({ kind: 'unsupported' }, null);
      case 'gives back what it is given':
        return done(undefined, args);
      case 'gives one answer to everything':
        return done(undefined, ONE_ANSWER);
      default:
        return done(undefined, {});
    }
  }

  onTold(): void {}

  async close(): Promise<void> {}
}
