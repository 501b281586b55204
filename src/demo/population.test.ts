/** The generated population: repeatable, made in parts, whole, US Core shaped, with gaps where gaps are allowed. */
import { describe, expect, it } from 'vitest';
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { asTransaction, bundles } from './bundles.js';
import { patientResources, population, sharedResources } from './population.js';

const SEED = 42;
const TWENTY = [...population({ seed: SEED, patients: 20 })];

const TYPES = (
  'AllergyIntolerance Appointment Binary CarePlan CareTeam Condition Coverage Device DiagnosticReport DocumentReference ' +
  'Encounter Endpoint Goal Group Immunization Location Medication MedicationDispense MedicationRequest Observation ' +
  'Organization Patient Practitioner PractitionerRole Procedure Provenance RelatedPerson Schedule ServiceRequest Slot ' +
  'Specimen'
).split(' ');

describe('repeatable', () => {
  it('gives the same bytes for the same options', () => {
    const again = [...population({ seed: SEED, patients: 20 })];

    expect(again.map(serialise)).toEqual(TWENTY.map(serialise));
  });

  it('gives other people with other ids for another seed', () => {
    const ids = new Set(TWENTY.map(({ id }) => id));

    const other = [...population({ seed: SEED + 1, patients: 20 })];

    expect(other.filter(({ id }) => ids.has(id ?? ''))).toEqual([]);
  });

  it('makes a patient of a big population as it makes it of a small one', () => {
    const small = patientResources({ seed: SEED, patients: 1, start: 700 }, 700);
    const big = patientResources({ seed: SEED, patients: 1_000_000 }, 700);

    expect(small.map(serialise)).toEqual(big.map(serialise));
  });

  it('makes a population in parts: together they are the whole, but for the groups', () => {
    const parts = [
      ...population({ seed: SEED, patients: 12 }),
      ...population({ seed: SEED, patients: 8, start: 12 }),
    ];

    expect(linesById(parts)).toEqual(linesById(TWENTY));
  });

  it('counts all dates back from the day it is given', () => {
    const now = Date.UTC(2030, 5, 1);

    const records = patientResources({ seed: SEED, patients: 1, now }, 0);

    const years = records.flatMap(({ recorded }) =>
      typeof recorded === 'string' ? [recorded.slice(0, 4)] : [],
    );
    expect(years).toEqual(['2030']);
  });

  it('keeps the records within the years it is given', () => {
    const records = patientResources({ seed: SEED, patients: 1, years: { lo: 2, hi: 2 } }, 0);

    const visits = records.filter(({ resourceType }) => resourceType === 'Encounter');
    const starts = visits.map(({ period }) => String((period as JsonObject).start)); // an Encounter's is a Period
    expect(starts.every((start) => start >= '2023-12-31' && start < '2026')).toBe(true);
  });
});

describe('whole', () => {
  it('has every type that is promised, in twenty patients', () => {
    const types = new Set(TWENTY.map(({ resourceType }) => resourceType));

    expect([...types].sort()).toEqual(TYPES);
  });

  it('uses no id twice', () => {
    const identities = TWENTY.map(({ resourceType, id }) => `${resourceType}/${String(id)}`);

    expect(new Set(identities).size).toBe(identities.length);
  });

  it('refers to nothing that is not in it, across sites too', () => {
    const some = [...population({ seed: SEED, patients: 12, start: 494 })];
    const known = new Set(some.map(({ resourceType, id }) => `${resourceType}/${String(id)}`));

    const dangling = some.flatMap((resource) => references(resource)).filter((text) => !known.has(text));

    expect(dangling).toEqual([]);
  });

  it('is near a hundred resources per patient, most of them Observations', () => {
    const many = [...population({ seed: SEED, patients: 300 })];
    const observations = many.filter(({ resourceType }) => resourceType === 'Observation');

    expect(many.length / 300).toBeGreaterThan(90);
    expect(many.length / 300).toBeLessThan(125);
    expect(observations.length / many.length).toBeGreaterThan(0.5);
  });

  it('gives no slot to two patients', () => {
    const many = [...population({ seed: SEED, patients: 600 })];

    const slots = many.filter(({ resourceType }) => resourceType === 'Slot');
    const times = slots.map(({ schedule, start }) => `${serialise(schedule ?? null)} ${String(start)}`);
    expect(new Set(times).size).toBe(times.length);
  });

  it('has no patients, and nothing for them, when none are asked for', () => {
    const none = [...population({ seed: SEED, patients: 0 })];

    expect(new Set(none.map(({ resourceType }) => resourceType))).toEqual(
      new Set(['Organization', 'Medication']),
    );
  });
});

