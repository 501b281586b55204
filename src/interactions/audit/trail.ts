/**
 * What one request (or one entry of a batch) does, for the audit log: it stands between the interaction and the backend,
 * sees what is read, and sends the records of writes with their commits.
 *
 * Invariant: a write is never committed without its record; audit events are written by nobody but the server.
 */
import { Refusal } from '../../fhir/outcome.js';
import type { AccessDecision } from '../../ports/access-filter.js';
import type { AuditOutcome, AuditRecord } from '../../ports/audit-log.js';
import type {
  Backend,
  Change,
  Commit,
  CommitResult,
  DistinctValue,
  HistoryPage,
  HistoryRequest,
  MaybePromise,
  Position,
  RangesRequest,
  ReadResult,
  ResourceKey,
  ScanRange,
  ScanRequest,
  ScanStep,
  SearchExplanation,
  SearchPage,
  SearchRequest,
  StoredResource,
  Write,
  WriteMethod,
} from '../../ports/backend.js';
import type { Context } from '../context.js';
import { makePace } from '../pace.js';
import type { Auditing } from './auditing.js';
import { PATIENT_LIMIT } from './patients.js';

/** Who asks, from where. */
export interface TrailSource {
  readonly access: AccessDecision;
  readonly requestId: string;
  readonly network?: string | undefined;
}

/** What a record says of the request beside who and when. */
export interface About {
  readonly interaction: string;
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  readonly query?: string | undefined;
}

const INTERACTIONS: Readonly<Record<WriteMethod, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** The version before a write is looked at for its patients alone; nothing of it goes to the client. */
const FOR_AUDIT = { kind: 'unrestricted', reason: 'patients for the audit log' } as const;

export class Trail implements Backend {
  readonly source: TrailSource;
  /** Its commits were recorded with them. */
  hasCommitted = false;
  /** Its entries have trails of their own. */
  hasEntries = false;
  readonly #inner: Backend;
  readonly #auditing: Auditing;
  #patients: Set<string> | undefined;

  constructor(inner: Backend, auditing: Auditing, source: TrailSource) {
    this.#inner = inner;
    this.#auditing = auditing;
    this.source = source;
  }

  /** A trail for an entry. */
  entry(): Trail {
    this.hasEntries = true;
    return new Trail(this.#inner, this.#auditing, this.source);
  }

  get patients(): Set<string> {
    this.#patients ??= new Set();
    return this.#patients;
  }

  /** Not durable yet where the outcome is a success that changed nothing. */
  note(about: About, status: number): void {
    this.#auditing.note(this.#record(about, 'success', this.#patients, status));
  }

  /** Durable when it resolves. */
  record(about: About, outcome: AuditOutcome, status: number): Promise<void> {
    return this.#auditing.record(this.#record(about, outcome, this.#patients, status));
  }

  get capabilities(): Backend['capabilities'] {
    return this.#inner.capabilities;
  }

  position(): MaybePromise<Position> {
    return this.#inner.position();
  }

  read(key: ResourceKey, access: Parameters<Backend['read']>[1]): MaybePromise<ReadResult> {
    return this.#seenResult(this.#inner.read(key, access));
  }

  vread(
    key: ResourceKey,
    versionId: string,
    access: Parameters<Backend['vread']>[2],
  ): MaybePromise<ReadResult> {
    return this.#seenResult(this.#inner.vread(key, versionId, access));
  }

  history(request: HistoryRequest): MaybePromise<HistoryPage> {
    return seen(this.#inner.history(request), ({ entries }) => {
      for (const entry of entries) if (entry.kind === 'version') this.#saw(entry.resource);
    });
  }

