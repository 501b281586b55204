/**
 * Keeps the writer busy while the next piece is prepared, and everything in order.
 *
 *   prepare 1 │ prepare 2 │ prepare 3 │ …            one at a time, in order: commits are handed over in order
 *             │ write 1   │ write 2   │ write 3 │    at most so many under way
 *                         │ report 1  │ report 2     in order, whoever is ready first
 *
 * Invariant: memory is bounded by `most`, the weight of what is under way.
 */
export interface Piece<R> {
  /** In resources. */
  readonly weight: number;
  /** `handedOver` lets the next piece begin; `earlier` resolves when all before this one has ended. */
  run(handedOver: () => void, earlier: Promise<void>): Promise<R>;
  /** Called in order. */
  done(result: R): void | Promise<void>;
}

export class Pipeline {
  #weight = 0;
  #reported: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  /** Resolves when the next piece may begin. Throws what a piece before this one ended with. */
  async add<R>(piece: Piece<R>): Promise<void> {
    while (this.#weight > 0 && this.#weight + piece.weight > this.most) await this.#room();
    this.#rethrow();
    this.#weight += piece.weight;
    await new Promise<void>((resolve) => {
      const running = piece.run(resolve, this.#settled());
      running.then(
        () => resolve(),
        () => resolve(),
      );
      this.#reported = this.#report(this.#reported, running, piece);
    });
    this.#rethrow();
  }

  /** Resolves when all is reported. */
  async end(): Promise<void> {
    await this.#settled();
    this.#rethrow();
  }

  /** Never rejects: failures are kept for whoever adds or ends. */
  async #report<R>(earlier: Promise<void>, running: Promise<R>, piece: Piece<R>): Promise<void> {
    const [outcome] = await Promise.all([settle(running), earlier]);
    try {
      if (!outcome.ok) throw outcome.error;
      if (this.#failure === undefined) await piece.done(outcome.value);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#weight -= piece.weight;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #settled(): Promise<void> {
    return this.#reported;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

type Settled<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: unknown };

async function settle<R>(running: Promise<R>): Promise<Settled<R>> {
  try {
    return { ok: true, value: await running };
  } catch (error) {
    return { ok: false, error };
  }
}
