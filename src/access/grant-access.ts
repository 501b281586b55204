/** A grant as an access decision: system scopes by type alone. Everything else is seen by no one. */
import type { Predicate } from '../fhir/search/query.js';
import type { AccessDecision, AccessFilter } from '../ports/access-filter.js';
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import type { Grant } from '../smart/grant.js';

export function accessOf(grant: Grant, { definitions }: CurrentDefinitions): AccessDecision {
  const filter = (letters: string): AccessFilter => {
    const byType: Record<string, Predicate> = {};
    for (const { context, type, permissions, constraint } of grant.scopes) {
      if (context !== 'system' || constraint !== undefined) continue;
      if (![...letters].every((letter) => permissions.includes(letter))) continue;
      const types = type === '*' ? [...definitions.resourceTypes.keys()] : [type];
      for (const each of types) byType[each] = { op: 'everything' };
    }
    return { kind: 'restricted', byType };
  };
  return { principal: grant.principal, read: filter('rs'), write: filter('cud') };
}
