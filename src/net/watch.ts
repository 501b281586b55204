/**
 * How long one request may take: as a whole, and without a byte of its answer.
 *
 * Invariant: the signal aborts with a FetchError that says which of the two it was; while whoever reads the answer is busy
 * with a piece of it, no silence is counted.
 */
import { FetchError } from './fetch-error.js';

export class Watch {
  readonly #controller = new AbortController();
  readonly #deadline: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;

  /** Milliseconds; `idleLimit` undefined: silence has no limit of its own. */
  constructor(
    private readonly host: string,
    timeLimit: number,
    private readonly idleLimit: number | undefined,
  ) {
    this.#deadline = setTimeout(() => this.#abort(`did not answer within ${timeLimit} ms`), timeLimit);
    this.#listen();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The answer's body, watched. */
  async *over(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.#listen();
    for await (const chunk of body) {
      clearTimeout(this.#silence);
      yield chunk;
      this.#listen();
    }
  }

  end(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#silence);
  }

  #listen(): void {
    clearTimeout(this.#silence);
    if (this.idleLimit === undefined) return;
    const text = `sent nothing for ${this.idleLimit} ms`;
    this.#silence = setTimeout(() => this.#abort(text), this.idleLimit);
  }

  #abort(what: string): void {
    this.#controller.abort(new FetchError('timed-out', `${this.host} ${what}.`));
  }
}
