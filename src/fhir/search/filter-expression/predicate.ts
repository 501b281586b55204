/**
 * A `_filter` as a predicate on a resource type.
 * https://hl7.org/fhir/R4/search_filter.html
 *
 * Invariants: a comparison is about the set of values that its path leads to: it holds where one of them passes, `pr`
 * says whether there are any, `ni` that none is in the value set. What cannot be served is never left out.
 */
import { assert } from '../../../base/assert.js';
import { chained, reversed } from '../parameters/chain.js';
import { parameterOf } from '../parameters/known-parameter.js';
import { type Found, filterReader, isProblems, truthOf } from '../parameters/modifiers.js';
import { PREFIX_HINT } from '../parameters/prefix.js';
import { malformed, Problem } from '../parameters/problem.js';
import type { ParameterAt, Reading } from '../parameters/reading.js';
import { rowFilterReader } from '../parameters/row-parameters.js';
import type { Predicate } from '../query.js';
import { allOf, anyOf, noneOf, sizeOf } from '../tree.js';
import type { Comparison, FilterExpression, PathStep } from './expression.js';
import { operatorReader, operatorsOn } from './operators.js';
import { characterAt, parseFilterExpression } from './parse.js';
import { escapedValue } from './value.js';

interface Room {
  readonly text: string;
  readonly reading: Reading;
  /** Nodes that may still be made. */
  left: number;
  /** What the path from a step on comes to on a type: read once, however many ways lead there. */
  readonly known: Map<PathStep, Map<string, Found>>;
}

export function readFilterExpression(type: string, text: string, reading: Reading, maxNodes: number): Found {
  const expression = (reading.parseFilterExpression ?? parseFilterExpression)(text);
  if (expression instanceof Problem) return [expression];
  const found = predicateOn(type, expression, { text, reading, left: maxNodes, known: new Map() });
  return isProblems(found) ? found.map(essential) : found;
}

/** Where other parameters could be left out, the rest of a filter would mean something else. */
function essential(problem: Problem): Problem {
  return problem.ignorable ? new Problem('essential', problem.reason) : problem;
}

function predicateOn(type: string, expression: FilterExpression, room: Room): Found {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return joined(
        expression.of.map((inner) => predicateOn(type, inner, room)),
        expression.kind === 'and' ? allOf : anyOf,
      );
    case 'not':
      return mapped(predicateOn(type, expression.of, room), noneOf);
    case 'comparison':
      return comparisonOn(type, expression, room);
  }
}

/** All problems, or what the predicates come to together. */
function joined(found: readonly Found[], join: (predicates: readonly Predicate[]) => Predicate): Found {
  const problems: Problem[] = [];
  const predicates: Predicate[] = [];
  for (const one of found) {
    if (isProblems(one)) problems.push(...one);
    else predicates.push(one);
  }
  return problems.length > 0 ? problems : join(predicates);
}

function mapped(found: Found, change: (predicate: Predicate) => Predicate): Found {
  return isProblems(found) ? found : change(found);
}

function comparisonOn(type: string, comparison: Comparison, room: Room): Found {
  const positive = positiveOf(comparison);
  if (positive instanceof Problem) return located([positive], comparison.value.at, 'a value', room);
  const found = along(type, comparison.path, positive.comparison, room);
  if (isProblems(found)) return found;
  room.left -= sizeOf(found);
  if (room.left >= 0) return positive.negated ? noneOf(found) : found;
  return [new Problem('too-costly', 'leads to too many places: name the types its references lead to')];
}

/** The comparison that some value of the path must pass, or that none may. */
function positiveOf(
  comparison: Comparison,
): { readonly comparison: Comparison; readonly negated: boolean } | Problem {
  if (comparison.operator === 'ni') return { comparison: { ...comparison, operator: 'in' }, negated: true };
  if (comparison.operator !== 'pr') return { comparison, negated: false };
  const present = truthOf(comparison.value.value);
  if (present === undefined) return malformed('must be true or false behind pr');
  return { comparison, negated: !present };
}

function along(type: string, path: readonly PathStep[], comparison: Comparison, room: Room): Found {
  const [step] = path;
  assert(step !== undefined, 'a path ends with a parameter');
  const known = room.known.get(step) ?? new Map<string, Found>();
  room.known.set(step, known);
  const found = known.get(type) ?? stepped(type, step, path.slice(1), comparison, room);
  known.set(type, found);
  return found;
}

function stepped(
  type: string,
  step: PathStep,
  rest: readonly PathStep[],
  comparison: Comparison,
  room: Room,
): Found {
  const onwards = (next: string): Found => along(next, rest, comparison, room);
  if (step.kind === 'reversed') {
    const { source, code } = step;
    const found = reversed({ type: source, code }, type, room.reading, onwards);
    return located(found, step.at, `_has:${source}:${code}`, room);
  }
  const parameter = parameterOf(type, step.code, room.reading);
  if (parameter instanceof Problem) return located([parameter], step.at, `the parameter ${step.code}`, room);
  const at: ParameterAt = { type, parameter };
  if (rest.length === 0) return compared(at, comparison, room);
  const found = chained(at, step.only, room.reading, (next) => {
    const where = step.where === undefined ? [] : [predicateOn(next, step.where, room)];
    return joined([...where, onwards(next)], allOf);
  });
  return located(found, step.at, `the parameter ${step.code}`, room);
}

/** The last step: the values themselves. */
function compared(at: ParameterAt, { operator, operatorAt, value }: Comparison, room: Room): Found {
  const { code, type } = at.parameter;
  if (operator === 'pr') return present(at, room.reading);
  const written = room.text.slice(operatorAt, operatorAt + operator.length); // `ni` is asked as `in`
  const read = operatorReader(type, operator);
  if (read === undefined) {
    const misfit = malformed(
      `does not fit ${code} of type ${type}: there are ${operatorsOn(type).join(', ')}`,
    );
    return located([misfit], operatorAt, `the operator ${written}`, room);
  }
  const found = read(escapedValue(value.value, type), at, room.reading);
  if (!isProblems(found)) return found;
  return found.flatMap((problem) =>
    problem.kind === 'modifier'
      ? located([problem], operatorAt, `the operator ${written} on ${code}`, room)
      : located([withoutPrefixes(problem)], value.at, `a value of ${code}`, room),
  );
}

/** In a filter the operator is what a prefix is elsewhere. */
function withoutPrefixes({ kind, reason }: Problem): Problem {
  return new Problem(kind, reason.replace(`, ${PREFIX_HINT}`, ''));
}

function present(at: ParameterAt, reading: Reading): Found {
  const read = rowFilterReader(at.parameter.code, 'missing') ?? filterReader(at, 'missing', reading);
  return read instanceof Problem ? [read] : read('false', at, reading);
}

/** A problem that says where in the filter it is. */
class Located extends Problem {}

function located(found: readonly Problem[], at: number, what: string, room: Room): readonly Problem[];
function located(found: Found, at: number, what: string, room: Room): Found;
function located(found: Found, at: number, what: string, { text }: Room): Found {
  if (!isProblems(found)) return found;
  const place = `has at character ${characterAt(text, at)} ${what}`;
  return found.map((problem) =>
    problem instanceof Located ? problem : new Located(problem.kind, `${place}, which ${problem.reason}`),
  );
}
