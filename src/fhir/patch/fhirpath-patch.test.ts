/** FHIRPath Patch: each operation, each refusal, from the case file; there operations are written short. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '../format/json.js';
import { parseJson } from '../format/parse.js';
import { serialise } from '../format/serialise.js';
import { Refusal, type RefusalKind } from '../outcome.js';
import { applyFhirPathPatch } from './fhirpath-patch.js';

interface Case {
  readonly title: string;
  readonly operations: readonly JsonObject[];
  readonly before: ResourceObject;
  readonly after?: ResourceObject;
  readonly kind?: RefusalKind;
  readonly texts?: readonly string[];
  readonly expression?: string;
}

const CASES = parseJson(
  readFileSync('src/fhir/patch/cases/fhirpath-patch.json', 'utf8'),
) as unknown as readonly Case[]; // our own file
const definitions = readDefinitions();

describe('applyFhirPathPatch', () => {
  it.each(CASES.filter((one) => one.after !== undefined))('$title', ({ operations, before, after }) => {
    const untouched = serialise(before);

    const result = applyFhirPathPatch(before, parametersOf(operations), definitions);

    expect(serialise(result)).toBe(serialise(after ?? null));
    expect(serialise(before)).toBe(untouched);
  });

  it.each(CASES.filter((one) => one.kind !== undefined))(
    'refuses $title',
    ({ operations, before, kind, texts, expression }) => {
      const untouched = serialise(before);

      const refusal = refusalOf(() => applyFhirPathPatch(before, parametersOf(operations), definitions));

      expect(refusal.kind).toBe(kind);
      expect(refusal.issues.map((issue) => issue.text)).toEqual(texts);
      if (expression !== undefined) expect(refusal.issues[0]?.expression).toEqual([expression]);
      expect(serialise(before)).toBe(untouched);
    },
  );

  it.each([
    [
      'what is no Parameters resource',
      { resourceType: 'Patient' },
      'A FHIRPath Patch is a Parameters resource with parameters named operation.',
    ],
    [
      'other parameters',
      { resourceType: 'Parameters', parameter: [{ name: 'x' }] },
      'Operation 1 is not a parameter named operation with parts.',
    ],
    [
      'unknown parts',
      { resourceType: 'Parameters', parameter: [{ name: 'operation', part: [{ name: 'x' }] }] },
      'Operation 1 has a part that is not known: parts are type, path, name, value, index, source, destination.',
    ],
  ])('refuses %s', (_title, parameters, text) => {
    const refusal = refusalOf(() => applyFhirPathPatch({ resourceType: 'Patient' }, parameters, definitions));

    expect(refusal.kind).toBe('patch-invalid');
    expect(refusal.issues[0]?.text).toBe(text);
  });

  it('keeps the literals of decimals, in the resource and in values', () => {
    const observation = parseJson('{"resourceType":"Observation","valueQuantity":{"value":1.00}}');
    const parameters = parseJson(
      '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},' +
        '{"name":"path","valueString":"Observation"},{"name":"name","valueString":"referenceRange"},' +
        '{"name":"value","part":[{"name":"low","valueQuantity":{"value":0.50}}]}]}]}',
    );

    const result = applyFhirPathPatch(observation as ResourceObject, parameters, definitions); // it has a type

    expect(serialise(result)).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":1.00},"referenceRange":[{"low":{"value":0.50}}]}',
    );
  });
});

const VALUE_KEYS: Readonly<Record<string, string>> = {
  type: 'valueCode',
  path: 'valueString',
  name: 'valueString',
  index: 'valueInteger',
  source: 'valueInteger',
  destination: 'valueInteger',
};

function parametersOf(operations: readonly JsonObject[]): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: operations.map((operation) => ({
      name: 'operation',
      part: Object.entries(operation).map(([name, value]) => partOf(name, value)),
    })),
  };
}

function partOf(name: string, value: JsonValue): JsonObject {
  return isObject(value) ? { name, ...value } : { name, [VALUE_KEYS[name] ?? '']: value };
}

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
