/**
 * Lines of the audit log on their way to the writer thread, as many on a page as are chained at once.
 *
 * Invariant: what waits is bytes outside of the heap but for the page that is being written: thousands of lines wait under
 * load, and as strings each collection of garbage would carry them along.
 */

/** Of a page; audit events are made of as many at once. */
const PAGE_LINES = 200;
/** A page may end before it is full: lines have a few hundred characters, some have thousands. */
const PAGE_CHARACTERS = 128 * 1024;

export interface AuditPage {
  readonly count: number;
  /** UTF-8, line breaks between them. */
  readonly lines: Uint8Array;
}

/** What it makes has memory of its own, as a page needs: a message takes all that is behind a view. */
const encoder = new TextEncoder();

export class AuditPages {
  #pages: AuditPage[] = [];
  /** Lines in one string: they are encoded together, for the call costs more than a line. */
  #text = '';
  #count = 0;
  #size = 0;

  /** How many lines wait. */
  get size(): number {
    return this.#size;
  }

  add(line: string): void {
    this.#text += this.#count === 0 ? line : `\n${line}`;
    this.#count++;
    this.#size++;
    if (this.#count >= PAGE_LINES || this.#text.length >= PAGE_CHARACTERS) this.#turn();
  }

  /** All that wait, which then wait no more. */
  take(): readonly AuditPage[] {
    this.#turn();
    const pages = this.#pages;
    this.#pages = [];
    this.#size = 0;
    return pages;
  }

  /** They come before all that wait. */
  putBack(pages: readonly AuditPage[]): void {
    this.#turn();
    this.#pages = [...pages, ...this.#pages];
    this.#size += linesOn(pages);
  }

  #turn(): void {
    if (this.#count === 0) return;
    this.#pages.push({ count: this.#count, lines: encoder.encode(this.#text) });
    this.#text = '';
    this.#count = 0;
  }
}

export function pagesOf(lines: readonly string[]): readonly AuditPage[] {
  const pages = new AuditPages();
  for (const line of lines) pages.add(line);
  return pages.take();
}

export function linesOn(pages: readonly AuditPage[]): number {
  return pages.reduce((sum, { count }) => sum + count, 0);
}

/** The same lines on as few pages as may be, without breaking any up. */
export function gathered(pages: readonly AuditPage[]): readonly AuditPage[] {
  const groups: AuditPage[][] = [];
  let count = 0;
  for (const page of pages) {
    const group = groups.at(-1);
    if (group !== undefined && count + page.count <= PAGE_LINES) {
      group.push(page);
      count += page.count;
    } else {
      groups.push([page]);
      count = page.count;
    }
  }
  return groups.map(asOne);
}

function asOne(pages: readonly AuditPage[]): AuditPage {
  const [first, ...others] = pages;
  if (first !== undefined && others.length === 0) return first;
  const parts = pages.flatMap(({ lines }, at) => (at === 0 ? [lines] : [BREAK, lines]));
  return { count: linesOn(pages), lines: Buffer.concat(parts) };
}

const BREAK = Uint8Array.of(0x0a);
