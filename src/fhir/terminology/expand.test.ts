import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../format/json.js';
import { Refusal } from '../outcome.js';
import { closure, codeSystemOf, conceptOf, readCodeSystem } from './code-system.js';
import { expandValueSet, type Library, needsOf } from './expand.js';
import { readValueSet } from './value-set.js';

const FLOWERS = 'http://example.org/flowers';

/** plant ▶ rose ▶ tea-rose; plant ▶ tulip; climber ▶ rose by a property. Tulips are no longer in use. */
const flowers = system({
  resourceType: 'CodeSystem',
  url: FLOWERS,
  content: 'complete',
  concept: [
    {
      code: 'plant',
      concept: [
        {
          code: 'rose',
          property: [colour('red')],
          concept: [{ code: 'tea-rose', property: [colour('white')] }],
        },
        { code: 'tulip', property: [colour('red'), { code: 'status', valueCode: 'retired' }] },
      ],
    },
    { code: 'climber' },
    { code: 'ivy', property: [{ code: 'parent', valueCode: 'climber' }] },
    { code: 'wall', property: [{ code: 'child', valueCode: 'climber' }] },
  ],
});

function colour(name: string): JsonObject {
  return { code: 'colour', valueString: name };
}

function system(resource: JsonObject) {
  const content = readCodeSystem(resource);
  if (content === undefined) throw new Error('a code system without concepts');
  return codeSystemOf(content);
}

function library(valueSets: Readonly<Record<string, JsonObject>> = {}): Library {
  return {
    valueSet: (canonical) => {
      const resource = Object.hasOwn(valueSets, canonical) ? valueSets[canonical] : undefined;
      return resource && readValueSet({ resourceType: 'ValueSet', url: canonical, ...resource });
    },
    codeSystem: (canonical) => (canonical === FLOWERS ? flowers : undefined),
  };
}

function expanded(valueSet: JsonObject, others: Readonly<Record<string, JsonObject>> = {}) {
  const codes = expandValueSet('urn:set', library({ ...others, 'urn:set': valueSet }));
  return Object.fromEntries(codes.map(({ system: of, codes: own }) => [of, own]));
}

function composed(...include: JsonObject[]): JsonObject {
  return { compose: { include } };
}

