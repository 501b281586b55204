/**
 * Does one index value pass one test?
 * https://hl7.org/fhir/R4/search.html#ptypes
 *
 * Invariant: a test never passes for a value of another kind.
 */
import { unreachable } from '../../base/assert.js';
import type { IndexValue, QuantityValue, ReferenceValue, StringValue } from './index-value.js';
import { dateTestPasses, numberTestPasses } from './match-range.js';
import type {
  QuantityTest,
  ReferenceSetTest,
  ReferenceTest,
  StringTest,
  TokenSetTest,
  TokenTest,
  UriTest,
  ValueTest,
} from './query.js';

export function passes(value: IndexValue, test: ValueTest): boolean {
  switch (test.kind) {
    case 'token':
      return value.kind === 'token' && tokenPasses(value, test);
    case 'token-set':
      return value.kind === 'token' && isMember(value, test);
    case 'string':
      return value.kind === 'string' && stringPasses(value, test);
    case 'date':
      return value.kind === 'date' && dateTestPasses(value, test);
    case 'number':
      return value.kind === 'number' && numberTestPasses(value, test);
    case 'quantity':
      return value.kind === 'quantity' && unitPasses(value, test) && numberTestPasses(value, test);
    case 'reference':
      return value.kind === 'reference' && referencePasses(value, test);
    case 'reference-set':
      return value.kind === 'reference' && isOneOf(value, test);
    case 'uri':
      return value.kind === 'uri' && uriPasses(value.value, test);
    case 'composite':
      return (
        value.kind === 'composite' &&
        test.components.every((component, at) =>
          (value.components[at] ?? []).some((inner) => passes(inner, component)),
        )
      );
    default:
      return unreachable(test);
  }
}

/** Is the value a reference to this resource, whichever version it names? */
export function isReferenceTo(value: IndexValue, type: string, id: string): boolean {
  return (
    value.kind === 'reference' &&
    value.target.kind === 'local' &&
    value.target.type === type &&
    value.target.id === id
  );
}

function tokenPasses(value: Token, test: TokenTest): boolean {
  return (
    (test.system === undefined || test.system === value.system) &&
    (test.code === undefined || test.code === value.code)
  );
}

function isMember(value: Token, { members }: TokenSetTest): boolean {
  return members.some(({ system, codes }) => system === value.system && codes.includes(value.code));
}

interface Token {
  readonly system: string;
  readonly code: string;
}

function stringPasses(value: StringValue, { mode, value: wanted }: StringTest): boolean {
  switch (mode) {
    case 'starts':
      return value.folded.startsWith(wanted);
    case 'contains':
      return value.folded.includes(wanted);
    case 'exact':
      return value.exact === wanted;
  }
}

function unitPasses(value: QuantityValue, { system, code }: QuantityTest): boolean {
  if (code === undefined) return true;
  if (system === undefined) return value.code === code || value.unit === code;
  return value.system === system && value.code === code;
}

function referencePasses({ target }: ReferenceValue, { target: wanted }: ReferenceTest): boolean {
  if (wanted.version !== undefined && wanted.version !== target.version) return false;
  if (wanted.kind === 'url') return target.kind === 'url' && target.url === wanted.url;
  return (
    target.kind === 'local' &&
    target.id === wanted.id &&
    (wanted.types.length === 0 || wanted.types.includes(target.type))
  );
}

function isOneOf({ target }: ReferenceValue, { type, ids }: ReferenceSetTest): boolean {
  return target.kind === 'local' && target.type === type && ids.includes(target.id);
}

function uriPasses(value: string, { mode, value: wanted }: UriTest): boolean {
  switch (mode) {
    case 'exact':
      return value === wanted;
    case 'below':
      return isAtOrBelow(value, wanted);
    case 'above':
      return isAtOrBelow(wanted, value);
  }
}

/** By path segments: `http://a/b` is above `http://a/b/c`, not above `http://a/bc`. */
function isAtOrBelow(lower: string, upper: string): boolean {
  return lower === upper || lower.startsWith(upper.endsWith('/') ? upper : `${upper}/`);
}
