/**
 * Does one index value pass one test?
 * https://hl7.org/fhir/R4/search.html#ptypes
 *
 * Invariant: a test never passes for a value of another kind; what is other than a test may be of any.
 */
import { unreachable } from '../../base/assert.js';
import type { IndexValue, QuantityValue, ReferenceValue, StringValue } from './index-value.js';
import { dateTestPasses, numberTestPasses } from './match-range.js';
import { distance } from './position.js';
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
import { compareText } from './sort-key.js';
import { holdsWords } from './words.js';

export function passes(value: IndexValue, test: ValueTest): boolean {
  switch (test.kind) {
    case 'token':
      return value.kind === 'token' && tokenPasses(value, test);
    case 'text':
      return value.kind === 'text' && value.folded.startsWith(test.value);
    case 'position':
      return value.kind === 'position' && distance(value, test) <= test.kilometres;
    case 'words':
      return value.kind === 'words' && holdsWords(value.words, test);
    case 'token-set':
      return value.kind === 'token' && isMember(value, test);
    case 'string':
      return value.kind === 'string' && stringPasses(value, test);
    case 'date':
      return value.kind === 'date' && dateTestPasses(value, test);
    case 'number':
      return value.kind === 'number' && numberTestPasses(value, test);
    case 'quantity':
      return value.kind === 'quantity' && quantityPasses(value, test);
    case 'reference':
      return value.kind === 'reference' && referencePasses(value, test);
    case 'reference-set':
      return value.kind === 'reference' && isOneOf(value, test);
    case 'uri':
      return value.kind === 'uri' && uriPasses(value.value, test);
    case 'other':
      return !test.than.some((one) => passes(value, one));
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

function stringPasses({ folded, exact }: StringValue, { mode, value: wanted }: StringTest): boolean {
  switch (mode) {
    case 'starts':
      return folded.startsWith(wanted);
    case 'contains':
      return folded.includes(wanted);
    case 'ends':
      return folded.endsWith(wanted);
    case 'exact':
      return exact === wanted;
    case 'eq':
      return folded === wanted;
    case 'ne':
      return folded !== wanted;
    case 'gt':
      return compareText(folded, wanted) > 0;
    case 'lt':
      return compareText(folded, wanted) < 0;
    case 'ge':
      return compareText(folded, wanted) >= 0;
    case 'le':
      return compareText(folded, wanted) <= 0;
  }
}

function quantityPasses(value: QuantityValue, test: QuantityTest): boolean {
  const { canonical } = test;
  if (canonical === undefined) return unitPasses(value, test) && numberTestPasses(value, test);
  return (
    value.canonical?.base === canonical.base &&
    numberTestPasses(value.canonical, { ...canonical, prefix: test.prefix })
  );
}

function unitPasses(value: QuantityValue, { system, code }: QuantityTest): boolean {
  if (code === undefined) return true;
  if (system === undefined) return value.code === code || value.unit === code;
  return value.system === system && value.code === code;
}

function referencePasses({ target }: ReferenceValue, { target: wanted }: ReferenceTest): boolean {
  if (wanted.kind === 'url') {
    return target.kind === 'url' && target.url === wanted.url && versionPasses(target.version, wanted);
  }
  return (
    target.kind === 'local' &&
    (wanted.version === undefined || wanted.version === target.version) &&
    target.id === wanted.id &&
    (wanted.types.length === 0 || wanted.types.includes(target.type))
  );
}

function versionPasses(
  version: string | undefined,
  { version: wanted, versions }: { readonly version?: string; readonly versions?: 'below' | 'above' },
): boolean {
  if (wanted === undefined || version === wanted) return true;
  if (version === undefined || versions === undefined) return false;
  return versions === 'below' ? version.startsWith(`${wanted}.`) : wanted.startsWith(`${version}.`);
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
