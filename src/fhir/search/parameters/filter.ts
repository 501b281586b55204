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
import type { IndexingProgress, SearchParameter } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import type { Predicate, QueryPart } from '../query.js';
import { sizeOf } from '../tree.js';
import { filterReader, isProblems, typeFits } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';
import { rowFilterReader } from './row-parameters.js';

type Found = Predicate | readonly Problem[];

/** Steps of chains and `_has` in one name: far past every real use, and no deep recursion. */
const MAX_DEPTH = 24;

/** Nodes of one filter: a chain over several types with several targets each grows by its power. */
const MAX_NODES = 20_000;

/** Parameters of FHIR that are filters, and are not served. */
const NOT_SERVED: ReadonlySet<string> = new Set(['_text', '_content', '_filter', '_list', '_query']);

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
  const found = name.startsWith('_has:') ? reversed(name, type, names) : forward(type, name, names);
  names.known.set(key, found);
  return found;
}

function forward(type: string, name: string, names: Names): Found {
  const dot = name.indexOf('.');
  const head = dot < 0 ? name : name.slice(0, dot);
  const colon = head.indexOf(':');
  const code = colon < 0 ? head : head.slice(0, colon);
  const modifier = colon < 0 ? undefined : head.slice(colon + 1);
  const parameter = parameterOf(type, code, names.reading);
  if (parameter instanceof Problem) return [parameter];
  const at: ParameterAt = { type, parameter };
  if (dot >= 0) return chained(at, modifier, name.slice(dot + 1), names);
  const read = rowFilterReader(code, modifier) ?? filterReader(at, modifier, names.reading);
  return read instanceof Problem ? [read] : read(names.value, at, names.reading);
}

export function parameterOf(type: string, code: string, { definitions }: Reading): SearchParameter | Problem {
  if (code === '_has') return malformed('needs the form _has:Type:reference:parameter');
  const parameters = definitions.searchParameters.get(type);
  const parameter = parameters?.get(code);
  if (NOT_SERVED.has(code) || parameter?.type === 'special') {
    return new Problem('unsupported', 'is not supported here');
  }
  if (parameter?.custom?.indexing !== undefined) return beingIndexed(type, parameter.custom.indexing);
  if (parameter?.type === 'composite' || parameter?.expression !== undefined) return parameter;
  if (parameter !== undefined) return new Problem('unsupported', 'is not supported here');
  const near = nearest(code, parameters?.keys() ?? []);
  const hint = near.length === 0 ? '/metadata lists those there are' : `did you mean ${near.join(', ')}?`;
  return new Problem('unknown', `is not known on ${type}: ${hint}`);
}

function beingIndexed(type: string, { done, total }: IndexingProgress): Problem {
  const progress = total === 0 ? 'it is about to begin' : `${done} of ${total} ${type} resources are done`;
  return new Problem('indexing', `is new and still being indexed: ${progress}. Search by it when all are.`);
}

/** `subject.name`: on every type that the reference leads to and that knows the rest of the name. */
function chained(at: ParameterAt, only: string | undefined, rest: string, names: Names): Found {
  const types = chainTypes(at, only, names.reading);
  if (types instanceof Problem) return [types];
  const targets: QueryPart[] = [];
  const problems: Problem[] = [];
  for (const type of types) {
    const where = named(type, rest, names);
    if (isProblems(where)) problems.push(...where);
    else targets.push({ type, where });
  }
  // Leaving out a type whose index is not complete would find too little.
  const indexing = problems.filter(({ kind }) => kind === 'indexing');
  if (indexing.length > 0) return indexing;
  if (targets.length > 0) return { op: 'chain', param: at.parameter.code, targets };
  return mostTelling(problems);
}

/** Where the rest is known on some type, that it is unknown on others is not what is wrong. */
function mostTelling(problems: readonly Problem[]): readonly Problem[] {
  const telling = problems.filter(({ kind }) => kind !== 'unknown');
  const chosen = telling.length > 0 ? telling : problems;
  const once = new Map(chosen.map((problem) => [problem.reason, problem]));
  return [...once.values()].slice(0, 3);
}

function chainTypes(
  { parameter }: ParameterAt,
  only: string | undefined,
  { definitions }: Reading,
): readonly string[] | Problem {
  if (parameter.type !== 'reference') {
    return malformed(`is of type ${parameter.type}: only references can be followed with a dot`);
  }
  if (only !== undefined) {
    if (definitions.resourceTypes.has(only)) return typeFits(parameter, only) ?? [only];
    return new Problem('modifier', 'has a modifier before its dot that is no resource type');
  }
  if (parameter.targets.length > 0) return parameter.targets;
  return malformed(`can refer to any type: name the one that is meant, as in ${parameter.code}:Patient.name`);
}

const REVERSED = /^_has:([^:.]+):([^:.]+):(.+)$/s;

function reversed(name: string, target: string, names: Names): Found {
  const parts = REVERSED.exec(name);
  if (parts === null) return [malformed('needs the form _has:Type:reference:parameter')];
  const [, type, code, rest] = parts as unknown as [string, string, string, string]; // the pattern has three groups
  const { definitions } = names.reading;
  if (!definitions.resourceTypes.has(type)) {
    const near = nearest(type, definitions.resourceTypes.keys());
    const hint = near.length === 0 ? 'write it like Observation' : `did you mean ${near.join(', ')}?`;
    return [malformed(`names a type after _has that does not exist: ${hint}`)];
  }
  const parameter = parameterOf(type, code, names.reading);
  if (parameter instanceof Problem) return [parameter];
  if (parameter.type !== 'reference') {
    return [malformed(`goes by ${code} of ${type}, which is of type ${parameter.type}, not a reference`)];
  }
  const misfit = typeFits(parameter, target);
  if (misfit !== undefined) return [malformed(`goes by ${code} of ${type}, which ${misfit.reason}`)];
  const where = named(type, rest, names);
  return isProblems(where) ? where : { op: 'has', param: code, source: { type, where } };
}
