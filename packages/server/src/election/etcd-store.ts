import {
  type Compare,
  type ConsensusDone,
  type ConsensusEntry,
  type ConsensusPut,
  type ConsensusRequest,
  type ConsensusResults,
  type ConsensusStore,
  QanatError,
} from '@qanat/core';
import { EtcdClient } from './etcd-client.ts';
import type { Json } from './etcd-endpoint.ts';
import type { EtcdSettings } from './etcd-settings.ts';

type Of<Op extends ConsensusRequest['op']> = Extract<ConsensusRequest, { readonly op: Op }>;
type AnyResult = ConsensusResults[ConsensusRequest['op']];

/**
 * The consensus store in etcd 3.4 or newer, by its JSON gateway: keys and values are base64, 64-bit integers are texts, and
 * fields that are zero, false or empty are left out (gRPC gateway of etcd).
 */
export class EtcdStore implements ConsensusStore {
  readonly #client: EtcdClient;
  #closed = false;

  /** @throws QanatError BAD_CONFIG. */
  constructor(settings: EtcdSettings) {
    this.#client = new EtcdClient(settings);
  }

  start<R extends ConsensusRequest>(request: R, done: ConsensusDone<ConsensusResults[R['op']]>): void {
    const answer = (error: QanatError | undefined, result?: AnyResult): void => {
      if (!this.#closed) (done as ConsensusDone<AnyResult>)(error, result);
    };
    this.#perform(request).then(
      (result) => answer(undefined, result),
      (error: unknown) => answer(errorOf(error)),
    );
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #perform(request: ConsensusRequest): Promise<AnyResult> {
    switch (request.op) {
      case 'get':
        return this.#get(request);
      case 'cas':
        return this.#cas(request);
      case 'grant':
        return this.#grant(request);
      case 'keepAlive':
        return this.#keepAlive(request);
      case 'revoke':
        return this.#client.call('/v3/lease/revoke', { ID: request.lease }, true).then(() => undefined);
      case 'watch':
        return this.#watch(request);
    }
  }

  /** A range is linearizable unless `serializable` is asked for: a member that is cut off does not answer it. */
  async #get({ prefix }: Of<'get'>): Promise<ConsensusResults['get']> {
    const json = await this.#client.call('/v3/kv/range', rangeOf(prefix), true);
    const entries = (json?.kvs ?? []) as readonly Json[];
    return { revision: revisionOf(json), entries: entries.map(entryOf) };
  }

  async #cas({ compares, puts }: Of<'cas'>): Promise<ConsensusResults['cas']> {
    const body = { compare: compares.map(compareOf), success: puts.map(putOf) };
    // No such thing: the lease of a put.
    const json = await this.#client.call('/v3/kv/txn', body, false);
    return { succeeded: json?.succeeded === true, revision: revisionOf(json) };
  }

  async #grant({ ttlMs }: Of<'grant'>): Promise<ConsensusResults['grant']> {
    const json = await this.#client.call('/v3/lease/grant', { TTL: String(Math.ceil(ttlMs / 1_000)) }, true);
    return { lease: String(json?.ID), ttlMs: Number(json?.TTL) * 1_000 };
  }

  /** The answer about a lease that has ended has no TTL. */
  async #keepAlive({ lease }: Of<'keepAlive'>): Promise<ConsensusResults['keepAlive']> {
    const json = await this.#client.call('/v3/lease/keepalive', { ID: lease }, true);
    const { TTL } = (json?.result ?? {}) as Json;
    return { alive: Number(TTL ?? 0) > 0 };
  }

  async #watch({ prefix, revision, waitMs }: Of<'watch'>): Promise<undefined> {
    const body = { create_request: { ...rangeOf(prefix), start_revision: String(revision + 1) } };
    await this.#client.follow('/v3/watch', body, waitMs, ({ result, error }) => {
      const { events, canceled, cancel_reason: reason } = (result ?? {}) as Json;
      if (error !== undefined || canceled === true) throw new Error(`the watch was refused: ${String(reason ?? 'no reason')}`);
      return events !== undefined;
    });
    return undefined;
  }
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const fromBase64 = (text: Json[string]): Buffer => Buffer.from(String(text ?? ''), 'base64');

/** All keys that begin with a text end before the one whose last byte is one more. Our prefixes end with a slash. */
function rangeOf(prefix: string): { readonly key: string; readonly range_end: string } {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return { key: base64(prefix), range_end: base64(end) };
}

function compareOf(compare: Compare): object {
  const key = base64(compare.key);
  if (compare.is === 'absent') return { key, target: 'CREATE', result: 'EQUAL', create_revision: '0' };
  if (compare.is === 'unchanged') return { key, target: 'MOD', result: 'EQUAL', mod_revision: String(compare.modRevision) };
  return { key, target: 'VALUE', result: 'EQUAL', value: base64(compare.value) };
}

const putOf = ({ key, value, lease }: ConsensusPut): object => ({
  request_put: { key: base64(key), value: base64(value), ...(lease === undefined ? {} : { lease }) },
});

const entryOf = ({ key, value, mod_revision: modRevision, lease }: Json): ConsensusEntry => ({
  key: fromBase64(key).toString(),
  value: Uint8Array.from(fromBase64(value)),
  modRevision: Number(modRevision),
  lease: lease === undefined ? undefined : String(lease),
});

const revisionOf = (json: Json | undefined): number => Number(((json?.header ?? {}) as Json).revision ?? 0);

const errorOf = (cause: unknown): QanatError =>
  QanatError.is(cause) ? cause : new QanatError('INTERNAL', `the adapter of etcd failed: ${String(cause)}`, { cause });
