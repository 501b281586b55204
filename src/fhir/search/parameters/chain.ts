/**
 * Steps from one resource to others: along a reference, and against it.
 * https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
 *
 * Invariant: what must hold there is read once for each type that the step can lead to.
 */
import { nearest } from '../nearest.js';
import type { QueryPart } from '../query.js';
import { parameterOf } from './known-parameter.js';
import { type Found, isProblems, typeFits } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';

/** `subject.name`: on every type that the reference leads to and that knows the rest; `only`: the one that is named. */
export function chained(
  at: ParameterAt,
  only: string | undefined,
  reading: Reading,
  whereOn: (type: string) => Found,
): Found {
  const types = chainTypes(at, only, reading);
  if (types instanceof Problem) return [types];
  const targets: QueryPart[] = [];
  const problems: Problem[] = [];
  for (const type of types) {
    const where = whereOn(type);
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

/** `_has:type:code:`, on the resource type that is referred to. */
export function reversed(
  { type, code }: { readonly type: string; readonly code: string },
  target: string,
  reading: Reading,
  whereOn: (type: string) => Found,
): Found {
  const { definitions } = reading;
  if (!definitions.resourceTypes.has(type)) {
    const near = nearest(type, definitions.resourceTypes.keys());
    const hint = near.length === 0 ? 'write it like Observation' : `did you mean ${near.join(', ')}?`;
    return [malformed(`names a type after _has that does not exist: ${hint}`)];
  }
  const parameter = parameterOf(type, code, reading);
  if (parameter instanceof Problem) return [parameter];
  if (parameter.type !== 'reference') {
    return [malformed(`goes by ${code} of ${type}, which is of type ${parameter.type}, not a reference`)];
  }
  const misfit = typeFits(parameter, target);
  if (misfit !== undefined) return [malformed(`goes by ${code} of ${type}, which ${misfit.reason}`)];
  const where = whereOn(type);
  return isProblems(where) ? where : { op: 'has', param: code, source: { type, where } };
}
