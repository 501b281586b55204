import fhirpath from 'fhirpath';
import r4Model from 'fhirpath/fhir-context/r4';
import { expect, test } from 'vitest';
import { readDefinitions } from '../../../definitions-file.js';
import type { JsonValue, ResourceObject } from '../../format/json.js';
import { generatedResource } from '../generated-resource.js';
import { compileExpression, type Step, type Walk } from './compile.js';
import { elementsOf } from './elements.js';
import { parseExpression, UnsupportedExpression } from './expression.js';

const definitions = readDefinitions();
const elements = elementsOf(definitions);

interface Found extends Walk {
  readonly values: JsonValue[];
}

function compiled(expression: string, type: string): Step<Found> | undefined {
  const keep: Step<Found> = (value, walk) => {
    walk.values.push(value);
  };
  const scope = { elements, resourceType: type, focus: type, resolvesTo: () => false, text: expression };
  return compileExpression(parseExpression(expression), scope, () => keep);
}

function evaluated(expression: string, resource: ResourceObject): readonly JsonValue[] {
  const walk: Found = { resource, values: [] };
  compiled(expression, resource.resourceType)?.(resource, walk);
  return walk.values;
}

const expressions = [...definitions.searchParameters].flatMap(([type, parameters]) =>
  [...parameters.values()].flatMap(({ expression }) =>
    expression === undefined ? [] : [{ type, expression }],
  ),
);

test('every expression of every R4 search parameter compiles, and none falls back', () => {
  const unsupported = expressions.filter(({ type, expression }) => {
    try {
      return compiled(expression, type) === undefined;
    } catch (error) {
      if (error instanceof UnsupportedExpression) return true;
      throw error;
    }
  });
  expect(unsupported).toEqual([]);
});

/** Search means `as` for each of a list, where FHIRPath proper takes single values; fhirpath.js lacks hasExtension. */
function forLists(expression: string): string {
  return expression
    .replace(/\(([\w.]+) as (\w+)\)/g, '$1.ofType($2)')
    .replace(/\.as\((\w+)\)/g, '.ofType($1)')
    .replace(/hasExtension\(('[^']+')\)/g, 'extension($1).exists()');
}

/** A union has each value once; index values drop repeated ones later. */
function once(values: readonly unknown[]): readonly unknown[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

const COMPARED = [
  'Patient',
  'Observation',
  'Condition',
  'QuestionnaireResponse',
  'Bundle',
  'Appointment',
  'Group',
  'Goal',
];

test.each([...COMPARED, 'MolecularSequence', 'PlanDefinition', 'Procedure', 'MedicationRequest', 'Device'])(
  'the paths of %s find what fhirpath.js finds',
  async (type) => {
    const own = expressions.filter((one) => one.type === type && !one.expression.includes('resolve()'));
    expect(own.length).toBeGreaterThan(5);
    const resources = Array.from({ length: 25 }, (_, seed) => generatedResource(definitions, type, seed));
    for (const { expression } of own) {
      const oracle = fhirpath.compile(forLists(expression), r4Model);
      for (const resource of resources) {
        const expected = await oracle(structuredClone(resource), { resource });
        expect(once(evaluated(expression, resource)), `${expression} on ${resource.id}`).toEqual(
          once(expected),
        );
      }
    }
  },
);

test('resolve() is judged by what the reference says', () => {
  const expression = 'Observation.subject.where(resolve() is Patient)';
  const scope = {
    elements,
    resourceType: 'Observation',
    focus: 'Observation',
    text: expression,
    resolvesTo: (reference: JsonValue, type: string) => JSON.stringify(reference).includes(`${type}/`),
  };
  const walk: Found = { resource: {}, values: [] };
  const keep: Step<Found> = (value, { values }) => {
    values.push(value);
  };
  const step = compileExpression(parseExpression(expression), scope, () => keep);
  step?.({ subject: { reference: 'Patient/1' } }, walk);
  step?.({ subject: { reference: 'Group/1' } }, walk);
  expect(walk.values).toEqual([{ reference: 'Patient/1' }]);
});

test.each([
  ['Patient.name.first()', 'first()'],
  ['Patient.name[', 'ends too early'],
  ['Patient.name ~ 3', 'sign'],
  ['Patient.nmae', 'no element nmae'],
  ['Patient.name.given[0]', 'index'],
  ["Patient.name.where(use = 'official' or true)", 'not expected'],
  ['Patient.name.where(given = family)', 'literal'],
])('%s is refused, not guessed', (expression, reason) => {
  expect(() => compiled(expression, 'Patient')).toThrow(reason);
});
