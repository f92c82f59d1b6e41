import { QanatError } from '@qanat/core';

/** A part of the client that is loaded when it is first used: in a page, files that are fetched then. */
export class Part<Module> {
  readonly #what: string;
  readonly #fetch: () => Promise<Module>;
  #loading: Promise<Module> | undefined;
  #beside: () => Promise<unknown> = async () => {};

  /** @param what names it in errors. @param fetch a dynamic import. */
  constructor(what: string, fetch: () => Promise<Module>) {
    this.#what = what;
    this.#fetch = fetch;
  }

  /** Loads this with the part: what it needs where the client runs. */
  loadBeside(fetch: () => Promise<unknown>): void {
    this.#beside = fetch;
  }

  /**
   * Loads it, once. What failed is tried again by the next call, as far as the browser does: some keep a failed import until
   * the page is loaded again.
   * @throws QanatError CONNECTION_FAILED: a file cannot be fetched.
   */
  load(): Promise<Module> {
    const all = async (): Promise<Module> => (await Promise.all([this.#fetch(), this.#beside()]))[0];
    this.#loading ??= all().catch((cause: unknown) => {
      this.#loading = undefined;
      throw new QanatError('CONNECTION_FAILED', `the client's part for ${this.#what} could not be loaded: ${String(cause)}`, {
        cause,
        hint: 'are all files of dist/ served, from the same build? try again, or load the page again',
      });
    });
    return this.#loading;
  }
}
