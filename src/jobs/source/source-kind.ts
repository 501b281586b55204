/**
 * A run of a source, as the runner does it: pulled by the client of `fairway export`, then imported file by file by the
 * machinery of $import, deletions as deletes.
 *
 *   pull ──▶ DATA/sources/NAME/REQUEST/… ──▶ a part for each file ──▶ commits that are steps of the part
 *
 * Invariants: a run that is killed goes on with the same job at the source, and behind the last line that was stored.
 * Resources keep their ids, so references between them hold; where a resource does not say whence it is, `meta.source` says it.
 */
import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from '../../fhir/outcome.js';
import type { ImportInput } from '../../interactions/import/import-spec.js';
import type { AccessDecision } from '../../ports/access-filter.js';
import type { Claim, NewPart, PartOutcome } from '../../ports/jobs.js';
import { ExportProblem, FolderTaken, JobGone } from '../bulk-client/problem.js';
import type { Pull } from '../bulk-client/pull.js';
import type { ExportListener, ExportSummary } from '../bulk-client/report.js';
import { kickOffUrl } from '../bulk-client/request.js';
import { importInput } from '../import/import-input.js';
import { WHOLE } from '../import/import-work.js';
import type { JobKind, Workbench } from '../job-kind.js';
import type { SourceSettings, Sources } from './source-settings.js';
import {
  type PulledFile,
  readSourcePart,
  readSourceSpec,
  type SourceSpec,
  writeSource,
} from './source-spec.js';

export const SOURCE_KIND = 'source';

export interface SourceKindParts {
  readonly sources: Sources;
  /** Where each source has a folder. */
  readonly folder: string;
  /** `between`: is called again and again while it waits; what it throws ends the pull. */
  readonly pull: (wanted: Pull, listener: ExportListener, between: () => void) => Promise<ExportSummary>;
  readonly readFile: (file: string) => string;
  /** What a source may do. */
  readonly access: (source: string) => AccessDecision;
}

const PARALLEL = 4;
/** A part is done by thousandths: how much there is is known once the list of files is there. */
export const PULL_TOTAL = WHOLE;

export function sourceKind(parts: SourceKindParts): JobKind {
  return {
    run: (claim, bench) => {
      const spec = readSourceSpec(claim.job.spec);
      const part = readSourcePart(claim.spec);
      const source = Object.hasOwn(parts.sources, spec.source) ? parts.sources[spec.source] : undefined;
      if (source === undefined) {
        throw new Refusal('unprocessable', `The configuration has no source ${spec.source} any more.`);
      }
      return part.step === 'pull'
        ? pulled(spec, source, parts, bench)
        : imported(part, source, parts.access(spec.source), claim, bench);
    },
  };
}

async function pulled(
  spec: SourceSpec,
  source: SourceSettings,
  parts: SourceKindParts,
  bench: Workbench,
): Promise<PartOutcome> {
  const home = join(parts.folder, spec.source);
  const run = createHash('sha256').update(kickOffUrl(source.request, spec.since)).digest('hex').slice(0, 16);
  removeOthers(home, run);
  const summary = await asRefusals(async () => {
    const wanted: Pull = {
      request: source.request,
      since: spec.since === undefined ? { kind: 'always' } : { kind: 'at', instant: spec.since },
      credentials: await credentialsOf(source, parts),
      out: join(home, run),
      parallel: PARALLEL,
      again: false,
    };
    return pullOrAnew(wanted, parts, bench);
  });
  const [missing] = summary.missing;
  if (missing !== undefined) {
    const all = summary.missing.length;
    throw new Refusal(
      'unprocessable',
      `Of ${summary.files} files ${all} could not be fetched; ${missing.name} ${missing.reason}.`,
    );
  }
  const { transactionTime, deleted, serverErrorCount: serverErrors } = summary;
  const next = pulledFiles(summary.folder).map(
    (file): NewPart => ({ spec: writeSource({ step: 'file', ...file }), total: WHOLE }),
  );
  const result = { step: 'pull', transactionTime, deleted, serverErrors, folder: join(home, run) } as const;
  return { result: writeSource(result), next };
}

