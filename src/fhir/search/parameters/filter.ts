/**
 * One filter of a search, `name=value`, as a predicate on a resource type: plain, chained or reversed.
 * https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
 *
 *   code:not=x                               a parameter of the type itself
 *   subject:Patient.general-practitioner.name=x     each `.` follows a reference
 *   _has:Observation:patient:code=x          `_has:Type:reference:` and then any name on that type, `_has` included
 *
 * Invariant: a modifier, chain or `_has` means the same at every depth.
 */
import { readFilterExpression } from '../filter-expression/predicate.js';
import { sizeOf } from '../tree.js';
import { chained, reversed } from './chain.js';
import { parameterOf } from './known-parameter.js';
import { readList } from './list.js';
import { type Found, filterReader, isProblems } from './modifiers.js';
import { readNamedQuery } from './named-query.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';
import { rowFilterReader } from './row-parameters.js';
import { readWords } from './words.js';

/** Steps of chains and `_has` in one name: far past every real use, and no deep recursion. */
const MAX_DEPTH = 24;

/** Nodes of one filter: a chain over several types with several targets each grows by its power. */
const MAX_NODES = 20_000;

/** What has no values of its own in a resource. */
const WHOLE_FILTERS: Readonly<Record<string, (type: string, value: string, reading: Reading) => Found>> = {
  _content: readWords('_content'),
  _text: readWords('_text'),
  _filter: (type, value, reading) => readFilterExpression(type, value, reading, MAX_NODES),
  _list: readList,
  _query: readNamedQuery,
};

/** What a name can lead to on one type; the same rest of a name on the same type is read once. */
interface Names {
  readonly value: string;
  readonly reading: Reading;
  readonly known: Map<string, Found>;
}

export function readFilter(type: string, name: string, value: string, reading: Reading): Found {
  if (name.split(/[.:]/).length > 3 * MAX_DEPTH || name.split('.').length > MAX_DEPTH) {
    return [new Problem('too-costly', `has more than ${MAX_DEPTH} steps: search in several requests`)];
  }
  const found = named(type, name, { value, reading, known: new Map() });
  if (isProblems(found) || sizeOf(found) <= MAX_NODES) return found;
  const hint = 'name the types that its references lead to, as in subject:Patient.name';
  return [new Problem('too-costly', `leads to too many places: ${hint}`)];
}

function named(type: string, name: string, names: Names): Found {
  const key = `${type} ${name}`;
  const known = names.known.get(key);
  if (known !== undefined) return known;
  const found = name.startsWith('_has:') ? backward(type, name, names) : forward(type, name, names);
  names.known.set(key, found);
  return found;
}

function forward(type: string, name: string, names: Names): Found {
  const dot = name.indexOf('.');
  const head = dot < 0 ? name : name.slice(0, dot);
  const colon = head.indexOf(':');
  const code = colon < 0 ? head : head.slice(0, colon);
  const modifier = colon < 0 ? undefined : head.slice(colon + 1);
  const whole = Object.hasOwn(WHOLE_FILTERS, code) ? WHOLE_FILTERS[code] : undefined;
  if (whole !== undefined) {
    if (head === name && modifier === undefined) return whole(type, names.value, names.reading);
    return [new Problem('modifier', 'takes no modifier and leads nowhere by a dot')];
  }
  const parameter = parameterOf(type, code, names.reading);
  if (parameter instanceof Problem) return [parameter];
  const at: ParameterAt = { type, parameter };
  if (dot >= 0) {
    const rest = name.slice(dot + 1);
    return chained(at, modifier, names.reading, (target) => named(target, rest, names));
  }
  const read = rowFilterReader(code, modifier) ?? filterReader(at, modifier, names.reading);
  return read instanceof Problem ? [read] : read(names.value, at, names.reading);
}

const REVERSED = /^_has:([^:.]+):([^:.]+):(.+)$/s;

function backward(target: string, name: string, names: Names): Found {
  const parts = REVERSED.exec(name);
  if (parts === null) return [malformed('needs the form _has:Type:reference:parameter')];
  const [, type, code, rest] = parts as unknown as [string, string, string, string]; // the pattern has three groups
  return reversed({ type, code }, target, names.reading, (source) => named(source, rest, names));
}
