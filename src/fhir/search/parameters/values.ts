/**
 * Readers of values by parameter type, without a modifier.
 * https://hl7.org/fhir/R4/search.html#ptypes
 */
import type { SearchParameterType } from '../../definitions/definitions.js';
import { readDate } from './date.js';
import { readNear } from './near.js';
import { readNumber } from './number.js';
import { Problem } from './problem.js';
import { readQuantity } from './quantity.js';
import type { ReadValue } from './reading.js';
import { readReference } from './reference.js';
import { readString } from './string.js';
import { readToken } from './token.js';
import { readUri } from './uri.js';

/** Composites are made of these. The one special parameter with an expression is `near`. */
const READERS: Readonly<Partial<Record<SearchParameterType, ReadValue>>> = {
  token: readToken,
  string: readString('starts'),
  date: readDate,
  number: readNumber,
  quantity: readQuantity,
  reference: readReference(),
  uri: readUri('exact'),
  special: readNear,
};

export function plainReader(type: SearchParameterType): ReadValue {
  return (
    READERS[type] ?? (() => new Problem('unsupported', `is of type ${type}, which is not supported here`))
  );
}
