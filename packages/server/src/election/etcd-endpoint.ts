import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsMaterial } from '@qanat/transports/tls';

/** Bytes of one answer. Those of a group are some hundred. */
export const ETCD_ANSWER_BYTES_MAX = 1_048_576;

/** The gateway's answer: JSON, whose form is that of the call. */
export interface EtcdAnswer {
  readonly status: number;
  readonly json: Json;
}

export interface Json {
  readonly [field: string]: Json | readonly Json[] | string | number | boolean | undefined;
}

/** A request that got no answer. `sent`: the member may have done what it asked for. */
export class EndpointFailure extends Error {
  readonly sent: boolean;

  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

interface Exchange {
  readonly path: string;
  readonly body: object;
  readonly token: string | undefined;
}

/** One member of an etcd cluster, by its JSON gateway (`/v3`). Connections are kept and used again. */
export class EtcdEndpoint {
  readonly url: URL;
  readonly #material: TlsMaterial | undefined;
  readonly #agent: HttpAgent;

  /** @param material for https. */
  constructor(url: URL, material: TlsMaterial | undefined) {
    this.url = url;
    this.#material = material;
    this.#agent = url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  /** @throws EndpointFailure. */
  post(exchange: Exchange, timeoutMs: number): Promise<EtcdAnswer> {
    return new Promise((resolve, reject) => {
      const request = this.#request(exchange);
      let sent = false;
      const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      const fail = (cause: Error): void => {
        clearTimeout(timer);
        request.destroy();
        reject(new EndpointFailure(cause.message, sent, cause));
      };
      request.on('error', fail);
      onConnected(request, () => {
        sent = true;
      });
      request.on('response', (response) =>
        readJson(response, fail, (json) => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, json });
        }),
      );
      request.end(JSON.stringify(exchange.body));
    });
  }

  /**
   * Reads an answer without end, line by line, until `onLine` returns true or throws, or `waitMs` are over.
   * @throws EndpointFailure.
   */
  follow(exchange: Exchange, waitMs: number, onLine: (json: Json) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = this.#request(exchange);
      const end = (error?: Error): void => {
        clearTimeout(timer);
        request.destroy();
        if (error === undefined) resolve();
        else reject(new EndpointFailure(error.message, true, error));
      };
      const timer = setTimeout(end, waitMs);
      request.on('error', end);
      request.on('response', (response) => {
        response.on('error', end);
        response.on('end', () => end(new Error('the answer has ended')));
        readLines(response, end, onLine);
      });
      request.end(JSON.stringify(exchange.body));
    });
  }

  /** Drops what is under way. */
  close(): void {
    this.#agent.destroy();
  }

  #request({ path, token }: Exchange): ClientRequest {
    const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: token }) };
    const options = { method: 'POST', headers, agent: this.#agent };
    const url = new URL(path, this.url);
    if (this.url.protocol === 'http:') return httpRequest(url, options);
    // Node hands it on to TLS as it is.
    const secure = { ...options, secureContext: this.#material?.dialContext() };
    return httpsRequest(url, secure as RequestOptions);
  }
}

/** Calls back when the request begins to leave. */
function onConnected(request: ClientRequest, run: () => void): void {
  request.on('socket', (socket: Socket & { readonly encrypted?: boolean }) => {
    if (request.reusedSocket) run();
    else socket.once(socket.encrypted === true ? 'secureConnect' : 'connect', run);
  });
}

function readJson(response: IncomingMessage, fail: (error: Error) => void, done: (json: Json) => void): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('error', fail);
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > ETCD_ANSWER_BYTES_MAX) fail(new Error(`the answer is longer than ${ETCD_ANSWER_BYTES_MAX} bytes`));
  });
  response.on('end', () => {
    const json = parse(text);
    if (json === undefined) fail(new Error('the answer is none of etcd'));
    else done(json);
  });
}

function readLines(response: IncomingMessage, end: (error?: Error) => void, onLine: (json: Json) => boolean): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() as string;
    if (text.length > ETCD_ANSWER_BYTES_MAX) return end(new Error(`a line is longer than ${ETCD_ANSWER_BYTES_MAX} bytes`));
    try {
      if (lines.some((line) => onLine(parse(line) ?? {}))) end();
    } catch (error) {
      end(error as Error);
    }
  });
}

function parse(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Json) : undefined;
  } catch {
    return undefined;
  }
}