describe('shaped as US Core asks', () => {
  it.each([
    ['condition-encounter-diagnosis'],
    ['condition-problems-health-concerns'],
    ['diagnosticreport-lab'],
    ['diagnosticreport-note'],
    ['blood-pressure'],
    ['bmi'],
    ['pediatric-bmi-for-age'],
    ['head-circumference'],
    ['smokingstatus'],
    ['observation-lab'],
    ['observation-screening-assessment'],
    ['observation-pregnancystatus'],
    ['implantable-device'],
  ])('has records of the profile %s in twenty patients', (name) => {
    const url = `http://hl7.org/fhir/us/core/StructureDefinition/us-core-${name}`;

    expect(TWENTY.some(({ meta }) => serialise(meta ?? null).includes(`"${url}"`))).toBe(true);
  });

  it.each(['LP29684-5', 'LP29708-2', 'LP7839-6'])('has narrative reports of the category %s', (category) => {
    const reports = TWENTY.filter(({ resourceType }) => resourceType === 'DiagnosticReport');

    expect(reports.some((report) => serialise(report).includes(`"${category}"`))).toBe(true);
  });

  it('shows mandatory values that are missing by the extension or the code for it', () => {
    const text = TWENTY.map(serialise).join('\n');

    expect(text).toContain(
      '"name":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason"',
    );
    expect(text).toContain(
      '"_performedDateTime":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent',
    );
    expect(text).toContain(
      '"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason"',
    );
  });

  it('leaves out optional values of some patients', () => {
    const patients = TWENTY.filter(({ resourceType }) => resourceType === 'Patient');

    expect(patients.filter(({ communication }) => communication === undefined)).toHaveLength(1);
  });

  it('writes results with the decimals of the laboratory', () => {
    const text = TWENTY.map(serialise).join('\n');

    expect(text).toMatch(/"value":\d+\.\d*0,"unit":"m/);
  });

  it('gives National Provider Identifiers that pass their check', () => {
    const numbers = [...sharedResources({ seed: SEED, patients: 600 })]
      .flatMap(({ identifier }) => (Array.isArray(identifier) ? identifier.filter(isObject) : []))
      .filter(({ system }) => system === 'http://hl7.org/fhir/sid/us-npi');

    expect(numbers.length).toBeGreaterThan(20);
    for (const { value } of numbers) expect(luhn(`80840${String(value)}`)).toBe(0);
  });
});

describe('as bundles', () => {
  it('puts the shared resources first, one bundle per patient after, and the groups last', () => {
    const made = [...bundles({ seed: SEED, patients: 2 })];

    expect(made.map(({ name }) => name)).toEqual([
      '0-shared',
      '1-patient-0000000',
      '1-patient-0000001',
      '2-groups',
    ]);
    expect(made.flatMap(({ types }) => types).length).toBe(
      [...population({ seed: SEED, patients: 2 })].length,
    );
  });

  it('makes entries that put each resource under its id', () => {
    const [first] = patientResources({ seed: SEED, patients: 1 }, 0);
    const id = String(first?.id);

    const bundle = asTransaction(first === undefined ? [] : [first]);

    expect(bundle).toMatchObject({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl: `urn:uuid:${id}`, resource: first, request: { method: 'PUT', url: `Patient/${id}` } },
      ],
    });
  });
});

/** Every resource but the groups, by id: what is shared is made by every part, and is the same. */
function linesById(resources: readonly ResourceObject[]): Map<string, string> {
  const others = resources.filter(({ resourceType }) => resourceType !== 'Group');
  return new Map(others.map((resource) => [String(resource.id), serialise(resource)]));
}

function references(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    name === 'reference' && typeof child === 'string' ? [child] : references(child),
  );
}

function luhn(digits: string): number {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const doubled = Number(digit) * (place % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10;
}
