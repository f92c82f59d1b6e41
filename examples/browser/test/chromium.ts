import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--mute-audio'];
const LOOK_MS = 20;

/** Where a Chromium is, or undefined. */
export function findChromium(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [process.env.CHROMIUM ?? '', ...places].find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

interface Pending {
  resolve(result: never): void;
  reject(error: Error): void;
}

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: never;
  readonly result?: never;
  readonly error?: { readonly message: string };
}

/** A Chromium without a window, driven over the DevTools protocol on two pipes: messages of JSON, each with a 0 behind it. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #pending = new Map<number, Pending>();
  readonly #pages = new Map<string, Page>();
  #rest = '';
  #id = 0;

  constructor(path: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'qanat-chromium-'));
    const flags = [...FLAGS, '--remote-debugging-pipe', `--user-data-dir=${this.#folder}`];
    this.#process = spawn(path, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true });
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.#onText(text));
    this.#process.once('exit', () => this.#fail(new Error('Chromium has ended')));
  }

  /** Each page in a window of its own: the others are not hidden by it. */
  async open(url: string): Promise<Page> {
    const blank = { url: 'about:blank', newWindow: true };
    const { targetId } = await this.call<{ targetId: string }>('Target.createTarget', blank);
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.call<{ sessionId: string }>('Target.attachToTarget', attach);
    const page = new Page(this, targetId, sessionId);
    this.#pages.set(sessionId, page);
    await page.load(url);
    return page;
  }

  call<Result>(method: string, params: object, sessionId?: string): Promise<Result> {
    const id = ++this.#id;
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, 'exit');
      process.kill(-(this.#process.pid as number), 'SIGKILL');
      await exit;
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #onText(text: string): void {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop() ?? '';
    for (const message of messages) this.#onMessage(JSON.parse(message) as Answer);
  }

  #onMessage({ id, sessionId, method, params, result, error }: Answer): void {
    if (id === undefined) return this.#pages.get(sessionId ?? '')?.onEvent(method as string, params as never);
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result as never);
    else pending?.reject(new Error(error.message));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

interface Thrown {
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

/** One page. */
export class Page {
  /** What nobody caught in the page. */
  readonly thrown: string[] = [];
  readonly #browser: Chromium;
  readonly #target: string;
  readonly #session: string;
  #loaded: () => void = () => {};

  constructor(browser: Chromium, target: string, session: string) {
    this.#browser = browser;
    this.#target = target;
    this.#session = session;
  }

  async load(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.#loaded = resolve;
    });
    for (const domain of ['Page', 'Runtime']) await this.call(`${domain}.enable`, {});
    await this.call('Page.navigate', { url });
    await loaded;
  }

  call<Result>(method: string, params: object): Promise<Result> {
    return this.#browser.call(method, params, this.#session);
  }

  onEvent(method: string, params: Thrown): void {
    if (method === 'Page.loadEventFired') this.#loaded();
    if (method === 'Runtime.exceptionThrown') this.thrown.push(thrownText(params));
  }

  /** The value of an expression, awaited. @throws what it throws in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    // Without the last one what is evaluated here may do more than the page.
    const params = { expression, awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: false };
    const answer = await this.call<Thrown & { result: { value: Value } }>('Runtime.evaluate', params);
    if (answer.exceptionDetails !== undefined) throw new Error(thrownText(answer));
    return answer.result.value;
  }

  /** Waits until an expression is true, and says after the deadline what `state` is. */
  async until(expression: string, deadlineMs: number, state = expression): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const seen = this.evaluate(state).catch(String);
        void seen.then((value) => reject(new Error(`not within ${deadlineMs} ms: ${expression}; ${JSON.stringify(value)}`)));
      }, deadlineMs);
    });
    const look = `const look = () => (${expression}) ? resolve() : setTimeout(look, ${LOOK_MS}); look();`;
    await Promise.race([this.evaluate(`new Promise((resolve) => { ${look} })`), late]).finally(() => clearTimeout(timer));
  }

  /** As somebody who closes the tab. */
  async close(): Promise<void> {
    await this.#browser.call('Target.closeTarget', { targetId: this.#target });
  }
}

const thrownText = ({ exceptionDetails: details }: Thrown): string => details?.exception?.description ?? details?.text ?? '';
