/**
 * How far the full-text index is behind the store, and waiting until it is close.
 *
 * Invariant: a search need not wait for the last versions, whose content is looked at; it waits while they are many.
 */
import { Refusal } from '../../fhir/outcome.js';
import { fullTextPosition } from './full-text.js';
import type { View } from './view.js';
import type { Writer } from './writer.js';

/** So many versions are looked at one by one: a few milliseconds. */
const CLOSE = 500;
const RETRY_SECONDS = 30;

export class FullTextFollower {
  readonly #view: View;
  readonly #writer: Writer;

  constructor(view: View, writer: Writer) {
    this.#view = view;
    this.#writer = writer;
  }

  isClose(): boolean {
    this.#view.refresh();
    return this.#view.position - fullTextPosition(this.#view.connection) <= CLOSE;
  }

  /** Resolves when the index has come to where the store is now; refuses as unavailable past the deadline (milliseconds). */
  async follow(milliseconds: number): Promise<void> {
    this.#view.refresh();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#refusal()), milliseconds);
    });
    try {
      await Promise.race([this.#writer.followFullText(this.#view.position), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #refusal(): Refusal {
    this.#view.refresh();
    const done = fullTextPosition(this.#view.connection) / this.#view.position;
    const percent = Math.floor(100 * Math.min(1, done));
    return new Refusal(
      'unavailable',
      `The full-text index is being made (${percent} % done): ask again in a while, or search without _text and _content.`,
      { 'retry-after': String(RETRY_SECONDS) },
    );
  }
}