  search(request: SearchRequest): MaybePromise<SearchPage> {
    return seen(this.#inner.search(request), ({ matches, included }) => {
      for (const resource of matches) this.#saw(resource);
      for (const resource of included) this.#saw(resource);
    });
  }

  explain(request: SearchRequest): Promise<SearchExplanation> {
    return this.#inner.explain(request);
  }

  resolve(...asked: Parameters<Backend['resolve']>): ReturnType<Backend['resolve']> {
    return this.#inner.resolve(...asked);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    if (commit.writes.some(({ type }) => type === 'AuditEvent')) throw auditEventsAreRead();
    const audit = await this.#recordsOf(commit.writes);
    const result = await this.#inner.commit({ ...commit, audit });
    if (result.kind === 'committed') {
      this.hasCommitted = true;
      this.#auditing.wake();
    }
    return result;
  }

  changes(since: Position, limit: number): MaybePromise<readonly Change[]> {
    return this.#inner.changes(since, limit);
  }

  async *scan(request: ScanRequest): AsyncIterable<ScanStep> {
    for await (const step of this.#inner.scan(request)) {
      for (const resource of step.resources) this.#saw(resource);
      yield step;
    }
  }

  ranges(request: RangesRequest): MaybePromise<readonly ScanRange[]> {
    return this.#inner.ranges(request);
  }

  values(type: string, param: string, limit: number): MaybePromise<readonly DistinctValue[]> {
    return this.#inner.values(type, param, limit);
  }

  counts(): MaybePromise<ReadonlyMap<string, number>> {
    return this.#inner.counts();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** A read is what is done most: without a function made for each. */
  #seenResult(answer: MaybePromise<ReadResult>): MaybePromise<ReadResult> {
    if (answer instanceof Promise) return answer.then((result) => this.#seenResult(result));
    if (answer.kind === 'found') this.#saw(answer.resource);
    return answer;
  }

  #saw(resource: StoredResource): void {
    if (this.patients.size <= PATIENT_LIMIT) this.#auditing.findPatients(resource, this.patients);
  }

  async #recordsOf(writes: readonly Write[]): Promise<readonly AuditRecord[]> {
    const pace = makePace();
    const records: AuditRecord[] = [];
    const purged = countsOf(writes.filter(({ kind }) => kind === 'purge'));
    if (purged !== '')
      records.push(
        this.#record({ interaction: 'purge', query: purged }, 'success', this.#patients, undefined),
      );
    for (const write of writes) {
      if (write.kind === 'purge') continue;
      const { type, id } = write;
      const interaction = write.kind === 'put' ? INTERACTIONS[write.method] : write.kind;
      records.push(
        this.#record({ interaction, type, id }, 'success', await this.#patientsOf(write), undefined),
      );
      if (pace.due()) await pace.rest();
    }
    return records;
  }

  /** Those of the new version and of the one before it. */
  async #patientsOf(write: Write): Promise<Set<string>> {
    const { type, id } = write;
    const found = new Set<string>();
    if (write.kind === 'put') {
      const { metaRest, rest } = write.resource;
      this.#auditing.findPatients({ type, id, bytes: Buffer.from(metaRest + rest) }, found);
    }
    if (write.kind === 'put' && write.method === 'POST') return found;
    const before = await this.#inner.read({ type, id }, FOR_AUDIT);
    if (before.kind === 'found') this.#auditing.findPatients(before.resource, found);
    return found;
  }

  /** Every record has every member: they are made for each read, and objects of one shape cost a third of others. */
  #record(
    { interaction, type, id, query }: About,
    outcome: AuditOutcome,
    patients: Set<string> | undefined,
    status: number | undefined,
  ): AuditRecord {
    const { access, requestId, network } = this.source;
    const { principal, agent } = access;
    return {
      time: this.#auditing.now(),
      requestId,
      interaction,
      outcome,
      status,
      principal,
      client: agent?.client,
      user: agent?.user,
      scope: agent?.scope,
      emergency: agent?.emergency,
      network,
      type,
      id,
      query,
      patients: patients === undefined || patients.size === 0 ? undefined : listed(patients),
      morePatients: patients !== undefined && patients.size > PATIENT_LIMIT ? true : undefined,
    };
  }
}

/** How many of which type: of what was purged the log keeps no ids. */
function countsOf(writes: readonly Write[]): string {
  const counts = new Map<string, number>();
  for (const { type } of writes) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${type}=${count}`).join('&');
}

/** The context of an entry of a batch or transaction, which is recorded by itself. */
export function entryContext(context: Context): Context {
  if (context.audit === undefined) return context;
  const audit = context.audit.entry();
  return { ...context, audit, backend: audit };
}

function listed(patients: Set<string>): readonly string[] {
  const all = [...patients];
  return all.length > PATIENT_LIMIT ? all.slice(0, PATIENT_LIMIT) : all;
}

/** Without a turn of the microtask queue where the backend answers at once. */
function seen<T>(answer: MaybePromise<T>, look: (answer: T) => void): MaybePromise<T> {
  if (answer instanceof Promise) {
    return answer.then((result) => {
      look(result);
      return result;
    });
  }
  look(answer);
  return answer;
}

function auditEventsAreRead(): Refusal {
  return new Refusal(
    'method-not-allowed',
    'The server itself writes AuditEvents, of every request; clients read and search them.',
    { allow: 'GET, HEAD' },
  );
}
