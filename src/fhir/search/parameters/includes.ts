/**
 * `_include=Source:reference:Target` and `_revinclude`; `*` stands for all references, of a type or of all types.
 * https://hl7.org/fhir/R4/search.html#include
 *
 * Invariant: an include that could never bring anything is refused. `*` of all types becomes one include per type.
 */
import type { Definitions, SearchParameter } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import type { Include } from '../query.js';
import { parameterOf } from './known-parameter.js';
import { typeFits } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import type { ResultScope } from './results.js';
import { isInWildcards } from './types.js';

export function readInclude(
  value: string,
  direction: Include['direction'],
  iterate: boolean,
  scope: ResultScope,
): readonly Include[] | Problem {
  const [source = '', param, target, more] = value.split(':');
  if (more !== undefined) return malformed('has the form Type:reference or Type:reference:Target');
  if (source === '*') {
    if (param !== undefined) return malformed('is * alone, or begins with a resource type');
    return everywhere(direction, iterate, scope);
  }
  const problem = typeProblem(source, scope.definitions) ?? targetProblem(target, scope.definitions);
  if (problem !== undefined) return problem;
  if (param === undefined || param === '') return malformed('has the form Type:reference or Type:*');
  if (direction === 'forward' && !iterate && !scope.types.includes(source)) {
    return malformed(`begins with ${source}, which is not searched here: that needs _include:iterate`);
  }
  const found = param === '*' ? undefined : fitting(source, param, target, direction, iterate, scope);
  if (found instanceof Problem) return found;
  return [{ direction, source, param, ...(target === undefined ? {} : { target }), iterate }];
}

function everywhere(
  direction: Include['direction'],
  iterate: boolean,
  { types, definitions }: ResultScope,
): readonly Include[] {
  const all = [...definitions.resourceTypes.keys()].filter(isInWildcards);
  const sources = direction === 'forward' && !iterate ? types : all;
  return sources
    .filter((source) => iterate || direction === 'forward' || refersTo(source, types, definitions))
    .map((source) => ({ direction, source, param: '*', iterate }));
}

function refersTo(source: string, types: readonly string[], definitions: Definitions): boolean {
  const parameters = [...(definitions.searchParameters.get(source)?.values() ?? [])];
  return parameters.some(
    ({ type, targets, custom }) =>
      type === 'reference' &&
      custom?.indexing === undefined &&
      (targets.length === 0 || targets.some((target) => types.includes(target))),
  );
}

function fitting(
  source: string,
  param: string,
  target: string | undefined,
  direction: Include['direction'],
  iterate: boolean,
  { types, definitions }: ResultScope,
): SearchParameter | Problem {
  const parameter = parameterOf(source, param, { definitions });
  if (parameter instanceof Problem) return malformed(`names a reference that ${parameter.reason}`);
  if (parameter.type !== 'reference') {
    return malformed(`goes by ${param} of ${source}, which is of type ${parameter.type}, not a reference`);
  }
  const misfit = target === undefined ? undefined : typeFits(parameter, target);
  if (misfit !== undefined) return malformed(`goes by ${param} of ${source}, which ${misfit.reason}`);
  const reachable = target === undefined ? parameter.targets : [target];
  const reaches = reachable.length === 0 || reachable.some((type) => types.includes(type));
  if (direction === 'reverse' && !iterate && !reaches) {
    return malformed(`goes by ${param} of ${source}, which refers to ${reachable.join(', ')} only`);
  }
  return parameter;
}

function typeProblem(type: string, definitions: Definitions): Problem | undefined {
  if (definitions.resourceTypes.has(type)) return undefined;
  const near = nearest(type, definitions.resourceTypes.keys());
  const hint = near.length === 0 ? 'it has the form Type:reference' : `did you mean ${near.join(', ')}?`;
  return malformed(`begins with no resource type: ${hint}`);
}

function targetProblem(type: string | undefined, definitions: Definitions): Problem | undefined {
  if (type === undefined || definitions.resourceTypes.has(type)) return undefined;
  return malformed('ends with no resource type: it has the form Type:reference:Target');
}
