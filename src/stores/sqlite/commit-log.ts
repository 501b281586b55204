/**
 * The commit log read forward: committed versions after a position, and the numbers of current resources.
 */
import { isContainedType } from '../../fhir/search/contained.js';
import type { Change, Position } from '../../ports/backend.js';
import { methodOf } from './methods.js';
import type { View } from './view.js';

type ChangeRow = readonly [
  position: number,
  type: number,
  id: string,
  version: number,
  lastUpdated: number,
  method: number,
];

const CHANGES = `SELECT v.position, v.type, r.id, v.version, v.last_updated, v.method
  FROM version v JOIN resource r ON r.rid = v.rid WHERE v.position > ? ORDER BY v.position LIMIT ?`;
const COUNTS = 'SELECT type, count(*) FROM resource WHERE live = 1 GROUP BY type';

export function changesSince(view: View, since: Position, limit: number): readonly Change[] {
  return view.connection
    .all<ChangeRow>(CHANGES, since, limit)
    .map(([position, type, id, version, lastUpdated, method]) => ({
      position,
      type: view.catalogue.typeName(type),
      id,
      versionId: String(version),
      lastUpdated,
      method: methodOf(method),
    }));
}

export function countsByType(view: View): ReadonlyMap<string, number> {
  const rows = view.connection.all<[number, number]>(COUNTS);
  const counts = rows.map(([type, count]) => [view.catalogue.typeName(type), count] as const);
  return new Map(counts.filter(([type]) => !isContainedType(type)));
}
