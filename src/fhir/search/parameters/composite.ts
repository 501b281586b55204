/**
 * Composite values: one value per component, joined by `$`, all in one occurrence of the root.
 * https://hl7.org/fhir/R4/search.html#composite
 */
import type { SearchParameter } from '../../definitions/definitions.js';
import type { CompositeTest } from '../query.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading, SingleTest } from './reading.js';
import { splitUnescaped } from './split.js';
import { plainReader } from './values.js';

/** Where a component can be meant in several ways, each combination is a test of its own. */
export function readComposite(
  text: string,
  { type, parameter }: ParameterAt,
  reading: Reading,
): readonly CompositeTest[] | Problem {
  const components = parameter.components ?? [];
  const parts = splitUnescaped(text, '$');
  if (parts.length !== components.length) {
    const shape = components.map(({ code }) => code).join('$');
    return malformed(`needs ${components.length} parts joined by $: ${shape}`);
  }
  let combined: readonly (readonly SingleTest[])[] = [[]];
  for (const [index, component] of components.entries()) {
    const at = { type, parameter: componentParameter(type, component, reading) };
    const tests = plainReader(component.type)(parts[index] as string, at, reading); // as many parts as components
    if (tests instanceof Problem) return inPart(tests, component.code);
    combined = combined.flatMap((before) => tests.map((test) => [...before, test]));
  }
  return combined.map((tests) => ({ kind: 'composite', components: tests }));
}

function inPart({ kind, reason }: Problem, code: string): Problem {
  return new Problem(kind, `has a part, ${code}, which ${reason}`);
}

type Component = NonNullable<SearchParameter['components']>[number];

/** The parameter that rules the component, as it is defined on the type. */
function componentParameter(
  type: string,
  { code, type: kind, expression }: Component,
  reading: Reading,
): SearchParameter {
  const ruling = reading.definitions.searchParameters.get(type)?.get(code);
  if (ruling !== undefined) return { ...ruling, type: kind };
  return { code, url: '', type: kind, expression, elementTypes: [], targets: [], repeats: true };
}
