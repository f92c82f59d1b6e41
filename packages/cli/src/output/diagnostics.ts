import type { CliIo } from '../io.ts';
import { safeText } from './safe-text.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogThreshold = (typeof LOG_LEVELS)[number];
export type NoteLevel = Exclude<LogThreshold, 'silent'>;
export type NoteFields = Readonly<Record<string, unknown>>;

/** Something to tell the person at the terminal, or the program that reads the log. */
export interface Note {
  readonly level: NoteLevel;
  /** For programs: a short constant name. */
  readonly event: string;
  /** For people: one line. */
  readonly text: string;
  readonly fields?: NoteFields;
}

const PREFIX: Readonly<Record<NoteLevel, string>> = { debug: 'debug: ', info: '', warn: 'warning: ', error: 'error: ' };
const COLOUR: Readonly<Record<NoteLevel, string>> = { debug: '2', info: '', warn: '33', error: '31' };

/** Standard error: notes, and one line of progress that is drawn again and again on a terminal. */
export class Diagnostics {
  level: LogThreshold = 'info';
  format: 'text' | 'json' = 'text';
  colour: boolean;
  readonly isTerminal: boolean;
  readonly #stream: CliIo['stderr'];
  #progress = '';

  constructor(stream: CliIo['stderr'], env: CliIo['env']) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.colour = this.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  }

  note(note: Note): void {
    if (LOG_LEVELS.indexOf(note.level) < LOG_LEVELS.indexOf(this.level)) return;
    if (this.format === 'json') {
      this.writeLine(
        JSON.stringify({
          time: new Date().toISOString(),
          level: note.level,
          event: note.event,
          message: note.text,
          ...note.fields,
        }),
      );
      return;
    }
    this.writeLine(`${this.paint(COLOUR[note.level], PREFIX[note.level])}${safeText(note.text)}`);
  }

  /** One line as it is, whatever the level. */
  writeLine(line: string): void {
    const drawn = this.#progress;
    this.progress('');
    this.#stream.write(`${line}\n`);
    this.progress(drawn);
  }

  /** Draws the text in place of the one before; nothing where nobody watches. */
  progress(text: string): void {
    if (!this.isTerminal || this.format === 'json' || text === this.#progress) return;
    const columns = this.#stream.columns ?? 80;
    this.#progress = text.slice(0, columns - 1);
    this.#stream.write(`\r\u001b[2K${this.#progress}`);
  }

  paint(colour: string, text: string): string {
    return this.colour && colour !== '' && text !== '' ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }
}
