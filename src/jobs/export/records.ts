/**
 * Which resources an export holds, as predicates on each type: those of the patients, what `_typeFilter` asks for, and the
 * Provenance of both.
 *
 * Invariant: at the level of patients and groups, nothing outside of the compartments of the patients but the Provenance of
 * what is inside; a patient counts who was stored, and could be seen, as of the export.
 */

import type { Predicate, QueryPart } from '../../fhir/search/query.js';
import { allOf, anyOf, EVERYTHING, noneOf } from '../../fhir/search/tree.js';
import { patientsOf } from '../../interactions/everything/roster.js';
import type { ExportLevel, ExportSpec } from '../../interactions/export/export-spec.js';
import { parseStored } from '../../interactions/projected.js';
import { type ExportWork, isForScan, searched } from './export-work.js';

export const PROVENANCE = 'Provenance';
/** The index values of membership. */
const COMPARTMENT = '@Patient';

/** Undefined: all patients, or no patients but the whole system. */
export type Patients = readonly string[] | undefined;

type GroupLevel = ExportLevel & { readonly kind: 'group' };

/** Members of the Group in the version of the kick-off; those of the parameter `patient` among them. */
export async function patientsAsked(work: ExportWork): Promise<Patients> {
  const { level } = work.spec;
  if (level.kind === 'system') return undefined;
  if (level.kind === 'patient') return level.patients;
  const { patients, members } = level;
  const listed = await listedMembers(level, work);
  const asked = patients === undefined ? undefined : new Set(patients);
  const those = asked === undefined ? listed : (listed ?? patients)?.filter((id) => asked.has(id));
  if (members === undefined) return those ?? [];
  return meeting(allOf([those === undefined ? EVERYTHING : { op: 'id', ids: those }, members]), work);
}

/** Undefined: it lists none. */
async function listedMembers(
  { id, versionId }: GroupLevel,
  { spec, bench }: ExportWork,
): Promise<readonly string[] | undefined> {
  const result = await bench.parts.backend.vread({ type: 'Group', id }, versionId, {
    kind: 'unrestricted',
    reason: 'members of a group that was read at the kick-off',
  });
  const group = result.kind === 'found' ? parseStored(result.resource.bytes) : undefined;
  // A Group that was purged since has no members.
  if (group === undefined) return [];
  return Array.isArray(group.member) ? patientsOf(group, spec.baseUrl) : undefined;
}

/** Patients who met the criteria then, as far as the asker could find that. */
async function meeting(where: Predicate, work: ExportWork): Promise<readonly string[]> {
  const { spec, job, bench } = work;
  const ids: string[] = [];
  try {
    const query = { parts: [{ type: 'Patient', where }], sort: [] };
    for await (const { id } of searched(query, work)) ids.push(id);
    return ids;
  } catch (error) {
    if (!isForScan(error)) throw error;
  }
  const asOf = job.position;
  const range = { type: 'Patient', from: 0, to: asOf, asOf, access: spec.access, where };
  const scanned: string[] = [];
  for await (const { resources } of bench.parts.backend.scan(range)) {
    scanned.push(...resources.map(({ id }) => id));
    bench.done(0);
  }
  return scanned;
}

export function provenanceComesAlong({ provenance, types, access }: ExportSpec): boolean {
  if (provenance === undefined) return false;
  return (
    types.includes(PROVENANCE) || access.kind === 'unrestricted' || Object.hasOwn(access.byType, PROVENANCE)
  );
}

/** What of a type is exported, but for times. `records`: one of the two below. */
export function exportedOf(type: string, spec: ExportSpec, records: Predicate): Predicate {
  const { provenance, types, associated } = spec;
  const filter = spec.filters[type] ?? EVERYTHING;
  const asked = allOf([records, filter]);
  if (type !== PROVENANCE || provenance === undefined) return asked;
  const about = aboutExported(spec, records);
  return types.includes(PROVENANCE) && !associated
    ? anyOf([asked, allOf([about, filter])])
    : allOf([about, filter]);
}

/** In the record of one of the patients, for a scan: it is judged whether they were there. */
export function inRecords({ level }: ExportSpec, patients: Patients): Predicate {
  if (level.kind === 'system') return EVERYTHING;
  const where: Predicate = patients === undefined ? EVERYTHING : { op: 'id', ids: patients };
  return { op: 'chain', param: COMPARTMENT, targets: [{ type: 'Patient', where }] };
}

/**
 * Was in the record of one of the patients, for deletions: of patients too, who may be deleted themselves. By no filter: what a
 * client has may have met it before its last version.
 */
export function wasInRecords({ level }: ExportSpec, patients: Patients): Predicate {
  if (level.kind === 'system') return EVERYTHING;
  return patients === undefined
    ? noneOf({ op: 'absent', param: COMPARTMENT })
    : { op: 'value', param: COMPARTMENT, test: { kind: 'reference-set', type: 'Patient', ids: patients } };
}

/** The same for a search, which has an index of it; of patients who are known to have been there. */
export function inRecordsOf(patients: readonly string[]): Predicate {
  return anyOf(patients.map((id): Predicate => ({ op: 'compartment', name: 'Patient', id })));
}

/**
 * Of resources that are exported themselves: in this export where only those count, else in whichever, for Provenance may be
 * written after what it is about.
 */
function aboutExported(spec: ExportSpec, records: Predicate): Predicate {
  const targets = spec.types
    .filter((type) => type !== PROVENANCE)
    .map(
      (type): QueryPart => ({
        type,
        where: allOf([
          records,
          spec.filters[type] ?? EVERYTHING,
          ...(spec.associated ? timeTests(spec) : []),
        ]),
      }),
    );
  return { op: 'chain', param: 'target', targets };
}

/** Provenance that comes along does so whenever it was written. */
export function timesOf(type: string, spec: ExportSpec): Pick<ExportSpec, 'since' | 'until'> {
  if (type === PROVENANCE && (spec.associated || !spec.types.includes(PROVENANCE))) return {};
  const { since, until } = spec;
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

/** The same as predicates. */
export function timeTestsOf(type: string, spec: ExportSpec): readonly Predicate[] {
  return timeTests(timesOf(type, spec));
}

function timeTests({ since, until }: Pick<ExportSpec, 'since' | 'until'>): readonly Predicate[] {
  const test = (prefix: 'sa' | 'eb', at: number | undefined): readonly Predicate[] =>
    at === undefined ? [] : [{ op: 'last-updated', test: { kind: 'date', prefix, lo: at, hi: at } }];
  return [...test('sa', since), ...test('eb', until)];
}
