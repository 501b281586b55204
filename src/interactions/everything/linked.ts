/**
 * What the matches of a page refer to outside of the compartment: Organization, Practitioner, Location, Medication,
 * Binary … Search results call them includes.
 *
 * Invariant: nothing of another patient's record. What belongs to patients comes along only where the patient is the
 * one whose record this is.
 */
import { isObject } from '../../fhir/format/json.js';
import { parseReference } from '../../fhir/reference.js';
import { typesInScope } from '../../fhir/search/parameters/types.js';
import type { Predicate, QueryPart } from '../../fhir/search/query.js';
import { allOf, anyOf, EVERYTHING, noneOf } from '../../fhir/search/tree.js';
import type { ResourceKey, SearchPage } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { parseStored } from '../projected.js';
import { timeLeft } from '../search.js';
import { localLinks } from './links.js';
import type { EverythingPage, Walk } from './page.js';

export type Linked = Pick<SearchPage, 'matches' | 'next'>;

const NONE: Linked = { matches: [] };

/** As they are now; at most the backend's limit of includes, with `next` where there would be more. */
export async function linkedResources(page: EverythingPage, walk: Walk): Promise<Linked> {
  const { roster, selection, context } = walk;
  const targets = targetsOf(page, walk);
  if (targets.size === 0) return NONE;
  const { definitions } = context.knowledge;
  const ofPatients = new Set(typesInScope({ compartment: { name: 'Patient', id: '' } }, definitions));
  const inside = new Set(typesInScope({ compartment: { name: roster.type, id: '' } }, definitions));
  const theirs = anyOf(compartments('Patient', await patientsOf(page, roster.type, context)));
  const apart = noneOf(anyOf(compartments(roster.type, page.subjects)));
  const parts: QueryPart[] = [];
  for (const [type, ids] of targets) {
    if (!definitions.resourceTypes.has(type) || !selection.shows(type)) continue;
    const where = allOf([
      { op: 'id', ids },
      ofPatients.has(type) ? theirs : EVERYTHING,
      inside.has(type) ? apart : EVERYTHING,
    ]);
    if (where.op !== 'nothing') parts.push({ type, where });
  }
  if (parts.length === 0) return NONE;
  const { backend, access } = context;
  const count = backend.capabilities.includeLimit;
  const query = { parts, sort: [] };
  const deadline = timeLeft(context);
  return backend.search({ query, access: access.search, count, total: 'none', includes: [], deadline });
}

/** Ids by type, without what is a match of this page. */
function targetsOf({ matches }: EverythingPage, { context }: Walk): ReadonlyMap<string, readonly string[]> {
  const known = new Set(matches.map(({ type, id }) => `${type}/${id}`));
  const targets = new Map<string, string[]>();
  for (const { bytes } of matches) {
    for (const { type, id } of localLinks(bytes, context.baseUrl)) {
      const key = `${type}/${id}`;
      if (known.has(key)) continue;
      known.add(key);
      const ids = targets.get(type);
      if (ids === undefined) targets.set(type, [id]);
      else ids.push(id);
    }
  }
  return targets;
}

function compartments(name: string, of: readonly ResourceKey[]): readonly Predicate[] {
  return of.filter(({ type }) => type === name).map(({ id }) => ({ op: 'compartment', name, id }));
}

/**
 * The patients whose record lies outside of the compartments read: those of encounters. A patient's own record is all
 * inside, and what a practitioner did belongs to many.
 */
async function patientsOf(
  { subjects }: EverythingPage,
  type: string,
  { backend, access, baseUrl }: Context,
): Promise<readonly ResourceKey[]> {
  if (type !== 'Encounter') return [];
  const patients: ResourceKey[] = [];
  for (const subject of subjects) {
    const result = await backend.read(subject, access.read);
    if (result.kind !== 'found') continue;
    const { subject: patient } = parseStored(result.resource.bytes);
    const text = isObject(patient) ? patient.reference : undefined;
    const target = typeof text === 'string' ? parseReference(text, baseUrl) : undefined;
    if (target?.kind === 'local') patients.push(target);
  }
  return patients;
}