function filtered(property: string, op: string, value: string): JsonObject {
  return composed({ system: FLOWERS, filter: [{ property, op, value }] });
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return `${error.status} ${error.issues[0]?.code}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a hierarchy', () => {
  it('is what is nested, and what parents and children are named in properties', () => {
    const below = (code: string) => closure(flowers.concepts.get(code) ?? never(), 'below').toSorted();
    expect(below('plant')).toEqual(['plant', 'rose', 'tea-rose', 'tulip']);
    expect(below('wall')).toEqual(['climber', 'ivy', 'wall']);
  });

  it('is followed upwards too', () => {
    const above = closure(flowers.concepts.get('tea-rose') ?? never(), 'above');
    expect(above).toEqual(['tea-rose', 'rose', 'plant']);
  });

  it('may run in a circle', () => {
    const parent = (code: string): JsonObject => ({ code: 'parent', valueCode: code });
    const concept = [
      { code: 'a', property: [parent('b')] },
      { code: 'b', property: [parent('a'), parent('missing')] },
    ];
    const circle = system({ resourceType: 'CodeSystem', url: 'urn:circle', concept });
    expect(closure(circle.concepts.get('a') ?? never(), 'below').toSorted()).toEqual(['a', 'b']);
  });

  it('is found by a code in other case, as searches compare codes', () => {
    expect(conceptOf(flowers, 'Tea-Rose', (code) => code.toLowerCase())?.code).toBe('tea-rose');
    expect(conceptOf(flowers, 'Tea-Rose', (code) => code)).toBeUndefined();
  });

  it('is not there where a code system is stored without its concepts', () => {
    expect(
      readCodeSystem({ resourceType: 'CodeSystem', url: 'urn:x', content: 'not-present' }),
    ).toBeUndefined();
  });
});

function never(): never {
  throw new Error('no such concept');
}

describe('an expansion', () => {
  it('is taken as it stands, nested and without abstract groups', () => {
    const contains = [
      { abstract: true, display: 'group', contains: [{ system: FLOWERS, code: 'rose' }] },
      { system: 'urn:other', code: 'x', contains: [{ system: FLOWERS, code: 'ivy' }] },
    ];
    expect(expanded({ expansion: { contains } })).toEqual({ [FLOWERS]: ['ivy', 'rose'], 'urn:other': ['x'] });
  });

  it.each([
    ['its total says that there is more', { total: 2 }],
    [
      'it is marked as too costly',
      { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/valueset-toocostly' }] },
    ],
    ['it was limited', { parameter: [{ name: 'limitedExpansion', valueBoolean: true }] }],
    ['it begins further on', { offset: 10 }],
    ['it has no members and does not say so', { contains: [] }],
  ])('counts for nothing where %s', (_why, more: JsonObject) => {
    const cut = { expansion: { contains: [{ system: FLOWERS, code: 'rose' }], ...more } };
    expect(expanded({ ...cut, ...composed({ system: FLOWERS, concept: [{ code: 'ivy' }] }) })).toEqual({
      [FLOWERS]: ['ivy'],
    });
    expect(refusal(() => expanded(cut))).toContain(
      '400 not-supported: The value set urn:set is stored without',
    );
  });
});

describe('rules', () => {
  it('list codes of a system that need not be loaded', () => {
    expect(expanded(composed({ system: 'http://loinc.org', concept: [{ code: '8867-4' }] }))).toEqual({
      'http://loinc.org': ['8867-4'],
    });
  });

  it('take a whole system', () => {
    expect(expanded(composed({ system: FLOWERS }))[FLOWERS]).toHaveLength(7);
  });

  it('take only active codes where inactive ones are not wanted', () => {
    expect(expanded({ compose: { inactive: false, include: [{ system: FLOWERS }] } })[FLOWERS]).not.toContain(
      'tulip',
    );
  });

  it.each([
    ['concept', 'is-a', 'rose', ['rose', 'tea-rose']],
    ['concept', 'descendent-of', 'plant', ['rose', 'tea-rose', 'tulip']],
    ['concept', 'is-not-a', 'plant', ['climber', 'ivy', 'wall']],
    ['concept', 'generalizes', 'rose', ['plant', 'rose']],
    ['concept', 'in', 'ivy, rose', ['ivy', 'rose']],
    ['colour', '=', 'red', ['rose', 'tulip']],
    ['parent', '=', 'plant', ['rose', 'tulip']],
    ['colour', 'in', 'red,white', ['rose', 'tea-rose', 'tulip']],
    ['colour', 'not-in', 'red', ['climber', 'ivy', 'plant', 'tea-rose', 'wall']],
    ['colour', 'exists', 'true', ['rose', 'tea-rose', 'tulip']],
    ['colour', 'exists', 'false', ['climber', 'ivy', 'plant', 'wall']],
    ['code', 'regex', 'tea-.*|i[uv]y', ['ivy', 'tea-rose']],
  ])('filter by %s %s %s', (property, op, value, codes) => {
    expect(expanded(filtered(property, op, value))).toEqual({ [FLOWERS]: codes });
  });

  it('want all filters of one include to hold', () => {
    const filter = [
      { property: 'concept', op: 'is-a', value: 'rose' },
      { property: 'colour', op: '=', value: 'red' },
    ];
    expect(expanded(composed({ system: FLOWERS, filter }))).toEqual({ [FLOWERS]: ['rose'] });
  });

  it('unite includes and take away what is excluded', () => {
    const exclude = [{ system: FLOWERS, concept: [{ code: 'tulip' }] }];
    const include = [
      { system: FLOWERS, filter: [{ property: 'concept', op: 'is-a', value: 'plant' }] },
      { system: 'urn:other', concept: [{ code: 'x' }] },
    ];
    expect(expanded({ compose: { include, exclude } })).toEqual({
      [FLOWERS]: ['plant', 'rose', 'tea-rose'],
      'urn:other': ['x'],
    });
  });

  it('import value sets: those of one include are cut with each other', () => {
    const others = {
      'urn:red': filtered('colour', '=', 'red'),
      'urn:roses': filtered('concept', 'is-a', 'rose'),
    };
    expect(expanded(composed({ valueSet: ['urn:red', 'urn:roses'] }), others)).toEqual({
      [FLOWERS]: ['rose'],
    });
    expect(expanded(composed({ valueSet: ['urn:red'] }, { valueSet: ['urn:roses'] }), others)).toEqual({
      [FLOWERS]: ['rose', 'tea-rose', 'tulip'],
    });
  });

  it('say what they draw on', () => {
    const rules = composed(
      { system: FLOWERS, valueSet: ['urn:red'] },
      { system: 'urn:x', concept: [{ code: 'y' }] },
    );
    const needs = needsOf(readValueSet({ resourceType: 'ValueSet', url: 'urn:set', ...rules }));
    expect(needs).toEqual({ valueSets: ['urn:red'], codeSystems: [FLOWERS] });
  });
});

describe('what cannot be worked out is refused by name', () => {
  it.each<[string, JsonObject, string]>([
    [
      'a system that is not loaded',
      composed({ system: 'urn:x' }),
      'The code system urn:x, on which the value set urn:set draws, is not loaded',
    ],
    [
      'a value set that is not loaded',
      composed({ valueSet: ['urn:x'] }),
      'The value set urn:x, on which the value set urn:set draws, is not loaded',
    ],
    [
      'a value set that draws on itself',
      composed({ valueSet: ['urn:set'] }),
      'The value set urn:set draws on itself',
    ],
    [
      'a filter that is not known',
      filtered('concept', 'child-of', 'rose'),
      'has a filter by "child-of" on http://example.org/flowers',
    ],
    [
      'a filter by a code that is not there',
      filtered('concept', 'is-a', 'oak'),
      'has a filter by a code that the code system',
    ],
    ['an expression that could run long', filtered('code', 'regex', '(a+)+$'), 'has a filter by "regex"'],
    ['nothing at all', {}, 'is stored without a complete expansion and without a compose'],
  ])('%s', (_what, valueSet, text) => {
    expect(refusal(() => expanded(valueSet))).toMatch(/^400 (not-found|not-supported|processing): /);
    expect(refusal(() => expanded(valueSet))).toContain(text);
  });

  it('more codes than a search can ask for', () => {
    const concept = Array.from({ length: 20_001 }, (_, at) => ({ code: `c${at}` }));
    expect(refusal(() => expanded(composed({ system: 'urn:x', concept })))).toContain('400 too-costly');
  });
});
