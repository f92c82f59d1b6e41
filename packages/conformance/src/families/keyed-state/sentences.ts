import type { FrameSeen } from '../../history/view.ts';

interface Sentence {
  readonly at: FrameSeen;
  /** Undefined where the rule held. */
  readonly wrong: string | undefined;
}

/** What was found of each clause. */
export class Sentences {
  readonly #said = new Map<string, Sentence[]>();

  of(id: string): readonly Sentence[] {
    return this.#said.get(id) ?? [];
  }

  /** @param number the last part of QNT-KST-nnn. */
  pass(number: string, at: FrameSeen): void {
    this.#add(number, { at, wrong: undefined });
  }

  fail(number: string, at: FrameSeen, wrong: string): void {
    this.#add(number, { at, wrong });
  }

  that(number: string, at: FrameSeen, holds: boolean, wrong: () => string): void {
    this.#add(number, { at, wrong: holds ? undefined : wrong() });
  }

  #add(number: string, sentence: Sentence): void {
    const id = `QNT-KST-${number}`;
    this.#said.set(id, [...(this.#said.get(id) ?? []), sentence]);
  }
}
