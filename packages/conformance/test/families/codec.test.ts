import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';
import { VECTOR_CASES, VECTOR_TEXTS } from '../../src/clause/gen/vectors.ts';
import type { CallDone, Driver } from '../../src/driver/driver.ts';
import { ReferenceCodec } from '../../src/driver/reference-codec.ts';
import { codec } from '../../src/families/codec/index.ts';
import { casesIn, vectorQuestions } from '../../src/families/codec/vector-questions.ts';
import type { Json, JsonObject } from '../../src/json.ts';
import { BUDGETS } from '../../src/run/budget.ts';
import { DriverSite } from '../../src/run/driver-site.ts';
import { type ExploreOptions, explore } from '../../src/run/explore.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import type { Result } from '../../src/run/result.ts';
import { DEGENERATE_CODECS, DegenerateCodec } from '../../src/selftest/degenerate-codecs.ts';
import { checkFamily } from './family-check.ts';

checkFamily(codec);

describe('the vectors', () => {
  it('are all asked for, and each clause that a case names is judged by one of its questions', () => {
    const silent = Object.entries(VECTOR_CASES).flatMap(([file, { cases }]) =>
      cases.flatMap((example, i) => {
        const judged = vectorQuestions(file, i + 1).flatMap(({ clauses, exact = [] }) => [...clauses, ...exact]);
        const named = (example.clauses ?? []) as readonly string[];
        return judged.length === 0 || named.some((id) => !judged.includes(id)) ? [`${file} ${i + 1}`] : [];
      }),
    );
    expect(silent).toEqual([]);
    for (const file of Object.keys(VECTOR_TEXTS)) expect(vectorQuestions(file, casesIn(file))).not.toEqual([]);
  });

  it('have no questions where there is no case', () => {
    const places = [
      ['frames', 0],
      ['frames', 1.5],
      ['frames', 1e6],
      ['names-valid', 0],
      ['constructor', 1],
      ['nope', 1],
    ] as const;
    for (const [file, number] of places) expect(vectorQuestions(file, number)).toEqual([]);
  });
});

/** The verdict on a codec. */
const verdictOn = (driver: () => Driver): Promise<Result> =>
  verdictAt({ ...inProcessSite({ role: 'codec', driver }), manifest: driver().manifest });

async function verdictAt(site: ExploreOptions['site']): Promise<Result> {
  const budget = { ...BUDGETS.quick, generatedPerFamily: 4, shrinkRunsMax: 80, confirmations: 0 };
  const families = [codec];
  return explore({ site, families, budget, seed: 1, command: '', kit: 'kit', startedAt: '', nowMs: () => 0 });
}

const red = ({ clauses }: Result): readonly string[] =>
  clauses.filter(({ verdict }) => verdict === 'fail' || verdict === 'warning').map(({ id }) => id);

/** What fails in the shortest program, and its steps. */
function failureOf({ clauses }: Result, id: string): { sentence: string; steps: readonly JsonObject[] } {
  const failure = clauses.find((one) => one.id === id)?.failure;
  return { sentence: failure?.sentence ?? 'none', steps: failure?.program.steps ?? [] };
}

type Change = (op: string, args: JsonObject, right: Json) => Json | { readonly error: string } | undefined;

/** The reference, of which some answers are others. */
function changed(change: Change, abilities: readonly 'functions'[] = ['functions']): Driver {
  const reference = new ReferenceCodec();
  return {
    manifest: { ...reference.manifest, abilities },
    call: (op, args, done: CallDone) =>
      reference.call(op, args, (error, ok) => {
        const other = error === undefined ? change(op, args, ok) : change(op, args, { failed: error.code ?? '' });
        done(other === undefined ? error : undefined, other ?? ok);
      }),
    onTold: () => {},
    close: async () => {},
  };
}

