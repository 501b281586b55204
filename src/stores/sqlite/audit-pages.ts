/**
 * Records of the audit log on their way to the writer thread, as many on a page as are chained at once.
 *
 * Invariant: what waits is bytes outside of the heap but for the page that is being written: thousands of records wait under
 * load, and as strings each collection of garbage would carry them along.
 */

import type { AuditRecord } from '../../ports/audit-log.js';
import { RecordPage } from './audit-text.js';

/** Of a page; audit events are made of as many at once. */
const PAGE_RECORDS = 200;
/** A page may end before it is full: records have some dozen characters, some have thousands. */
const PAGE_CHARACTERS = 128 * 1024;

export interface AuditPage {
  /** Of records. */
  readonly count: number;
  /** UTF-8, line breaks between them. */
  readonly lines: Uint8Array;
}

/** What it makes has memory of its own, as a page needs: a message takes all that is behind a view. */
const encoder = new TextEncoder();

export class AuditPages {
  #pages: AuditPage[] = [];
  #page = new RecordPage();
  #size = 0;

  /** How many records wait. */
  get size(): number {
    return this.#size;
  }

  add(record: AuditRecord): void {
    this.#page.add(record);
    this.#size++;
    if (this.#page.count >= PAGE_RECORDS || this.#page.characters >= PAGE_CHARACTERS) this.#turn();
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
    this.#size += recordsOn(pages);
  }

  #turn(): void {
    const page = this.#page;
    if (page.count === 0) return;
    this.#pages.push({ count: page.count, lines: encoder.encode(page.line()) });
    this.#page = new RecordPage();
  }
}

export function pagesOf(records: readonly AuditRecord[]): readonly AuditPage[] {
  const pages = new AuditPages();
  for (const record of records) pages.add(record);
  return pages.take();
}

export function recordsOn(pages: readonly AuditPage[]): number {
  return pages.reduce((sum, { count }) => sum + count, 0);
}

/** The same records on as few pages as may be, without breaking any up. */
export function gathered(pages: readonly AuditPage[]): readonly AuditPage[] {
  const groups: AuditPage[][] = [];
  let count = 0;
  for (const page of pages) {
    const group = groups.at(-1);
    if (group !== undefined && count + page.count <= PAGE_RECORDS) {
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
  return { count: recordsOn(pages), lines: Buffer.concat(parts) };
}

const BREAK = Uint8Array.of(0x0a);
