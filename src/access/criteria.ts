/**
 * Search strings in scopes and policies, as predicates.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
 *
 * Invariant: what cannot be understood wholly, or cannot be judged on a resource by itself where it is looked at, grants
 * nothing.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';
import { Refusal } from '../fhir/outcome.js';
import { parseCondition } from '../fhir/search/parse-search.js';
import type { Predicate } from '../fhir/search/query.js';
import { hasNamedSet, hasTest, NOTHING } from '../fhir/search/tree.js';

export interface AccessKnowledge {
  readonly definitions: Definitions;
  /** Absolute references under this URL are local ones. */
  readonly baseUrl: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `system|code` pairs and the like as the operator wrote them: they may look at other resources. */
export function trustedCriteria(type: string, search: string, knowledge: AccessKnowledge): Predicate {
  const read = readCriteria(type, search, knowledge);
  return 'problem' in read ? NOTHING : read;
}

/** A search as a predicate, or why it grants nothing. */
export function readCriteria(
  type: string,
  search: string,
  { definitions, baseUrl, now }: AccessKnowledge,
): Predicate | { readonly problem: string } {
  // No criteria are met by everything.
  if (search.split('&').every((piece) => piece === '')) return { problem: 'it says nothing' };
  try {
    const predicate = parseCondition(definitions, type, search, { baseUrl, now });
    if (hasNamedSet(predicate)) return { problem: 'a set known by name cannot be part of a policy' };
    if (hasTest(predicate, 'words')) return { problem: 'a search by words cannot be part of a policy' };
    return predicate;
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    throw error;
  }
}

/**
 * The constraint of a scope. It comes from a client: one that looks at other resources would tell by what it lets
 * through what those are that the client may not read.
 */
export function scopeConstraint(type: string, search: string, knowledge: AccessKnowledge): Predicate {
  const predicate = trustedCriteria(type, search, knowledge);
  return looksElsewhere(predicate) ? NOTHING : predicate;
}

function looksElsewhere(predicate: Predicate): boolean {
  switch (predicate.op) {
    case 'chain':
    case 'has':
      return true;
    case 'and':
    case 'or':
      return predicate.of.some(looksElsewhere);
    case 'not':
      return looksElsewhere(predicate.of);
    default:
      return false;
  }
}