describe('the verdict on a codec', () => {
  it('is that it conforms, of the reference; only what can be asked of a codec is judged', async () => {
    const result = await verdictOn(() => new ReferenceCodec());
    expect([result.settled, result.clauses.map(({ id }) => id).toSorted()]).toEqual([
      'conformant',
      codec.clauses.map(({ id }) => id).toSorted(),
    ]);
  });

  it('is the same behind a driver, on real time', async () => {
    const result = await verdictAt(new DriverSite({ role: 'codec', driver: new ReferenceCodec() }));
    expect([result.settled, result.timing, result.harness]).toEqual(['conformant', 'real', []]);
  });

  it('leaves the functions out where it has none', async () => {
    const result = await verdictOn(() => changed(() => undefined, []));
    const left = result.clauses.flatMap(({ id, verdict }) => (verdict === 'not-run' ? [id] : [])).toSorted();
    expect([result.settled, red(result)]).toEqual(['conformant', []]);
    expect(left).toEqual(
      codec.clauses
        .filter(({ needs }) => needs !== undefined)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(left).not.toContain('QNT-BAT-011');
  });

  it.each(DEGENERATE_CODECS)('gives no credit to one that %s', async (name) => {
    const result = await verdictOn(() => new DegenerateCodec(name));
    expect(result.settled).not.toBe('conformant');
    expect(result.clauses.filter(({ verdict }) => verdict === 'pass')).toEqual([]);
  });

  it('names the case, what had to come and what came, and leaves one step', async () => {
    const result = await verdictOn(() =>
      changed((op, { message, hex }) =>
        op === 'decode' && message === 'TopicCreate' && hex === '' ? { header: {} } : undefined,
      ),
    );
    expect(red(result)).toEqual(['QNT-TYP-004']);
    expect(failureOf(result, 'QNT-TYP-004')).toEqual({
      sentence:
        'headers.json, case 9 (a field marked M is absent), decode header: it has to fail with INVALID_ARGUMENT, and gave {"header":{}}',
      steps: [{ op: 'vector', file: 'headers', case: 9 }],
    });
  });

  it('tells the field that is wrong', async () => {
    const result = await verdictOn(() =>
      changed((op, { what }, right) =>
        op === 'decode' &&
        what === 'frame' &&
        (right as JsonObject).frame === 'GOAWAY' &&
        ((right as JsonObject).header as JsonObject | undefined)?.grace_ms === 5000
          ? { ...(right as JsonObject), header: { code: 5002, message: 'stops' } }
          : undefined,
      ),
    );
    expect(failureOf(result, 'QNT-INV-006').sentence).toContain('header.grace_ms has to be 5000, and is nothing');
  });

  it('is a warning only for fields in another order, and a failure for what they mean', async () => {
    /** PING with an unknown field, and with another number. */
    const frame = (correlation: number, control: Uint8Array): string =>
      Buffer.concat(core.encodeFrame(core.FrameType.PING, 0, correlation, control)).toString('hex');
    const ping: Change = (op, { what, frame: name, kind, correlation }) =>
      op === 'encode' && what === 'frame' && name === 'PING' && kind === 'request'
        ? { hex: frame(correlation as number, Uint8Array.of(0x78, 0x01)) }
        : undefined;
    expect(red(await verdictOn(() => changed(ping)))).toEqual(['QNT-TYP-010']);
    const other: Change = (...call) => (ping(...call) === undefined ? undefined : { hex: frame(1, new Uint8Array(0)) });
    expect(red(await verdictOn(() => changed(other)))).toEqual(['QNT-INV-006', 'QNT-INV-007', 'QNT-INV-008']);
  });

  it('takes answers that spell out defaults, and fields that nobody asked for', async () => {
    const spelled: Change = (op, { what }, right) => {
      if (op !== 'decode' || 'failed' in (right as JsonObject)) return undefined;
      const frame = { correlation: 0, more: false, payload: '', software: 'x' };
      return what === 'frame' ? { ...frame, ...(right as JsonObject) } : { ...(right as JsonObject), software: 'x' };
    };
    expect((await verdictOn(() => changed(spelled))).settled).toBe('conformant');
  });

  it('does not let a codec leave out what is difficult', async () => {
    const lazy = (): Driver => {
      const reference = new ReferenceCodec();
      return {
        ...changed(() => undefined),
        call: (op, args, done) =>
          args.message === 'ErrorInfo' ? done({ kind: 'unsupported' }, null) : reference.call(op, args, done),
      };
    };
    expect(red(await verdictOn(lazy))).toEqual(['QNT-TYP-004']);
  });

  it('wants both checksums checked', async () => {
    const unchecked: Change = (op, { what, hex }, right) => {
      if (op !== 'decode' || what !== 'batch' || (right as JsonObject).failed !== 'INVALID_BATCH') return undefined;
      const bytes = Buffer.from(hex as string, 'hex');
      const isForm = core.batchFormError(bytes) === undefined;
      return isForm && !core.bodyChecksumHolds(nodePlatform, bytes) ? { records: [] } : undefined;
    };
    expect(red(await verdictOn(() => changed(unchecked)))).toEqual(['QNT-BAT-011']);
  });
});
