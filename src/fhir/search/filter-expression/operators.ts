/**
 * What each operator of a `_filter` means on each type of parameter.
 * https://hl7.org/fhir/R4/search_filter.html#ops
 *
 * Invariant: an operator stands where the specification's table gives it a meaning, and `eq` on references and uris,
 * where it can only mean one thing. `pr` and `ni` speak of the whole path: predicate.ts makes them of other operators.
 */
import type { SearchParameterType } from '../../definitions/definitions.js';
import { readDateTest } from '../parameters/date.js';
import { alternatives, filterReader, type ReadFilter } from '../parameters/modifiers.js';
import type { SearchPrefix } from '../parameters/prefix.js';
import { Problem } from '../parameters/problem.js';
import { rowFilterReader } from '../parameters/row-parameters.js';
import { readString } from '../parameters/string.js';
import { plainReader } from '../parameters/values.js';
import type { DateTest, StringTest, TokenTest, UriTest, ValueTest } from '../query.js';
import { OPERATORS, type Operator } from './expression.js';

/** Reads one value: what separates alternatives elsewhere is escaped in it. */
type Uses = Readonly<Partial<Record<Operator, ReadFilter>>>;

const PREFIXES = {
  eq: prefixed('eq'),
  ne: prefixed('ne'),
  gt: prefixed('gt'),
  lt: prefixed('lt'),
  ge: prefixed('ge'),
  le: prefixed('le'),
  ap: prefixed('ap'),
  sa: prefixed('sa'),
  eb: prefixed('eb'),
} as const;

const USES: Readonly<Record<SearchParameterType, Uses>> = {
  string: {
    eq: text('eq'),
    ne: text('ne'),
    co: text('contains'),
    sw: text('starts'),
    ew: text('ends'),
    gt: text('gt'),
    lt: text('lt'),
    ge: text('ge'),
    le: text('le'),
  },
  number: PREFIXES,
  quantity: PREFIXES,
  date: { ...PREFIXES, co: dated('includes'), po: dated('overlaps') },
  token: {
    eq: modified(undefined),
    ne: other,
    ss: modified('below'),
    sb: modified('above'),
    in: modified('in'),
  },
  reference: { eq: modified(undefined), re: modified(undefined) },
  uri: { eq: modified(undefined), ne: other },
  composite: { eq: modified(undefined) },
  special: {},
};

export function operatorReader(type: SearchParameterType, operator: Operator): ReadFilter | undefined {
  return USES[type][operator];
}

export function operatorsOn(type: SearchParameterType): readonly Operator[] {
  const uses = USES[type];
  return OPERATORS.filter((operator) => operator === 'pr' || (operator === 'ni' ? 'in' : operator) in uses);
}

/** As the parameter is read with that modifier. */
function modified(modifier: string | undefined): ReadFilter {
  return (value, at, reading) => {
    const read = rowFilterReader(at.parameter.code, modifier) ?? filterReader(at, modifier, reading);
    return read instanceof Problem ? [read] : read(value, at, reading);
  };
}

function prefixed(prefix: SearchPrefix): ReadFilter {
  const read = modified(undefined);
  return (value, at, reading) => read(`${prefix}${value}`, at, reading);
}

function text(mode: StringTest['mode']): ReadFilter {
  return alternatives(readString(mode));
}

/** Periods that hold the stated one, or meet it. */
function dated(prefix: DateTest['prefix']): ReadFilter {
  return (value, { parameter: { code } }, { now }) => {
    const read = readDateTest(`eq${value}`, now);
    if (read instanceof Problem) return [read];
    const test = { ...read, prefix };
    return code === '_lastUpdated' ? { op: 'last-updated', test } : { op: 'value', param: code, test };
  };
}

/** Some value is another one; an id is the only value there is. */
function other(...[value, at, reading]: Parameters<ReadFilter>): ReturnType<ReadFilter> {
  const { code, type } = at.parameter;
  if (code === '_id') return modified('not')(value, at, reading);
  const tests = plainReader(type)(value, at, reading);
  if (tests instanceof Problem) return [tests];
  return { op: 'value', param: code, test: { kind: 'other', than: tests.filter(isExact) } };
}

function isExact(test: ValueTest): test is TokenTest | UriTest {
  return test.kind === 'token' || test.kind === 'uri';
}
