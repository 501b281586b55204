/**
 * The audit of a tenant: the log of what was done, and the AuditEvents that are made of it a little later.
 *
 * Invariant: the events of a batch of records and how far the log was followed are committed together, so a process that is
 * killed repeats nothing and loses nothing, and several may follow at once. Making events is recorded nowhere, so that the
 * log does not feed itself.
 */
import { HolderRefusal } from '../../access/emergency.js';
import { processUsage } from '../../base/clock.js';
import { SpareTime } from '../../base/spare-time.js';
import { Refusal } from '../../fhir/outcome.js';
import { permitting } from '../../ports/access-filter.js';
import { type AuditBatch, type AuditLog, type AuditRecord, auditEventId } from '../../ports/audit-log.js';
import type { Write } from '../../ports/backend.js';
import type { TenantParts } from '../context.js';
import { makePace } from '../pace.js';
import { prepare } from '../write.js';
import { auditEvent } from './audit-event.js';
import { type FindPatients, patientFinder } from './patients.js';

/**
 * After requests are recorded events wait at least so long, and while there are requests at least so long between steps
 * (base/spare-time.ts).
 */
const PAUSE_MILLISECONDS = 250;
const RETRY_MILLISECONDS = 5_000;
/** A search for audit events waits so long for those of the latest requests. */
const PATIENCE_MILLISECONDS = 2_000;

const NOBODY_KNOWN = { principal: 'unknown', agent: {} } as const;

export class Auditing {
  readonly findPatients: FindPatients;
  readonly #parts: TenantParts;
  readonly #log: AuditLog;
  /** Counts requests: whether others came meanwhile. */
  #told = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #spare = new SpareTime(processUsage);
  #stopped = false;
  #step: Promise<boolean> = Promise.resolve(false);

  /** `parts` as they are without audit. */
  constructor(parts: TenantParts, log: AuditLog) {
    this.#parts = parts;
    this.#log = log;
    this.findPatients = patientFinder(parts.baseUrl);
  }

  now(): number {
    return this.#parts.clock.now();
  }

  note(record: AuditRecord): void {
    this.#log.note(record);
    this.wake();
  }

  async record(record: AuditRecord): Promise<void> {
    await this.#log.record(record);
    this.wake();
  }

  /** What was refused before anybody knew who asks for what. */
  refused(source: { readonly requestId: string; readonly network?: string }, error: unknown): Promise<void> {
    const status = error instanceof Refusal ? error.status : 500;
    const outcome = status >= 500 ? 'error' : 'refused';
    const { principal, agent } = error instanceof HolderRefusal ? error.holder : NOBODY_KNOWN;
    const record = {
      ...source,
      time: this.now(),
      interaction: 'none',
      outcome,
      status,
      principal,
      ...agent,
    } as const;
    return this.record(record);
  }

  /** Events are made in spare time. */
  wake(): void {
    this.#told += 1;
    if (this.#timer !== undefined || this.#stopped) return;
    this.#spare.begins();
    this.#rest();
  }

  /** Makes events of all that is recorded now, as far as `milliseconds` allow; true: of all. */
  async follow(milliseconds: number): Promise<boolean> {
    const until = performance.now() + Math.min(milliseconds, PATIENCE_MILLISECONDS);
    await this.#log.flush();
    const end = await this.#log.end();
    while ((await this.#log.followed()) < end) {
      if (performance.now() >= until) return false;
      const isMore = await this.#next();
      // A step of the background was faster, or there are no more steps.
      if (!isMore) return (await this.#log.followed()) >= end;
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#step.catch(() => undefined); // #go has told the log
  }

  #rest(): void {
    const look = (): void => (this.#spare.isDue() ? this.#go() : this.#rest());
    this.#timer = setTimeout(look, PAUSE_MILLISECONDS).unref();
  }

  #go(): void {
    const told = this.#told;
    const began = performance.now();
    this.#next().then(
      (isMore) => {
        this.#timer = undefined;
        this.#spare.stepped(performance.now() - began);
        if (this.#stopped) return;
        const isIdle = this.#told === told;
        if (isMore && isIdle) this.#timer = setTimeout(() => this.#go(), 0).unref();
        else if (isMore || !isIdle) this.#rest();
      },
      (error: unknown) => {
        this.#timer = undefined;
        this.#spare.stepped(performance.now() - began);
        const name = error instanceof Refusal ? error.kind : error instanceof Error ? error.name : 'unknown';
        this.#parts.log.error({ error: name }, 'audit events cannot be made');
        if (!this.#stopped) this.#timer = setTimeout(() => this.#go(), RETRY_MILLISECONDS).unref();
      },
    );
  }

  /** One step at a time; false: there is nothing to do. */
  #next(): Promise<boolean> {
    this.#step = this.#step.catch(() => false).then(() => (this.#stopped ? false : this.#followBatch()));
    return this.#step;
  }

  /** Whether another process was faster does not matter: the log is then followed further. */
  async #followBatch(): Promise<boolean> {
    const from = await this.#log.followed();
    const [batch] = await this.#log.read(from, 1);
    if (batch === undefined) return false;
    await this.#parts.backend.commit({
      access: permitting({ kind: 'unrestricted', reason: 'audit events' }),
      writes: await this.#eventsOf(batch),
      conditions: [],
      resolvedAt: 0,
      follows: { from, to: batch.place },
    });
    return true;
  }

  async #eventsOf({ chain, first, records }: AuditBatch): Promise<readonly Write[]> {
    const pace = makePace();
    const writes: Write[] = [];
    for (const [at, record] of records.entries()) {
      const id = auditEventId(chain, first + at);
      const resource = prepare(auditEvent(chain, first + at, record), id, this.#parts);
      writes.push({
        kind: 'put',
        type: 'AuditEvent',
        id,
        resource,
        expected: { kind: 'any' },
        method: 'PUT',
      });
      if (pace.due()) await pace.rest();
    }
    return writes;
  }
}
