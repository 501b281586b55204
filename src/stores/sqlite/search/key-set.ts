/**
 * Tests on tokens, their words, references, uris and compartments as the integers under which their matches are indexed.
 * https://hl7.org/fhir/R4/search.html#token, #reference, #uri
 */
import type {
  Predicate,
  ReferenceSetTest,
  ReferenceTest,
  TextTest,
  TokenSetTest,
  TokenTest,
  UriTest,
  ValueTest,
} from '../../../fhir/search/query.js';
import { type Catalogue, TEXT_SYSTEM, urlIdentity, versionIdentity, WORDS_SYSTEM } from '../catalogue.js';
import { type Fragment, sql, startsWith } from './fragment.js';
import type { Scope } from './scope.js';

/** `listed`: the integers. `terms`: too many to list; a condition on the columns of `term t`. */
export type KeySet =
  | { readonly kind: 'listed'; readonly values: readonly number[] }
  | { readonly kind: 'terms'; readonly condition: Fragment };

export type KeyTest = TokenTest | TextTest | TokenSetTest | ReferenceTest | ReferenceSetTest | UriTest;

const KEY_TESTS: ReadonlySet<ValueTest['kind']> = new Set<KeyTest['kind']>([
  'token',
  'text',
  'token-set',
  'reference',
  'reference-set',
  'uri',
]);

export function isKeyTest(test: ValueTest): test is KeyTest {
  return KEY_TESTS.has(test.kind);
}

/** More terms than this are not listed. */
const LISTED_TERMS = 64;
const NONE: KeySet = { kind: 'listed', values: [] };

/** Looked up once per query: planning, pairs and probes all ask for the same ones. */
export function keySet(scope: Scope, test: KeyTest): KeySet {
  const known = scope.keySets.get(test);
  if (known !== undefined) return known;
  const found = findKeySet(scope, test);
  scope.keySets.set(test, found);
  return found;
}

function findKeySet(scope: Scope, test: KeyTest): KeySet {
  switch (test.kind) {
    case 'token':
      return tokenKeys(scope, test);
    case 'text':
      return termKeys(scope, sql`${startsWith('t.code', test.value)} AND t.system = ${WORDS_SYSTEM}`);
    case 'token-set':
      return { kind: 'listed', values: memberTerms(scope, test) };
    case 'reference-set':
      return { kind: 'listed', values: memberRids(scope, test) };
    case 'reference':
      return { kind: 'listed', values: referenceKeys(scope, test) };
    case 'uri':
      return uriKeys(scope, test);
  }
}

/** The members of an `or` that are tests on listed keys, united by parameter. */
export function groupKeys(
  scope: Scope,
  of: readonly Predicate[],
): { readonly keys: ReadonlyMap<string, readonly number[]>; readonly others: readonly Predicate[] } {
  const keys = new Map<string, Set<number>>();
  const others: Predicate[] = [];
  for (const one of of) {
    const found = one.op === 'value' && isKeyTest(one.test) ? keySet(scope, one.test) : undefined;
    if (one.op !== 'value' || found?.kind !== 'listed') {
      others.push(one);
      continue;
    }
    const united = keys.get(one.param) ?? new Set();
    for (const value of found.values) united.add(value);
    keys.set(one.param, united);
  }
  return { keys: new Map([...keys].map(([param, values]) => [param, [...values]])), others };
}

function tokenKeys(scope: Scope, { system, code }: TokenTest): KeySet {
  if (system === undefined) {
    return termKeys(
      scope,
      code === undefined
        ? sql`t.system > ${TEXT_SYSTEM}`
        : sql`t.code = ${code} AND t.system > ${TEXT_SYSTEM}`,
    );
  }
  const systemId = scope.catalogue.text(system);
  if (systemId === undefined) return NONE;
  return termKeys(
    scope,
    code === undefined ? sql`t.system = ${systemId}` : sql`t.code = ${code} AND t.system = ${systemId}`,
  );
}

/**
 * Sets are long: one statement looks up many. Members that were never stored have no integer, so what is listed is no
 * longer than what there is.
 */
