/**
 * The audit log in the store's own file: read here, appended by the writer thread.
 *
 * Invariant: notes go out together, at the latest half a second after the first of them; while they cannot be written,
 * nothing more is noted, so that nothing is done unseen.
 */
import type { Logger } from '../../base/log.js';
import { Refusal } from '../../fhir/outcome.js';
import type { AuditBatch, AuditLog, AuditRecord } from '../../ports/audit-log.js';
import { type AuditPage, AuditPages, pagesOf } from './audit-pages.js';
import { recordsOf } from './audit-text.js';
import type { View } from './view.js';
import type { Writer } from './writer.js';

/** Half of what is promised: the other half is for the commit. */
const WINDOW_MILLISECONDS = 500;
/** As many go out before the window ends. */
const NOTES_AT_ONCE = 2_000;

type BatchRow = readonly [
  place: number,
  first: number,
  lines: string,
  name: string,
  started: number,
  site: string,
];

const READ = `SELECT a.place, a.first, a.lines, c.name, c.started, c.site
  FROM audit a CROSS JOIN audit_chain c ON c.chain = a.chain WHERE a.place > ? ORDER BY a.place LIMIT ?`;
const END = 'SELECT max(place) FROM audit';
const FOLLOWED = "SELECT value FROM setting WHERE name = 'audit_followed'";

export class SqliteAuditLog implements AuditLog {
  readonly #view: View;
  readonly #writer: Writer;
  readonly #log: Logger;
  readonly #notes = new AuditPages();
  #timer: NodeJS.Timeout | undefined;
  /** Of the notes that are on their way. */
  #flushing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(view: View, writer: Writer, log: Logger) {
    this.#view = view;
    this.#writer = writer;
    this.#log = log;
  }

  note(record: AuditRecord): void {
    if (this.#isFailing) {
      throw new Refusal(
        'unavailable',
        'The audit log cannot be written, so nothing is read: try again later.',
        {
          'retry-after': '5',
        },
      );
    }
    this.#notes.add(record);
    if (this.#notes.size >= NOTES_AT_ONCE) this.#send();
    else this.#sendSoon();
  }

  record(record: AuditRecord): Promise<void> {
    return this.#writer.audit(pagesOf([record]));
  }

  async flush(): Promise<void> {
    this.#send();
    await this.#flushing;
  }

  /** Lets the notes be written. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    if (this.#notes.size > 0) this.#log.error({ records: this.#notes.size }, 'audit records are lost');
  }

  read(after: number, limit: number): readonly AuditBatch[] {
    const rows = this.#view.connection.all<BatchRow>(READ, after, limit);
    return rows.map(([place, first, lines, name, started, site]) => ({
      place,
      chain: { name, started, site },
      first,
      records: recordsOf(lines),
    }));
  }

  end(): number {
    return this.#view.connection.get<[number | null]>(END)?.[0] ?? 0;
  }

  followed(): number {
    return this.#view.connection.get<[number]>(FOLLOWED)?.[0] ?? 0;
  }

  #sendSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#send(), WINDOW_MILLISECONDS);
    this.#timer.unref();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#notes.size === 0) return;
    const pages = this.#notes.take();
    const sent = this.#writer.audit(pages).then(
      () => {
        this.#isFailing = false;
      },
      (error: unknown) => this.#failed(pages, error),
    );
    this.#flushing = Promise.all([this.#flushing, sent]).then(() => undefined);
  }

  /** They stay first in line, and are tried again. */
  #failed(pages: readonly AuditPage[], error: unknown): void {
    this.#isFailing = true;
    this.#notes.putBack(pages);
    const name = error instanceof Refusal ? error.kind : 'unexpected';
    this.#log.error({ error: name, records: this.#notes.size }, 'the audit log cannot be written');
    this.#sendSoon();
  }
}
