/**
 * What a parameter says in the resources of a type, each value once: the index is skipped along, one seek for each value,
 * however many resources have it.
 */
import type { DistinctValue } from '../../ports/backend.js';
import { TEXT_SYSTEM, WORDS_SYSTEM } from './catalogue.js';
import type { View } from './view.js';

const VALUES = `WITH RECURSIVE known(value) AS (
    SELECT min(value) FROM key_index WHERE param = ?
    UNION ALL
    SELECT (SELECT min(value) FROM key_index WHERE param = ? AND value > known.value)
    FROM known WHERE known.value IS NOT NULL)
  SELECT t.code, t.system, s.code FROM known JOIN term t ON t.id = known.value LEFT JOIN term s ON s.id = t.system
  WHERE t.system <> ${WORDS_SYSTEM} LIMIT ?`;

type ValueRow = readonly [code: string, systemId: number, system: string | null];

export function distinctValues(
  { connection, catalogue }: View,
  type: string,
  code: string,
  limit: number,
): readonly DistinctValue[] {
  const param = catalogue.param(type, code);
  if (param === undefined) return [];
  return connection
    .all<ValueRow>(VALUES, param.id, param.id, limit)
    .map(([code, systemId, system]) =>
      systemId === TEXT_SYSTEM || system === null || system === '' ? { code } : { system, code },
    );
}
