/**
 * $everything: a patient's whole record, and what it refers to, page by page; likewise an encounter's, a practitioner's,
 * that of a group's members, and those of all patients or encounters that may be seen.
 * https://hl7.org/fhir/R4/patient-operation-everything.html, https://hl7.org/fhir/R4/encounter-operation-everything.html,
 * https://hl7.org/fhir/R4/group-operation-everything.html
 *
 * Invariant: over all pages every resource of the compartment is a match once, the subject first; what the matches of a
 * page refer to outside is included with them. `_since`, `start` and `end` rule matches, `_type` rules both.
 */
import { Refusal } from '../../fhir/outcome.js';
import { bundle, type EntryPieces, searchEntry } from '../bundle-pieces.js';
import type { Context } from '../context.js';
import { openCursor, pageLinks } from '../cursor.js';
import {
  DATE,
  type Given,
  givenParameters,
  INSTANT,
  POSITIVE,
  RESOURCE_TYPES,
  readParameters,
} from '../operation-parameters.js';
import type { Operation } from '../operations.js';
import { permit } from '../permit.js';
import { parseStored } from '../projected.js';
import { notFound } from '../read.js';
import type { FhirRequest, QueryPair } from '../request.js';
import type { FhirResponse } from '../response.js';
import { outcomes, truncated } from '../search.js';
import type { InstanceTarget, OperationTarget } from '../target.js';
import { linkedResources } from './linked.js';
import { type EverythingPage, type Place, readPage, type Walk } from './page.js';
import { allOfType, members, type Roster, single } from './roster.js';
import { Selection, type Wanted } from './selection.js';

const ANY_TIME = { _since: INSTANT, _type: RESOURCE_TYPES, _count: POSITIVE };
const BY_DATE = { start: DATE, end: DATE, ...ANY_TIME };

type Parameters = typeof ANY_TIME & Partial<typeof BY_DATE>;

/** R4 defines it for patients, encounters and groups; that of a practitioner is defined here by their likeness. */
export const EVERYTHING: readonly Operation[] = [
  everything('Patient', ['type', 'instance'], BY_DATE),
  everything('Encounter', ['type', 'instance'], ANY_TIME),
  everything('Group', ['instance'], BY_DATE),
  everything('Practitioner', ['instance'], BY_DATE, 'OperationDefinition/Practitioner-everything'),
];

function everything(
  type: string,
  levels: Operation['levels'],
  parameters: Parameters,
  definition = `http://hl7.org/fhir/OperationDefinition/${type}-everything`,
): Operation {
  return {
    name: 'everything',
    definition,
    levels,
    types: [type],
    methods: ['GET', 'POST'],
    run: (request, target, context) => run(request, { ...target, type }, parameters, context),
  };
}

/** What a `next` link carries. */
interface SealedPlace {
  readonly page: Place;
  /** The Group's version whose members are gone through. */
  readonly version?: string;
}

/** What the sequence is about. */
interface Whose {
  readonly roster: Roster;
  readonly version?: string;
}

type Target = OperationTarget & { readonly type: string };

async function run(
  request: FhirRequest,
  target: Target,
  parameters: Parameters,
  context: Context,
): Promise<FhirResponse> {
  const path = `/${target.type}${target.id === undefined ? '' : `/${target.id}`}/$everything`;
  const cursor = openCursor<SealedPlace>('everything-cursor', path, request.query, context);
  const given = cursor?.applied.map(([name, value]): Given => ({ name, value }));
  const { wanted, count, applied } = read(given ?? givenParameters(request, context), parameters, context);
  const { roster, ...version } = await whose(target, cursor?.place.version, context);
  const selection = new Selection(wanted, roster, context.knowledge.definitions);
  const walk: Walk = { roster, selection, count, context };
  const page = await readPage(walk, cursor?.place.page);
  const next: SealedPlace | undefined = page.next && { page: page.next, ...version };
  const neighbours = next === undefined ? {} : { next };
  const links = pageLinks('everything-cursor', { path, applied }, neighbours, request, context);
  return {
    status: 200,
    headers: {},
    body: bundle({ type: 'searchset', links }, await entriesOf(page, walk)),
  };
}

interface Read {
  readonly wanted: Wanted;
  readonly count: number;
  /** As executed. */
  readonly applied: readonly QueryPair[];
}

function read(given: readonly Given[], table: Parameters, context: Context): Read {
  const values = readParameters('everything', table, given, context);
  const [since] = values._since;
  const [start] = values.start ?? [];
  const [end] = values.end ?? [];
  if (start !== undefined && end !== undefined && start.lo > end.hi) {
    throw new Refusal('invalid-parameter', 'The parameter start lies after end: nothing is between them.');
  }
  const { maxCount } = context.settings;
  const wanted = {
    types: values._type.flat(),
    ...(since === undefined ? {} : { since }),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
  // Who does not ask for pages is to get it all at once, as far as that is possible.
  const count = Math.min(values._count[0] ?? maxCount, maxCount);
  const applied = given.map(
    ({ name, value }): QueryPair => [name, name === '_count' ? String(count) : String(value)],
  );
  return { wanted, count, applied };
}

/** 404 and 410 as a read says. */
async function whose({ type, id }: Target, version: string | undefined, context: Context): Promise<Whose> {
  permit(context, type, id === undefined ? 'search' : 'read');
  if (id === undefined) return { roster: allOfType(type, context) };
  const target: InstanceTarget = { type, id };
  const { backend, access, baseUrl } = context;
  const result = await (version === undefined
    ? backend.read(target, access.read)
    : backend.vread(target, version, access.read));
  if (result.kind !== 'found') throw notFound(result, target, baseUrl);
  if (type !== 'Group') return { roster: single(target) };
  const group = parseStored(result.resource.bytes);
  return { roster: members(group, target, baseUrl), version: result.resource.versionId };
}

async function entriesOf(page: EverythingPage, walk: Walk): Promise<EntryPieces[]> {
  const { selection, context } = walk;
  const linked = await linkedResources(page, walk);
  const matches = page.matches.filter(({ type }) => selection.shows(type));
  return [
    ...matches.map((one) => searchEntry(one, one.bytes, 'match', context.baseUrl)),
    ...linked.matches.map((one) => searchEntry(one, one.bytes, 'include', context.baseUrl)),
    ...outcomes(linked.next === undefined ? [] : [truncated(context)], context),
  ];
}
