/** Everything that is generated passes the validation which every write goes through. */
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../definitions-file.js';
import type { ResourceObject } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import { serialise } from '../fhir/format/serialise.js';
import { makeValidator } from '../fhir/validate/validator.js';
import { asTransaction } from './bundles.js';
import { patientResources, population } from './population.js';

const validate = makeValidator(readDefinitions());

describe('the generated population', () => {
  it.each([
    ['the first twenty patients', { seed: 1, patients: 20 }],
    ['patients of another seed, at the border of two sites', { seed: 2 ** 33 + 5, patients: 40, start: 480 }],
    ['long records', { seed: 3, patients: 10, years: { lo: 15, hi: 20 } }],
  ])('is valid: %s', (_, options) => {
    const faults = [...population(options)].flatMap(issues);

    expect(faults).toEqual([]);
  });

  it('is valid as a bundle', () => {
    const bundle = asTransaction(patientResources({ seed: 1, patients: 1 }, 0));

    expect(issues(bundle)).toEqual([]);
  });
});

/** What the validator says of the resource as it arrives: written and read again. */
function issues(resource: ResourceObject): string[] {
  const read = parseJson(serialise(resource)) as ResourceObject; // it was one before it was written
  return validate(read).map(({ text, expression }) => `${String(expression)}: ${text}`);
}
