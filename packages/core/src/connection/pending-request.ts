import type { QanatError } from '../errors.ts';
import type { ClientCodec, LiveFrame, RequestOptions, ResponseDone } from './request.ts';

/** A request that was sent. */
export interface PendingRequest {
  readonly name: LiveFrame;
  readonly codec: ClientCodec | undefined;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly headers: unknown[];
  /** Undefined once the request has timed out: the number stays taken until the answer comes. */
  done: ResponseDone<never> | undefined;
}

/** A request that is to be sent when there is room. */
export interface WaitingRequest {
  readonly name: LiveFrame;
  readonly frames: readonly unknown[];
  readonly options: RequestOptions;
  readonly dueMs: number;
  readonly done: ResponseDone<never>;
}

/** What comes with an error. */
export const NO_RESPONSE = { header: undefined, headers: [], payload: new Uint8Array(0) } as never;

export function failUnsent(waiting: WaitingRequest, error: QanatError): void {
  waiting.done(error, NO_RESPONSE);
}
