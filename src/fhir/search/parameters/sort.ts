/**
 * `_sort=status,-date`: parameters in order of weight, `-` for descending.
 * https://hl7.org/fhir/R4/search.html#sort
 */
import type { Definitions, SearchParameterType } from '../../definitions/definitions.js';
import type { SortKey } from '../query.js';
import { parameterOf } from './known-parameter.js';
import { malformed, Problem } from './problem.js';

const SORTABLE: ReadonlySet<SearchParameterType> = new Set<SortKey['kind']>([
  'token',
  'string',
  'date',
  'number',
  'quantity',
  'reference',
  'uri',
]);

/** Each key is one more column that every candidate carries along. */
const MAX_KEYS = 10;

/** No types: what they are was refused already, so nothing can be said of keys. */
export function readSort(
  value: string,
  types: readonly string[],
  definitions: Definitions,
): readonly SortKey[] | Problem {
  if (types.length === 0) return [];
  const parts = value.split(',');
  if (parts.length > MAX_KEYS) return malformed(`has more than ${MAX_KEYS} keys`);
  const keys: SortKey[] = [];
  for (const part of parts) {
    const descending = part.startsWith('-');
    const param = descending ? part.slice(1) : part;
    const kind = kindOf(param, types, definitions);
    if (kind instanceof Problem) return kind;
    keys.push({ param, kind, descending });
  }
  return keys;
}

/** The parameter must be the same kind of thing on all types that are sorted together. */
function kindOf(code: string, types: readonly string[], definitions: Definitions): SortKey['kind'] | Problem {
  const kinds = new Set<SearchParameterType>();
  for (const type of types) {
    const parameter = parameterOf(type, code, { definitions });
    if (parameter instanceof Problem) return malformed(`names a sort key that ${parameter.reason}`);
    kinds.add(parameter.type);
  }
  const [kind, other] = [...kinds];
  if (kind === undefined || !isSortable(kind)) return malformed(`cannot be by a parameter of type ${kind}`);
  if (other !== undefined) return malformed('has a key that is of several types on the types searched');
  return kind;
}

function isSortable(kind: SearchParameterType): kind is SortKey['kind'] {
  return SORTABLE.has(kind);
}
