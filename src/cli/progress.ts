/**
 * How far something has come: a bar with rate and time left on a terminal, a plain line every few seconds elsewhere.
 *
 *   [███████████░░░░░░░░░]  55 %   12,345 resources   5,210/s   8 s left
 *
 * Invariant: other lines are written through `note`, so that they never end up inside the bar.
 */
import { countText, durationText, rateText } from './units.js';

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 20;
const REDRAW_MILLISECONDS = 100;
const LINE_MILLISECONDS = 5000;
/** Shorter than this, an estimate of the time left is a guess. */
const GUESS_MILLISECONDS = 1000;
const CLEAR_LINE = '\r\x1b[2K';

export class Progress {
  readonly #started: number;
  #shown: number;
  /** Of `total`. */
  #done = 0;
  /** Of what `label` names. */
  #count = 0;

  /** `total` undefined: nobody knows how much there is. `now`: milliseconds, steady. */
  constructor(
    private readonly stream: ProgressStream,
    private readonly label: string,
    private readonly total?: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#started = now();
    this.#shown = this.#started;
  }

  /** `count`: what is told, where that is something else than what the total counts (bytes). */
  update(done: number, count: number = done): void {
    this.#done = done;
    this.#count = count;
    const now = this.now();
    if (now - this.#shown < (this.#isTerminal ? REDRAW_MILLISECONDS : LINE_MILLISECONDS)) return;
    this.#shown = now;
    this.#draw();
  }

  /** A line of its own. */
  note(line: string): void {
    this.stream.write(`${this.#isTerminal ? CLEAR_LINE : ''}${line}\n`);
    if (this.#isTerminal) this.#draw();
  }

  /** Leaves the last state on the screen. */
  finish(): void {
    const elapsed = this.now() - this.#started;
    const told = `${countText(this.#count)} ${this.label} in ${durationText(elapsed)}, ${rateText(this.#count, elapsed)}`;
    this.stream.write(`${this.#isTerminal ? CLEAR_LINE : ''}${told}\n`);
  }

  get #isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  #draw(): void {
    if (!this.#isTerminal) {
      this.stream.write(`${this.#facts().join(', ')}\n`);
      return;
    }
    const line = `${this.#bar()}${this.#facts().join('   ')}`;
    // A line that wraps cannot be cleared again.
    this.stream.write(`${CLEAR_LINE}${line.slice(0, Math.max(1, (this.stream.columns ?? 80) - 1))}`);
  }

  #bar(): string {
    const share = this.#share;
    if (share === undefined) return '';
    const full = Math.round(share * BAR_WIDTH);
    return `[${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}] `;
  }

  #facts(): readonly string[] {
    const elapsed = this.now() - this.#started;
    const share = this.#share;
    const left = share === undefined || share === 0 ? undefined : (elapsed * (1 - share)) / share;
    return [
      ...(share === undefined ? [] : [`${String(Math.floor(100 * share)).padStart(3)} %`]),
      `${countText(this.#count)} ${this.label}`,
      rateText(this.#count, elapsed),
      ...(left === undefined || elapsed < GUESS_MILLISECONDS ? [] : [`${durationText(left)} left`]),
    ];
  }

  get #share(): number | undefined {
    return this.total === undefined || this.total === 0 ? undefined : Math.min(1, this.#done / this.total);
  }
}
