/**
 * One patient's record is purged:
 *
 *   what is there, type by type ── again until nothing more is found ──▶ what was deleted ──▶ the Patient
 *
 * Others may write for the patient meanwhile, hence again; a resource is judged by the version that is purged. What belongs to
 * the record of another patient as well stays.
 *
 * Invariant: a step is one commit of a few resources that says how much is purged; what is gone is not found again, so whoever
 * takes over begins at the front.
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import type { Issue } from '../../fhir/outcome.js';
import type { Predicate } from '../../fhir/search/query.js';
import { NOTHING } from '../../fhir/search/tree.js';
import { parseStored } from '../../interactions/projected.js';
import {
  type PurgeCounts,
  type PurgeProgress,
  type PurgeResult,
  type PurgeSpec,
  readPurgeProgress,
  writePurge,
} from '../../interactions/purge/purge-spec.js';
import { UNCONDITIONAL } from '../../interactions/resolution.js';
import { commitPlanned, type Planned } from '../../interactions/write.js';
import type { Commit, ResourceKey, SearchPage, Write } from '../../ports/backend.js';
import type { Claim } from '../../ports/jobs.js';
import { askerContext } from '../asker-context.js';
import { ErrorFiles, errorLine, NO_ERRORS, withLines } from '../error-lines.js';
import type { Workbench } from '../job-kind.js';

export interface PurgeWork {
  readonly spec: PurgeSpec;
  readonly claim: Claim;
  readonly bench: Workbench;
}

/** Resources in a step: each has its versions and a dozen index rows for every one of them. */
const BATCH = 100;
/** Longer than a request may take: nobody waits. */
const DEADLINE = 60_000;

const SHARED: Issue = {
  severity: 'information',
  code: 'business-rule',
  text: 'It is in the record of another patient, too, and so it stays.',
};

export class PurgeOfRecord {
  readonly #work: PurgeWork;
  readonly #inRecord: Predicate;
  /** Type and id of what is another patient's too, as it was seen last. */
  readonly #shared = new Map<string, ResourceKey>();
  #purged: PurgeCounts;

  constructor(work: PurgeWork) {
    const { progress } = work.claim;
    this.#work = work;
    this.#inRecord = { op: 'compartment', name: 'Patient', id: work.spec.patient };
    this.#purged = progress === undefined ? {} : readPurgeProgress(progress).purged;
  }

