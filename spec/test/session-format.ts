// The format of recorded sessions (spec/v1/vectors/README.md), and what plays one of them.
import type { LiveFrame, Output, QanatError, UserRecord } from '@qanat/core';
import type { FrameKind, HeaderJson as Json } from '../../packages/conformance/src/codec/schema-json.ts';

export interface OutStep {
  readonly frame?: string;
  readonly type?: number;
  readonly kind: FrameKind;
  readonly correlation: number | string;
  readonly header: Json;
  readonly any?: readonly string[];
  /** The whole payload, hex. */
  readonly payload?: string;
  /** A SEND: the record batch, at least with these fields. */
  readonly batch?: Json;
  /** The payload is byte for byte that of the frame with this name. */
  readonly payload_of?: string;
}

/** What a caller asks of a whole client: a function of it by name, and its arguments. */
export interface RoleCall {
  readonly name: string;
  readonly do: string;
  readonly [argument: string]: unknown;
}

export interface Step {
  readonly at: number;
  readonly connection: number;
  readonly in?: string;
  readonly correlation?: string;
  readonly out?: OutStep;
  readonly event?: string;
  /** Of `accepted`: the listener that the client came in on. */
  readonly listener?: string;
  /** The close code of a WebSocket. */
  readonly code?: number;
  /** Behind WebSocket: a client asks for the upgrade, and is answered. */
  readonly request?: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>> };
  readonly answer?: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly absent?: readonly string[];
  };
  /** A binary message, hex, and how many zeros stand behind it; the lengths of the pieces that it comes in. */
  readonly message?: string;
  readonly zeros?: number;
  readonly pieces?: readonly number[];
  /** A text message. */
  readonly text?: string;
  /** Never in a file: what a binding found wrong. */
  readonly bad?: QanatError;
  readonly grace_ms?: number;
  readonly call?: { readonly name: string; readonly frame: LiveFrame; readonly header: Json; readonly timeout_ms: number };
  /** In the place of `call` where a whole client is under test. */
  readonly ask?: RoleCall;
  readonly result?: {
    readonly name: string;
    readonly header?: Json;
    readonly headers?: readonly Json[];
    readonly error?: Json;
    readonly value?: unknown;
  };
}

export interface ReplicationSetup {
  readonly replica: number;
  readonly role: 'master' | 'slave';
  readonly min_in_sync?: number;
  readonly lag_ms?: number;
}

export interface Setup {
  readonly layer: 'server' | 'websocket' | 'client' | 'nameserver' | 'broker' | 'producer' | 'consumer' | 'admin';
  readonly identity?: Json;
  readonly greeting?: Json;
  readonly serves?: readonly string[];
  readonly answers?: Readonly<Record<string, { readonly after_ms?: number; readonly header: Json }>>;
  /** A server behind WebSocket: the origins that may connect. */
  readonly origins?: readonly string[];
  readonly idle_ms?: number;
  readonly in_flight_max?: number;
  readonly connections_max?: number;
  /** A broker: the wall clock at 0, ms since 1970. */
  readonly wall_ms?: number;
  /** A broker that is a replica of its group; where it registers, and as what. */
  readonly replication?: ReplicationSetup;
  /** A NameServer keeps the records of broker groups. */
  readonly keeps_records?: boolean;
  readonly name_servers?: readonly string[];
  readonly endpoints?: readonly Json[];
  /** A broker: so many bytes of log behind the last snapshot ask for a new one. */
  readonly snapshot_bytes?: number;
  /** What the implementation under test draws its random numbers from. */
  readonly seed?: number;
  /** Whom the server knows: it asks who its clients are. */
  readonly users?: readonly UserRecord[];
  /** What a server that asks, or a client that logs in, draws for its nonce. */
  readonly nonce?: string;
  /** The salts of names that do not exist are made from it, hex. */
  readonly user_secret?: string;
  /** The client logs in. */
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly minor?: number;
  /** A consumer: its member id. */
  readonly member?: string;
}

export interface Session {
  readonly id: string;
  readonly title: string;
  readonly clauses: readonly string[];
  readonly setup: Setup;
  /** What in it is the free choice of an implementation, in words. */
  readonly free?: readonly string[];
  readonly steps: readonly Step[];
}

/** What a session layer did, and when. */
export interface Done {
  readonly at: number;
  readonly connection: number;
  readonly what:
    | { readonly parts: Uint8Array }
    | { readonly event: string; readonly code?: number }
    | { readonly answer: NonNullable<Step['answer']> }
    | { readonly result: unknown };
}

/** What is under test, on virtual time. */
export interface Player {
  input(step: Step, nowMs: number): void;
  tick(nowMs: number): void;
  drain(): readonly Output[];
  nextDeadlineMs(): number | undefined;
  readonly done: Done[];
}
