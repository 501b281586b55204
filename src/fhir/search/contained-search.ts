/**
 * `_contained` and `_containedType`: whether a search finds stored resources, contained ones or both, and whether it answers
 * contained ones alone or together with what contains them.
 * https://hl7.org/fhir/R4/search.html#contained
 *
 *   Medication?code=x   &_contained=true                             { any type:    contains a Medication with code x }
 *                       &_contained=true&_containedType=contained    { #Medication: code x }
 *                       &_contained=both&_containedType=contained    { Medication:  code x } { #Medication: code x }
 *
 * Containers are searched as one part per type, so each comes once, whatever it contains, and is counted once.
 *
 * Invariant: what cannot be evaluated on contained resources, or says nothing of what is answered, is refused by name.
 */
import type { Definitions } from '../definitions/definitions.js';
import { CONTAINS, containedPart } from './contained.js';
import { malformed, type Problem } from './parameters/problem.js';
import type { Include, Predicate, QueryPart, SortKey } from './query.js';
import { allOf, anyOf, hasTest } from './tree.js';

export type Contained = 'false' | 'true' | 'both';
export type ContainedType = 'container' | 'contained';

/** What a search finds, and what is answered for a contained resource. */
export interface ContainedWish {
  readonly contained: Contained;
  readonly containedType: ContainedType;
}

/** Of other types, nothing in FHIR can contain anything. */
const WITHOUT_CONTAINED: ReadonlySet<string> = new Set(['Binary', 'Bundle', 'Parameters']);

/** The parts that a search asks for; `parts`: what it asks of stored resources. */
export function partsWithContained(
  parts: readonly QueryPart[],
  { contained, containedType }: ContainedWish,
  { resourceTypes }: Definitions,
): readonly QueryPart[] {
  if (contained === 'false') return parts;
  const stored = contained === 'both' ? parts : [];
  const inside = parts.map(containedPart);
  if (containedType === 'contained') return [...stored, ...inside];
  const contains = allOf([
    { op: 'not', of: { op: 'absent', param: CONTAINS } },
    { op: 'chain', param: CONTAINS, targets: inside },
  ]);
  const others = [...resourceTypes.keys()].filter((type) => !stored.some((part) => part.type === type));
  return [
    ...stored.map(({ type, where }) => ({
      type,
      where: canContain(type) ? anyOf([where, contains]) : where,
    })),
    ...others.filter(canContain).map((type) => ({ type, where: contains })),
  ];
}

function canContain(type: string): boolean {
  return !WITHOUT_CONTAINED.has(type);
}

export interface SearchedContained {
  readonly parts: readonly QueryPart[];
  readonly sort: readonly SortKey[];
  readonly includes: readonly Include[];
}

/** Parameters that cannot stand beside these wishes, with the reason. */
export function* containedProblems(
  { parts, sort, includes }: SearchedContained,
  { contained, containedType }: ContainedWish,
  { searchParameters }: Definitions,
): Generator<readonly [name: string, problem: Problem]> {
  if (contained === 'false') return;
  if (parts.some(({ where }) => hasTest(where, 'words'))) {
    yield ['_contained', together('_text or _content: contained resources are not in the full-text index')];
  }
  const custom = parts.flatMap(({ type, where }) => {
    const own = searchParameters.get(type);
    const codes = [...codesIn(where), ...sort.map(({ param }) => param)];
    return codes.filter((code) => own?.get(code)?.custom !== undefined);
  });
  for (const code of new Set(custom)) {
    yield ['_contained', together(`${code}, a parameter of your own: it finds stored resources alone`)];
  }
  if (containedType === 'container' && !sort.every(({ param }) => OF_ANY_TYPE.has(param))) {
    const reason = 'can only be _id or _lastUpdated where containers are returned, which are of any type';
    yield ['_sort', malformed(`${reason}: ask for _containedType=contained`)];
  }
  if (containedType === 'contained' && includes.length > 0) {
    yield ['_containedType', together('_include or _revinclude: ask for _containedType=container')];
  }
}

const OF_ANY_TYPE: ReadonlySet<string> = new Set(['_id', '_lastUpdated']);

function together(reason: string): Problem {
  return malformed(`cannot stand together with ${reason}`);
}

/** Codes of the parameters by which the searched resources themselves are told, without `:text` and its like. */
function codesIn(where: Predicate): readonly string[] {
  switch (where.op) {
    case 'and':
    case 'or':
      return where.of.flatMap(codesIn);
    case 'not':
      return codesIn(where.of);
    case 'value':
    case 'absent':
    case 'chain':
    case 'named-set':
      return [where.param.split(':')[0] ?? ''];
    default:
      return [];
  }
}
