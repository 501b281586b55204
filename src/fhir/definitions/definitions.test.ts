/** The compiled definitions say what the specification says. */
import { expect, test } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { unionMembers } from './compile-search-parameters.js';

const definitions = readDefinitions();
const element = (type: string, name: string) =>
  (definitions.resourceTypes.get(type) ?? definitions.dataTypes.get(type))?.elements.find(
    (own) => own.name === name,
  );
const parameter = (type: string, code: string) => definitions.searchParameters.get(type)?.get(code);

test('there are 146 concrete resource types and 20 primitives', () => {
  expect(definitions.resourceTypes.size).toBe(146);
  expect(definitions.primitives.size).toBe(20);
  expect(definitions.resourceTypes.has('DomainResource')).toBe(false);
});

test('a choice element lists its types under its bare name', () => {
  expect(element('Observation', 'effective')).toMatchObject({
    choice: true,
    types: ['dateTime', 'Period', 'Timing', 'instant'],
  });
});

test('a backbone element is a type named by its path, and a content reference leads to one', () => {
  expect(element('Observation', 'component')?.types).toEqual(['Observation.component']);
  expect(element('Observation.component', 'referenceRange')?.types).toEqual(['Observation.referenceRange']);
});

test('cardinality, summary, modifiers, bindings and targets come along', () => {
  expect(element('Observation', 'status')).toMatchObject({
    min: 1,
    max: 1,
    inSummary: true,
    isModifier: true,
    requiredBinding: 'http://hl7.org/fhir/ValueSet/observation-status',
  });
  expect(element('Patient', 'name')?.max).toBe(Number.POSITIVE_INFINITY);
  expect(element('Patient', 'managingOrganization')?.targets).toEqual(['Organization']);
  expect(definitions.codeSets.get('http://hl7.org/fhir/ValueSet/administrative-gender')).toEqual(
    new Set(['male', 'female', 'other', 'unknown']),
  );
});

test('a shared parameter keeps the part of its expression that concerns the type', () => {
  expect(parameter('Observation', 'patient')).toMatchObject({
    expression: 'Observation.subject.where(resolve() is Patient)',
    targets: ['Patient'],
    repeats: false,
  });
});

test('parameters of all resources are handed down to each type', () => {
  expect(parameter('Patient', '_tag')).toMatchObject({
    expression: 'Patient.meta.tag',
    elementTypes: ['Coding'],
    repeats: true,
  });
  expect(parameter('Bundle', '_lastUpdated')?.elementTypes).toEqual(['instant']);
});

test('systems are implied where all values are codes', () => {
  expect(parameter('Patient', 'gender')?.impliedSystems).toEqual([
    'http://hl7.org/fhir/administrative-gender',
  ]);
  expect(parameter('Observation', 'code')?.impliedSystems).toBeUndefined();
});

test('a composite names the parameters that rule its components, with the published mistake corrected', () => {
  expect(parameter('Observation', 'code-value-date')?.components).toEqual([
    { code: 'code', type: 'token', expression: 'code' },
    { code: 'value-date', type: 'date', expression: 'value.as(dateTime) | value.as(Period)' },
  ]);
});

test('paths without a type begin at the resource', () => {
  expect(parameter('InsurancePlan', 'name')).toMatchObject({
    expression: 'InsurancePlan.name | InsurancePlan.alias',
    elementTypes: ['string'],
    repeats: true,
  });
});

test('every parameter says where its values are, but those that servers know by name', () => {
  const without = [...definitions.searchParameters.values()].flatMap((parameters) =>
    [...parameters.values()].filter(({ expression }) => expression === undefined).map(({ code }) => code),
  );
  expect(new Set(without)).toEqual(new Set(['_content', '_filter', '_query', '_text']));
});

test('swapped components of a published composite are put right', () => {
  expect(parameter('DocumentReference', 'relationship')?.components).toEqual([
    { code: 'relatesto', type: 'reference', expression: 'target' },
    { code: 'relation', type: 'token', expression: 'code' },
  ]);
});

test('compartments name the parameters of membership', () => {
  expect(definitions.compartments.get('Patient')?.get('Observation')).toEqual(['subject', 'performer']);
});

test('the primary date is a date that does not repeat; people have none', () => {
  expect(definitions.primaryDates.get('Observation')).toBe('date');
  expect(definitions.primaryDates.get('Condition')).toBe('onset-date');
  expect(definitions.primaryDates.has('Patient')).toBe(false);
});

test('a union is split at the bars outside of brackets and quotes', () => {
  expect(unionMembers("A.b | (A.c as D) | A.e.where(f='g|h')")).toEqual([
    'A.b',
    '(A.c as D)',
    "A.e.where(f='g|h')",
  ]);
});
