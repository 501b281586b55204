/**
 * $lastn: a subject's latest observations of each code.
 * https://hl7.org/fhir/R4/observation-operation-lastn.html
 *
 * Invariant: all observations that meet the criteria are looked at, latest first and page by page: no more of them are
 * held than are answered. Where that takes too long or keeps too much it is refused, never cut.
 */
import { assert } from '../base/assert.js';
import { isObject, type ResourceObject } from '../fhir/format/json.js';
import { type Issue, Refusal } from '../fhir/outcome.js';
import { dateRange } from '../fhir/primitives/date.js';
import { parseCondition } from '../fhir/search/parse-search.js';
import type { Predicate, SortKey } from '../fhir/search/query.js';
import { sortKeyOf } from '../fhir/search/sort-key.js';
import type { SearchPage, StoredResource } from '../ports/backend.js';
import { bundle, queryString, searchEntry } from './bundle-pieces.js';
import type { Context } from './context.js';
import { codesOf, type Dated, LatestByCode } from './latest-by-code.js';
import { type Given, givenParameters, POSITIVE, readParameters, refuse } from './operation-parameters.js';
import type { Operation } from './operations.js';
import { makePace } from './pace.js';
import { permit } from './permit.js';
import { parseStored } from './projected.js';
import type { FhirRequest, QueryPair } from './request.js';
import { resolveQuery } from './resolve-query.js';
import type { FhirResponse } from './response.js';
import { timeLeft } from './search.js';

const TYPE = 'Observation';

export const LASTN: Operation = {
  name: 'lastn',
  definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
  levels: ['type'],
  types: [TYPE],
  methods: ['GET', 'POST'],
  run: (request, _target, context) => run(request, context),
};

async function run(request: FhirRequest, context: Context): Promise<FhirResponse> {
  permit(context, TYPE, 'search');
  const given = givenParameters(request, context);
  const { max, where } = read(given, context);
  const latest = await collect(where, max, context);
  const query = queryString(given.map((one) => [one.name, textOf(one) ?? '']));
  const links = [{ relation: 'self', url: `${context.baseUrl}/${TYPE}/$lastn${query}` }] as const;
  const entries = latest.map((one) => searchEntry(one, one.bytes, 'match', context.baseUrl));
  return {
    status: 200,
    headers: {},
    body: bundle({ type: 'searchset', total: latest.length, links }, entries),
  };
}

interface Asked {
  readonly max: number;
  readonly where: Predicate;
}

/** `max` is the operation's own; all others are search parameters of Observation. */
function read(given: readonly Given[], context: Context): Asked {
  const issues: Issue[] = [];
  const own = given.filter(({ name }) => name === 'max');
  const values = noting(issues, () => readParameters('lastn', { max: POSITIVE }, own, context));
  const criteria = given.filter(({ name }) => name !== 'max');
  issues.push(...criteria.flatMap(notText), ...whatIsMissing(criteria));
  const pairs = criteria.map((one): QueryPair => [one.name, textOf(one) ?? '']);
  const { knowledge, baseUrl, clock } = context;
  const options = { baseUrl, now: clock.now() };
  const where = noting(issues, () => parseCondition(knowledge.definitions, TYPE, pairs, options));
  refuse(issues);
  assert(where !== undefined, 'criteria without an issue are a predicate');
  return { max: values?.max[0] ?? 1, where };
}

/** The value, or undefined and the issues of the refusal. */
function noting<T>(issues: Issue[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    issues.push(...error.issues);
    return undefined;
  }
}

/** A criterion as in a URL; a reference is its literal. Undefined: it cannot be written so. */
function textOf({ value }: Given): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return typeof value.reference === 'string' ? value.reference : undefined;
}

function notText(given: Given): readonly Issue[] {
  if (given.value === undefined || textOf(given) !== undefined) return [];
  const text = `The parameter ${given.name.slice(0, 100)} is a criterion: give it as valueString, written as in a search.`;
  const expression = given.expression === undefined ? {} : { expression: [given.expression] };
  return [{ severity: 'error', code: 'invalid', text, ...expression }];
}

const CODE = /^(category|(.*-)?code(-.*)?)$/;

function whatIsMissing(criteria: readonly Given[]): readonly Issue[] {
  const names = criteria.map(({ name }) => name.split(/[:.]/, 1)[0] ?? '');
  const missing = (text: string): Issue => ({ severity: 'error', code: 'required', text });
  return [
    ...(names.some((name) => name === 'patient' || name === 'subject')
      ? []
      : [missing('$lastn is about one subject: name it by patient or subject.')]),
    ...(names.some((name) => CODE.test(name))
      ? []
      : [missing('$lastn needs to know which observations are meant: name them by category or code.')]),
  ];
}

const LATEST_FIRST: readonly SortKey[] = [{ param: 'date', kind: 'date', descending: true }];
const PAGE = 500;
/** Observations in one answer. */
const MAX_KEPT = 10_000;

async function collect(where: Predicate, max: number, context: Context): Promise<readonly StoredResource[]> {
  const latest = new LatestByCode<StoredResource>(max);
  const pace = makePace();
  const until = context.clock.now() + timeLeft(context);
  for (let page = await nextPage(where, undefined, context); ; page = await nextPage(where, page, context)) {
    for (const match of page.matches) {
      if (pace.due()) await pace.rest();
      const observation = parseStored(match.bytes);
      latest.add(codesOf(observation), dated(match, observation, context));
    }
    if (latest.size > MAX_KEPT) throw tooMuch(`more than ${MAX_KEPT} observations would be answered`);
    if (page.next === undefined) return latest.all();
    if (context.clock.now() >= until)
      throw tooMuch('its subject has too many observations to look at in time');
  }
}

function tooMuch(reason: string): Refusal {
  return new Refusal('too-costly', `$lastn is too much here, as ${reason}: name fewer codes, or a date.`);
}

async function nextPage(
  where: Predicate,
  before: SearchPage | undefined,
  context: Context,
): Promise<SearchPage> {
  return context.backend.search({
    query: await resolveQuery({ parts: [{ type: TYPE, where }], sort: LATEST_FIRST }, context),
    access: context.access.search,
    count: PAGE,
    total: 'none',
    includes: [],
    ...(before?.next === undefined ? {} : { asOf: before.asOf, after: before.next }),
    deadline: timeLeft(context),
  });
}

function dated(match: StoredResource, tree: ResourceObject, { knowledge }: Context): Dated<StoredResource> {
  const { lastUpdated } = match;
  const written = tree.effectiveDateTime ?? tree.effectiveInstant ?? startOf(tree);
  const date =
    typeof written === 'string'
      ? dateRange(written)?.lo
      : tree.effectiveTiming === undefined
        ? undefined
        : sortKeyOf(knowledge.index(tree), match, { param: 'date', kind: 'date', descending: true });
  return { item: match, date: typeof date === 'number' ? date : undefined, lastUpdated };
}

function startOf({ effectivePeriod }: ResourceObject): ResourceObject[string] | undefined {
  return isObject(effectivePeriod) ? effectivePeriod.start : undefined;
}