  /** Purges it all. */
  async carryOut(): Promise<PurgeResult> {
    while ((await this.#goThrough(this.#living(), (keys) => this.#purge(keys))) > 0) this.#shared.clear();
    await this.#goThrough(this.#deleted(), (keys) => this.#purge(keys));
    await this.#purge([this.#patient]);
    return this.#result();
  }

  /** Purges nothing. */
  async count(): Promise<PurgeResult> {
    const count = async (keys: readonly ResourceKey[]): Promise<number> => {
      const found = await this.#purges(keys);
      this.#purged = counted(this.#purged, found);
      return found.length;
    };
    await this.#goThrough(this.#living(), count);
    await this.#goThrough(this.#deleted(), count);
    await count([this.#patient]);
    return this.#result();
  }

  get #patient(): ResourceKey {
    return { type: 'Patient', id: this.#work.spec.patient };
  }

  /** How much was done of what was found. */
  async #goThrough(
    found: AsyncIterable<readonly ResourceKey[]>,
    work: (keys: readonly ResourceKey[]) => Promise<number>,
  ): Promise<number> {
    let done = 0;
    for await (const keys of found) {
      const others = keys.filter(({ type, id }) => type !== 'Patient' || id !== this.#patient.id);
      done += await work(others);
    }
    return done;
  }

  async *#living(): AsyncGenerator<readonly ResourceKey[]> {
    const { spec, bench } = this.#work;
    for (const type of spec.types) {
      let page: SearchPage | undefined;
      do {
        page = await bench.parts.backend.search({
          query: { parts: [{ type, where: this.#inRecord }], sort: [] },
          access: spec.asker.access.search,
          count: BATCH,
          total: 'none',
          includes: [],
          ...(page?.next === undefined ? {} : { after: page.next, asOf: page.asOf }),
          deadline: DEADLINE,
        });
        yield page.matches;
      } while (page.next !== undefined);
      bench.done(1);
    }
  }

  /** What was in the record when it was deleted has its history there. */
  async *#deleted(): AsyncGenerator<readonly ResourceKey[]> {
    const { spec, bench } = this.#work;
    const { backend } = bench.parts;
    const asOf = await backend.position();
    for (const type of spec.types) {
      const access = spec.asker.access.search;
      const deletions = this.#inRecord;
      const range = { type, from: 0, to: asOf, asOf, access };
      for await (const { deleted } of backend.scan({ ...range, where: NOTHING, deletions })) {
        for (let at = 0; at < deleted.length; at += BATCH) yield deleted.slice(at, at + BATCH);
        bench.done(0);
      }
    }
  }

  async #purge(keys: readonly ResourceKey[]): Promise<number> {
    const { spec, claim, bench } = this.#work;
    const after = ({ writes }: Pick<Commit, 'writes'>): PurgeProgress => ({
      purged: counted(this.#purged, writes),
    });
    const context = askerContext(spec.asker, claim, bench, (commit) => writePurge(after(commit)));
    context.audit?.patients.add(spec.patient);
    const plan = async (): Promise<Planned> => ({ ...UNCONDITIONAL, writes: await this.#purges(keys) });
    const { planned } = await commitPlanned(context, plan);
    this.#purged = after(planned).purged;
    return planned.writes.length;
  }

  /** What of these may go: each as it is now, so that a commit that meets another version comes back here. */
  async #purges(keys: readonly ResourceKey[]): Promise<readonly Write[]> {
    const writes: Write[] = [];
    for (const key of keys) {
      const last = await this.#lastVersion(key);
      if (last === undefined) continue;
      const { type, id } = key;
      const isShared = type === 'Patient' ? id !== this.#patient.id : this.#isShared(last.resource);
      if (isShared) this.#shared.set(`${type}/${id}`, key);
      else writes.push({ kind: 'purge', type, id, expected: last.expected });
    }
    return writes;
  }

  /** Of what was deleted, the version before. */
  async #lastVersion({ type, id }: ResourceKey): Promise<
    | {
        readonly resource: ResourceObject;
        readonly expected: Write['expected'];
      }
    | undefined
  > {
    const { spec, bench } = this.#work;
    const access = spec.asker.access.search;
    const { entries } = await bench.parts.backend.history({ type, id, access, count: 2 });
    const version = entries.find((entry) => entry.kind === 'version');
    if (version === undefined) return undefined;
    const { versionId, bytes } = version.resource;
    const isDeleted = entries[0]?.kind === 'deleted';
    return {
      resource: parseStored(bytes),
      expected: isDeleted ? { kind: 'absent' } : { kind: 'version', versionId },
    };
  }

  /** In the compartment of another patient. */
  #isShared(resource: ResourceObject): boolean {
    const values = this.#work.bench.parts.knowledge.latest().index(resource);
    return values.some(
      (value) =>
        value.kind === 'reference' &&
        value.param === '@Patient' &&
        value.target.kind === 'local' &&
        value.target.id !== this.#patient.id,
    );
  }

  async #result(): Promise<PurgeResult> {
    const shared = [...this.#shared.values()];
    const lines = shared.map(({ type, id }) => errorLine([SHARED], `${type}/${id}`));
    const { files } = await new ErrorFiles(this.#work.bench).written(withLines(NO_ERRORS, lines));
    return { purged: this.#purged, stays: counted({}, shared), files };
  }
}

function counted(before: PurgeCounts, more: readonly Pick<ResourceKey, 'type'>[]): PurgeCounts {
  const counts: Record<string, number> = { ...before };
  for (const { type } of more) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
