/** So much may be under way at once; the next waits until something has ended. */
export class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when the work has begun. */
  async enter<T>(work: () => Promise<T>): Promise<{ readonly sent: Promise<T> }> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return { sent: work().finally(() => this.#leave()) };
  }

  /** The lane is handed over. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
