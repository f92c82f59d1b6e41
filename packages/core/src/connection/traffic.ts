import type { ErrorCode } from '../errors.ts';
import type { LiveFrame } from './request.ts';

/** What the connections of one server did since it started, for its operators. Counted for each frame, never for each message. */
export class Traffic {
  /** Connections that were accepted. */
  accepted = 0;
  /** Bytes of whole frames; what a transport adds is not counted. */
  receivedBytes = 0;
  sentBytes = 0;
  /** Requests, by frame. */
  readonly requests: Map<LiveFrame, number> = new Map();
  /** Requests that were answered with an error, by code. */
  readonly errors: Map<ErrorCode, number> = new Map();
  /** Connections that the server ended, by code. */
  readonly ended: Map<ErrorCode, number> = new Map();

  request(name: LiveFrame): void {
    this.requests.set(name, (this.requests.get(name) ?? 0) + 1);
  }

  error(code: ErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  end(code: ErrorCode): void {
    this.ended.set(code, (this.ended.get(code) ?? 0) + 1);
  }
}
