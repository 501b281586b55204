/** JSON Patch: each operation, each refusal, from the case file; literals and atomicity throughout. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonValue, ResourceObject } from '../format/json.js';
import { parseJson } from '../format/parse.js';
import { serialise } from '../format/serialise.js';
import { Refusal, type RefusalKind } from '../outcome.js';
import { applyJsonPatch } from './json-patch.js';

interface Case {
  readonly title: string;
  readonly patch: JsonValue;
  readonly before: ResourceObject;
  readonly after?: ResourceObject;
  readonly kind?: RefusalKind;
  readonly texts?: readonly string[];
  readonly expression?: string;
}

const CASES = parseJson(
  readFileSync('src/fhir/patch/cases/json-patch.json', 'utf8'),
) as unknown as readonly Case[]; // our own file

describe('applyJsonPatch', () => {
  it.each(CASES.filter((one) => one.after !== undefined))('$title', ({ patch, before, after }) => {
    const untouched = serialise(before);
    const patchText = serialise(patch);

    const result = applyJsonPatch(before, patch);

    expect(serialise(result)).toBe(serialise(after ?? null));
    expect(serialise(before)).toBe(untouched);
    expect(serialise(patch)).toBe(patchText);
  });

  it.each(CASES.filter((one) => one.kind !== undefined))(
    'refuses $title',
    ({ patch, before, kind, texts, expression }) => {
      const untouched = serialise(before);

      const refusal = refusalOf(() => applyJsonPatch(before, patch));

      expect(refusal.kind).toBe(kind);
      expect(refusal.issues.map((issue) => issue.text)).toEqual(texts);
      expect(refusal.issues[0]?.expression).toEqual(expression === undefined ? undefined : [expression]);
      expect(serialise(before)).toBe(untouched);
    },
  );

  it('keeps the literals of decimals', () => {
    const observation = '{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.00}}';
    const patch =
      '[{"op":"copy","from":"/valueQuantity","path":"/a"},{"op":"add","path":"/a/low","value":1E-22}]';

    const result = applyJsonPatch(parseJson(observation) as ResourceObject, parseJson(patch)); // it has a type

    expect(serialise(result)).toBe(`${observation.slice(0, -1)},"a":{"value":1.00,"low":1E-22}}`);
  });

  it('does not let copies of copies grow without end', () => {
    const patch = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '', path: `/a${index}` }));

    const refusal = refusalOf(() => applyJsonPatch({ resourceType: 'Patient', id: '1' }, patch));

    expect(refusal.kind).toBe('patch-failed');
    expect(refusal.issues[0]?.text).toBe(
      'Operation 16 (copy) copies too much: send the result as an update.',
    );
  });

  it('does not nest deeper than a resource may be', () => {
    const deeper = [
      { op: 'add', path: '/b', value: {} },
      { op: 'move', from: '/a', path: '/b/a' },
      { op: 'move', from: '/b', path: '/a' },
    ];
    const patch = [
      { op: 'add', path: '/a', value: {} },
      ...Array.from({ length: 5000 }, () => deeper).flat(),
    ];

    const refusal = refusalOf(() => applyJsonPatch({ resourceType: 'Patient', id: '1' }, patch));

    expect(refusal.kind).toBe('patch-invalid');
    expect(refusal.issues[0]?.text).toBe('A patch cannot nest elements deeper than 200 levels.');
  });

  it('can be applied again: the values of a patch are not shared with its result', () => {
    const patch = parseJson(
      '[{"op":"add","path":"/name/-","value":{"given":["A"]}},{"op":"add","path":"/name/0/given/-","value":"B"}]',
    );
    const patient = { resourceType: 'Patient', id: '1', name: [] };

    const [first, second] = [applyJsonPatch(patient, patch), applyJsonPatch(patient, patch)];

    expect(second).toEqual(first);
    expect(first.name).toEqual([{ given: ['A', 'B'] }]);
  });
});

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
