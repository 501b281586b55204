/**
 * What the holder of a grant may see, as predicates that stores evaluate together with the query: on matches, chain
 * targets, `_has` sources, includes and counts alike.
 *
 * Invariant: a type that the filter does not name may not be seen. Unrestricted access is an explicit value, and its
 * maker says why.
 */
import type { CONTAINER, MARK } from '../fhir/search/contained.js';
import type { Predicate } from '../fhir/search/query.js';
import type { AuditAgent } from './audit-log.js';

export type AccessFilter = UnrestrictedAccess | RestrictedAccess;

export interface UnrestrictedAccess {
  readonly kind: 'unrestricted';
  /** For the audit trail: `open mode`, `load by operator`, `reindex`. */
  readonly reason: string;
}

export interface RestrictedAccess {
  readonly kind: 'restricted';
  readonly byType: Readonly<Record<string, Predicate>>;
}

/** The predicate that resources of a type must pass; those that are contained are seen where their container is. */
export function visible(filter: AccessFilter, type: string): Predicate {
  if (filter.kind === 'unrestricted') return { op: 'everything' };
  if (type.startsWith('#' satisfies typeof MARK)) return containerVisible(filter);
  return Object.hasOwn(filter.byType, type) ? (filter.byType[type] as Predicate) : { op: 'nothing' };
}

function containerVisible({ byType }: RestrictedAccess): Predicate {
  const targets = Object.entries(byType).map(([type, where]) => ({ type, where }));
  return { op: 'chain', param: '@container' satisfies typeof CONTAINER, targets };
}

/** Who asks and what they may do: made once per request, before anything is read. */
export interface AccessDecision {
  /** Stable name of the holder: cursors and audit records are bound to it. */
  readonly principal: string;
  /** What else the audit log says of the holder. */
  readonly agent?: AuditAgent;
  readonly read: AccessFilter;
  readonly write: AccessFilter;
}
