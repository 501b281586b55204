/**
 * What the holder of a grant may do, as predicates that stores evaluate together with the query: on matches, chain
 * targets, `_has` sources, includes and counts alike.
 *
 * Invariant: a type that a filter does not name may not be seen through it. Unrestricted access is an explicit value, and
 * its maker says why.
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

/** Whether the filter lets anything of a type through at all. */
export function holds(filter: AccessFilter, type: string): boolean {
  return visible(filter, type).op !== 'nothing';
}

/** Whether all of a type passes: then it is no secret that something is not there. */
export function hidesNothing(filter: AccessFilter, type: string): boolean {
  return visible(filter, type).op === 'everything';
}

/**
 * What is done with a resource. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 *
 *   create   the new version of what was not there          read     read, vread, the history of one resource
 *   update   the version replaced and the new one           search   searches with all that they lead to, the history
 *   delete   the version that is deleted                             of a type and of the system
 */
export type Permission = 'create' | 'read' | 'update' | 'delete' | 'search';

/** One filter per permission. */
export type Permitted = Readonly<Record<Permission, AccessFilter>>;

/** Who asks and what they may do: made once per request, before anything is read. */
export interface AccessDecision extends Permitted {
  /** Stable name of the holder: cursors and audit records are bound to it. */
  readonly principal: string;
  /** What else the audit log says of the holder. */
  readonly agent?: AuditAgent;
  /** Milliseconds since 1970: it is made anew for requests from then on. Absent: it holds as long as its grant. */
  readonly until?: number;
}

/** The same for every permission. */
export function permitting(filter: AccessFilter): Permitted {
  return { create: filter, read: filter, update: filter, delete: filter, search: filter };
}
