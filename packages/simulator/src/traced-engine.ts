import { decodeFrame, type Engine, FRAME_NAMES, type Input, joinParts, type Output, portableCrc32 } from '@qanat/core';
import type { Trace } from './trace.ts';

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

function frameText(bytes: Uint8Array): string {
  const { type, flags, correlation } = decodeFrame(bytes);
  const name = FRAME_NAMES.get(type) ?? `0x${type.toString(16)}`;
  return `${name}${flags === 0 ? '' : `+${flags}`} #${correlation} ${bytes.length} ${hex(portableCrc32(bytes, 0))}`;
}

/** Writes what an engine is given and what it asks for into a trace. */
export class TracedEngine<I, O> implements Engine<I, O> {
  readonly #engine: Engine<I, O>;
  readonly #node: string;
  readonly #trace: Trace;
  #nowMs = 0;

  constructor(engine: Engine<I, O>, node: string, trace: Trace) {
    this.#engine = engine;
    this.#node = node;
    this.#trace = trace;
  }

  handle(input: Input | I, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#trace.add(nowMs, `${this.#node} < ${inputText(input as Input)}`);
    this.#engine.handle(input, nowMs);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#trace.add(nowMs, `${this.#node} < tick`);
    this.#engine.tick(nowMs);
  }

  drain(): readonly (Output | O)[] {
    const outputs = this.#engine.drain();
    for (const output of outputs) this.#trace.add(this.#nowMs, `${this.#node} > ${outputText(output as Output)}`);
    return outputs;
  }

  nextDeadlineMs(): number | undefined {
    return this.#engine.nextDeadlineMs();
  }
}

function inputText(input: Input): string {
  switch (input.kind) {
    case 'frame':
      return `frame ${input.connection} ${frameText(input.frame)}`;
    case 'stored':
    case 'derived':
    case 'decided':
      return `${input.kind} ${input.operation} ${input.error?.code ?? 'ok'}`;
    case 'closed':
      return `closed ${input.connection} ${input.error?.code ?? 'clean'}`;
    case 'wallClock':
      return `wallClock ${input.offsetMs}`;
    default:
      return `${input.kind} ${input.connection}`;
  }
}

function outputText(output: Output): string {
  switch (output.kind) {
    case 'send':
      return `send ${output.connection} ${frameText(joinParts(output.parts))}`;
    case 'storage':
      return `storage ${output.operation} ${output.request.op}${'name' in output.request ? ` ${output.request.name}` : ''}`;
    case 'consensus':
      return `consensus ${output.operation} ${output.request.op}`;
    case 'log':
      return `log ${output.level} ${output.event} ${JSON.stringify(output.fields)}`;
    case 'connect':
      return `connect ${output.connection} ${output.address}`;
    default:
      return 'connection' in output ? `${output.kind} ${output.connection}` : output.kind;
  }
}