const TERMS = `SELECT t.id FROM json_each(?) member CROSS JOIN term t ON t.code = member.value AND t.system = ?`;
const RIDS = `SELECT r.rid FROM json_each(?) member CROSS JOIN resource r ON r.type = ? AND r.id = member.value`;

function memberTerms({ catalogue, connection }: Scope, { members }: TokenSetTest): readonly number[] {
  const terms = members.flatMap(({ system, codes }) => {
    const systemId = catalogue.text(system);
    if (systemId === undefined) return [];
    return connection.column<number>(TERMS, JSON.stringify(codes), systemId);
  });
  return [...new Set(terms)];
}

function memberRids({ catalogue, connection }: Scope, { type, ids }: ReferenceSetTest): readonly number[] {
  const typeId = catalogue.type(type);
  if (typeId === undefined) return [];
  const rids = connection.column<number>(RIDS, JSON.stringify(ids), typeId);
  return [...new Set(rids)];
}

function referenceKeys(scope: Scope, { target }: ReferenceTest): readonly number[] {
  const { catalogue } = scope;
  if (target.kind === 'url') {
    const below = target.versions === 'below' ? versionsBelow(catalogue, target.url, target.version) : [];
    const named = target.versions === 'above' ? segmentsOf(target.version ?? '') : [target.version];
    const rids = named.map((version) => catalogue.rid(...urlIdentity(target.url, version)));
    return [...rids.filter((rid) => rid !== undefined), ...below];
  }
  const types = target.types.length > 0 ? target.types : catalogue.resourceTypes();
  const { id, version } = target;
  const rids = types.map((type) =>
    version === undefined ? scope.rid(type, id) : scope.rid(...versionIdentity(type, id, version)),
  );
  return rids.filter((rid) => rid !== undefined);
}

/** Versions that go on behind a dot, as one stretch of the identities. */
function versionsBelow(catalogue: Catalogue, url: string, version?: string): readonly number[] {
  const [type, id] = urlIdentity(url, version);
  return catalogue.rids(type, `${id}.`, `${id}/`); // the slash is the sign next to the dot
}

/** 1.2.3, 1.2 and 1. */
function segmentsOf(version: string): readonly string[] {
  const segments = [version];
  for (let dot = version.lastIndexOf('.'); dot > 0; dot = version.lastIndexOf('.', dot - 1)) {
    segments.push(version.slice(0, dot));
  }
  return segments;
}

function uriKeys(scope: Scope, { mode, value }: UriTest): KeySet {
  switch (mode) {
    case 'exact':
      return termKeys(scope, sql`t.code = ${value} AND t.system = ${TEXT_SYSTEM}`);
    case 'below': {
      const children = value.endsWith('/') ? value : `${value}/`;
      const range = sql`t.code >= ${children} AND t.code < ${`${children.slice(0, -1)}0`}`;
      return termKeys(scope, sql`(t.code = ${value} OR (${range})) AND t.system = ${TEXT_SYSTEM}`);
    }
    case 'above': {
      const parents = JSON.stringify(parentsOf(value));
      return termKeys(
        scope,
        sql`t.code IN (SELECT value FROM json_each(${parents})) AND t.system = ${TEXT_SYSTEM}`,
      );
    }
  }
}

/** The uri itself and what stands before each of its slashes, with that slash and without it. */
function parentsOf(uri: string): readonly string[] {
  const parents = [uri];
  for (let slash = uri.indexOf('/'); slash >= 0; slash = uri.indexOf('/', slash + 1)) {
    parents.push(uri.slice(0, slash), uri.slice(0, slash + 1));
  }
  return parents;
}

function termKeys({ connection }: Scope, condition: Fragment): KeySet {
  const statement = `SELECT t.id FROM term t WHERE ${condition.text} LIMIT ${LISTED_TERMS + 1}`;
  const values = connection.column<number>(statement, ...condition.values);
  return values.length > LISTED_TERMS ? { kind: 'terms', condition } : { kind: 'listed', values };
}
