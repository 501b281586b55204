import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import { isObject, type JsonValue, type ResourceObject } from '../format/json.js';
import { parseJson } from '../format/parse.js';
import { MAX_PROBLEMS } from './problem.js';
import { makeValidator } from './validator.js';

interface Case {
  readonly sentence: string;
  readonly resource: ResourceObject;
  readonly issues: readonly { readonly code: string; readonly expression: string; readonly text?: string }[];
}

const FOLDER = 'src/fhir/validate/cases';
const OF_THEIR_OWN = ['primitives.json', 'xhtml.json'];

/** The files are ours: each test knows their shape. */
function cases<T>(file: string): T {
  return parseJson(readFileSync(`${FOLDER}/${file}`, 'utf8')) as T;
}

const definitions = readDefinitions();
const validate = makeValidator(definitions);

for (const file of readdirSync(FOLDER).filter((name) => !OF_THEIR_OWN.includes(name))) {
  describe(`validation, ${file.replace('.json', '')}`, () => {
    it.each(cases<Case[]>(file))('$sentence', ({ resource, issues }) => {
      const found = validate(resource);
      expect(found.map(({ code, expression }) => ({ code, expression: expression?.[0] }))).toEqual(
        issues.map(({ code, expression }) => ({ code, expression })),
      );
      issues.forEach(({ text }, index) => {
        if (text !== undefined) expect(found[index]?.text).toContain(text);
      });
    });
  });
}

describe('primitives', () => {
  const table = cases<Record<string, { valid: JsonValue[]; invalid: JsonValue[] }>>('primitives.json');

  /** Numbers that JSON tools would rewrite stand in the file as `{"literal": "1.00"}`. */
  function asWritten(value: JsonValue): JsonValue {
    return isObject(value) && typeof value.literal === 'string' ? parseJson(value.literal) : value;
  }

  function issuesWith(type: string, written: JsonValue) {
    const value = asWritten(written);
    const property = `value${type.charAt(0).toUpperCase()}${type.slice(1)}`;
    const extension = [{ url: 'http://example.org/e', [property]: value }];
    return validate({ resourceType: 'Basic', code: { text: 'x' }, extension });
  }

  it('are all in the case file but xhtml', () => {
    expect(Object.keys(table).sort()).toEqual(
      [...definitions.primitives.keys()].filter((name) => name !== 'xhtml').sort(),
    );
  });

  for (const [type, { valid, invalid }] of Object.entries(table)) {
    it(`${type} takes what it should`, () => {
      for (const value of valid) expect([value, issuesWith(type, value)]).toEqual([value, []]);
    });

    it(`${type} refuses what it should, without repeating it`, () => {
      for (const value of invalid) {
        const issues = issuesWith(type, value);
        expect([value, issues.map(({ expression }) => expression)]).toEqual([
          value,
          [['Basic.extension[0].value']],
        ]);
      }
    });
  }
});

describe('narratives', () => {
  const { valid, invalid } = cases<{ valid: string[]; invalid: [string, string][] }>('xhtml.json');
  const issuesWith = (div: string) =>
    validate({ resourceType: 'Patient', text: { status: 'generated', div } });

  it.each(valid)('%s', (div) => {
    expect(issuesWith(div)).toEqual([]);
  });

  it.each(invalid)('%s', (div, why) => {
    const issues = issuesWith(div);
    expect(issues).toMatchObject([{ code: 'value', expression: ['Patient.text.div'] }]);
    expect(issues[0]?.text).toContain(why);
  });
});

describe('the validator', () => {
  it('knows every resource type: what no type has is all that is unknown', () => {
    for (const resourceType of definitions.resourceTypes.keys()) {
      const issues = validate({ resourceType, language: 'en', unheardOf: 1 });
      const unknown = issues.filter(({ code }) => code !== 'required');
      expect(unknown.map(({ expression }) => expression)).toEqual([[`${resourceType}.unheardOf`]]);
    }
  });

  it('repeats no value in its texts', () => {
    const secret = 'Xylophone 4711';
    const issues = validate({
      resourceType: 'Patient',
      id: secret,
      gender: secret,
      birthDate: secret,
      active: secret,
      [secret]: secret,
      maritalStatus: secret,
      text: { status: secret, div: secret },
      generalPractitioner: [{ reference: `#${secret.replace(' ', '-')}` }],
      contained: [{ resourceType: secret }],
    });
    expect(issues).toHaveLength(10);
    expect(JSON.stringify(issues)).not.toMatch(/Xylophone|4711/);
  });

  it('cuts off a flood of problems, and says so', () => {
    const issues = validate({ resourceType: 'Patient', name: new Array(200_000).fill(null) });
    expect(issues).toHaveLength(MAX_PROBLEMS + 1);
    expect(issues.at(-1)).toMatchObject({ severity: 'information', code: 'incomplete' });
  });

  it('cuts off floods of floods', () => {
    const name = Array.from({ length: 5_000 }, () => ({ given: new Array(100).fill(5) }));
    expect(validate({ resourceType: 'Patient', name })).toHaveLength(MAX_PROBLEMS + 1);
  });

  it('gives each resource its own verdict, whatever came before', () => {
    const bad: ResourceObject = { resourceType: 'Patient', gender: 'x' };
    const good: ResourceObject = { resourceType: 'Patient', gender: 'male' };
    expect([validate(bad).length, validate(good).length, validate(bad).length]).toEqual([1, 0, 1]);
  });
});