/** A job that the source has forgotten, or that failed there, is begun anew. */
async function pullOrAnew(wanted: Pull, parts: SourceKindParts, bench: Workbench): Promise<ExportSummary> {
  try {
    return await pullWhenFree(wanted, parts, bench);
  } catch (error) {
    if (!(error instanceof JobGone)) throw error;
    return pullWhenFree({ ...wanted, again: true }, parts, bench);
  }
}

/** So often it is looked whether the folder is free, with this pause between. */
const LOOKS = 1_200;
const LOOK_MILLISECONDS = 500;

/**
 * A process that was held up longer than its lease may still be at the run when the next one takes it over: it ends when it
 * hears that the run is no longer its own.
 */
async function pullWhenFree(wanted: Pull, parts: SourceKindParts, bench: Workbench): Promise<ExportSummary> {
  const between = (): void => bench.done(0);
  for (let look = 1; ; look++) {
    try {
      return await parts.pull(wanted, thousandths(bench), between);
    } catch (error) {
      if (!(error instanceof FolderTaken) || look === LOOKS) throw error;
    }
    between();
    await pause(LOOK_MILLISECONDS);
  }
}

function thousandths(bench: Workbench): ExportListener {
  let total: number | undefined;
  let told = 0;
  return {
    note: () => undefined,
    found: ({ resources }) => {
      total = resources;
    },
    progress: ({ resources }) => {
      if (total === undefined || total === 0) return bench.done(0);
      const done = Math.min(PULL_TOTAL, Math.floor((PULL_TOTAL * resources) / total));
      bench.done(Math.max(0, done - told));
      told = Math.max(told, done);
    },
  };
}

async function credentialsOf(
  { client }: SourceSettings,
  { readFile }: SourceKindParts,
): Promise<Pull['credentials']> {
  if (client === undefined) return undefined;
  const { clientId, key: file, kid, scope, tokenUrl } = client;
  const { readSigningKey } = await import('../bulk-client/signing-key.js');
  const key = await readSigningKey(readKey(file, readFile), kid);
  return { clientId, key, scope, ...(tokenUrl === undefined ? {} : { tokenUrl }) };
}

/** Throws ExportProblem. */
export function readKey(file: string, readFile: (file: string) => string): string {
  try {
    return readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ExportProblem(`The key file ${file} cannot be read (${code}).`);
  }
}

/** Tried another time by the schedule, not at once. */
async function asRefusals<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExportProblem) throw new Refusal('unprocessable', error.message);
    throw error;
  }
}

/** What was asked for otherwise, or since another time. */
function removeOthers(home: string, run: string): void {
  for (const name of statSync(home, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(home)) {
    if (name !== run) rmSync(join(home, name), { recursive: true, force: true });
  }
}

const DATA = /^([A-Z][A-Za-z]+|deleted)\.\d+\.ndjson$/;

function pulledFiles(folder: string): readonly PulledFile[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name): readonly PulledFile[] => {
      const [, stem] = DATA.exec(name) ?? [];
      if (stem === undefined) return [];
      const path = join(folder, name);
      const holds = stem === 'deleted' ? 'deletions' : 'resources';
      return [{ path, size: statSync(path).size, type: holds === 'deletions' ? 'Bundle' : stem, holds }];
    });
}

async function imported(
  { path, size, type, holds }: PulledFile,
  { request }: SourceSettings,
  access: AccessDecision,
  claim: Claim,
  bench: Workbench,
): Promise<PartOutcome> {
  const from = request.base.href;
  const input: ImportInput = { kind: 'file', path, size, type, holds, source: from };
  const asker = { access, requestId: claim.job.id };
  const spec = { asker, request: from, mode: 'upsert', inputs: [input], match: [] } as const;
  const { stored, files } = await importInput(0, { spec, claim, bench });
  const result = {
    step: 'file',
    stored: Object.values(stored).reduce((sum, count) => sum + count, 0),
    refused: files.reduce((sum, { count }) => sum + count, 0),
    errors: files.map(({ name }) => `jobs/${claim.job.id}/${name}`),
  } as const;
  return { result: writeSource(result), next: [] };
}
