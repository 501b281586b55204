/**
 * What a person is asked to grant: each scope that the app asks for and was registered for, and where a scope is about
 * conditions or observations its parts, which can be granted instead of the whole.
 * https://hl7.org/fhir/us/core/scopes.html
 *
 * Invariant: what is granted is what was offered and left ticked, and nothing else.
 */
import { type ResourceScope, writeResourceScope } from '../../smart/scope.js';
import type { Choice } from '../pages/consent-page.js';
import { adminWords, scopeWords } from '../pages/scope-words.js';

const CONDITION = 'http://terminology.hl7.org/CodeSystem/condition-category';
const OBSERVATION = 'http://terminology.hl7.org/CodeSystem/observation-category';
const PARTS: Readonly<Record<string, readonly string[]>> = {
  Condition: [
    `${CONDITION}|encounter-diagnosis`,
    `${CONDITION}|problem-list-item`,
    'http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern',
  ],
  Observation: [
    `${OBSERVATION}|laboratory`,
    `${OBSERVATION}|social-history`,
    `${OBSERVATION}|vital-signs`,
    `${OBSERVATION}|survey`,
    'http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh',
  ],
};

export function choicesOf(
  offered: readonly ResourceScope[],
  whose: 'your' | 'the patient’s',
): readonly Choice[] {
  return offered.map((scope) => ({
    value: writeResourceScope(scope),
    ...scopeWords(scope, whose),
    ticked: true,
    parts: partsOf(scope).map((part) => ({
      value: writeResourceScope(part),
      ...scopeWords(part, whose),
      ticked: false,
      parts: [],
    })),
  }));
}

/** Scopes of the server's own management, which are no part of SMART. */
export function adminChoices(offered: readonly string[]): readonly Choice[] {
  return offered.map((value) => ({ value, ...adminWords(value), ticked: true, parts: [] }));
}

/** The offered scopes and parts that were left ticked; a part of what is granted as a whole adds nothing. */
export function tickedScopes(
  offered: readonly ResourceScope[],
  ticked: readonly string[],
): readonly ResourceScope[] {
  const chosen = new Set(ticked);
  const isChosen = (scope: ResourceScope): boolean => chosen.has(writeResourceScope(scope));
  return offered.flatMap((scope) => (isChosen(scope) ? [scope] : partsOf(scope).filter(isChosen)));
}

/** Parts are said in version 2: version 1 has no words for them. */
function partsOf(scope: ResourceScope): readonly ResourceScope[] {
  const categories = scope.constraint === undefined && scope.version === 2 ? (PARTS[scope.type] ?? []) : [];
  return categories.map((category) => ({ ...scope, constraint: `category=${category}` }));
}
