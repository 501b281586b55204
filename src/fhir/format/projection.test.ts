/** `_summary` and `_elements`: what stays, what goes, and the tag that says so. */
import { describe, expect, it } from 'vitest';
import { readDefinitions } from '../../definitions-file.js';
import type { ResourceObject } from './json.js';
import { parseJson } from './parse.js';
import { type ProjectionRequest, project } from './projection.js';
import { serialise } from './serialise.js';

const definitions = readDefinitions();
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

const PATIENT: ResourceObject = {
  resourceType: 'Patient',
  id: '1',
  meta: { versionId: '3', profile: ['http://a.example/p'] },
  text: { status: 'generated', div: '<div>x</div>' },
  contained: [{ resourceType: 'Organization', id: 'o' }],
  extension: [{ url: 'http://a.example/e', valueString: 'x' }],
  modifierExtension: [{ url: 'http://a.example/m', valueString: 'x' }],
  active: true,
  name: [{ id: 'n', family: 'F', given: ['A', 'B'], _given: [null, { id: 'g' }] }],
  birthDate: '1930',
  _birthDate: { extension: [{ url: 'http://a.example/b', valueCode: 'x' }] },
  deceasedBoolean: false,
  maritalStatus: { text: 'm' },
  contact: [{ gender: 'male', name: { family: 'C', text: 'C' } }, { name: { text: 'D' } }],
};

const OBSERVATION: ResourceObject = {
  resourceType: 'Observation',
  id: '1',
  status: 'final',
  code: { id: 'c', text: 'c' },
  valueQuantity: { value: 1, unit: 'mg' },
  component: [
    { code: { text: 'a' }, valueString: 'x', dataAbsentReason: { text: 'r' } },
    { code: { text: 'b' }, interpretation: [{ text: 'i' }] },
  ],
};

describe('_summary', () => {
  it('true keeps summary elements at all levels, and modifiers', () => {
    expect(projected(PATIENT, { summary: 'true' })).toEqual({
      resourceType: 'Patient',
      id: '1',
      meta: { versionId: '3', profile: ['http://a.example/p'], tag: [SUBSETTED] },
      modifierExtension: PATIENT.modifierExtension,
      active: true,
      name: [{ family: 'F', given: ['A', 'B'], _given: [null, { id: 'g' }] }],
      birthDate: '1930',
      _birthDate: { extension: [{ url: 'http://a.example/b', valueCode: 'x' }] },
      deceasedBoolean: false,
    });
    expect(projected(OBSERVATION, { summary: 'true' }).component).toEqual([
      { code: { text: 'a' }, valueString: 'x' },
      { code: { text: 'b' } },
    ]);
  });

  it('true keeps mandatory elements that are not in the summary', () => {
    const provenance = {
      resourceType: 'Provenance',
      agent: [{ who: { reference: 'Device/1' } }],
      reason: [{ text: 'r' }],
    };

    expect(projected(provenance, { summary: 'true' })).toEqual({
      resourceType: 'Provenance',
      meta: { tag: [SUBSETTED] },
      agent: [{ who: { reference: 'Device/1' } }],
    });
  });

  it('true gives the resources in a Bundle whole', () => {
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: PATIENT }] };

    expect(projected(bundle, { summary: 'true' }).entry).toEqual([{ resource: PATIENT }]);
  });

  it('text keeps id, meta, text and mandatory elements', () => {
    expect(projected(PATIENT, { summary: 'text' })).toEqual({
      resourceType: 'Patient',
      id: '1',
      meta: { versionId: '3', profile: ['http://a.example/p'], tag: [SUBSETTED] },
      text: PATIENT.text,
    });
    expect(Object.keys(projected(OBSERVATION, { summary: 'text' }))).toEqual([
      'resourceType',
      'id',
      'meta',
      'status',
      'code',
    ]);
  });

  it('data removes the text alone', () => {
    const { text: _text, ...rest } = PATIENT;

    expect(projected(PATIENT, { summary: 'data' })).toEqual({
      ...rest,
      meta: { versionId: '3', profile: ['http://a.example/p'], tag: [SUBSETTED] },
    });
  });
});

describe('_elements', () => {
  it.each([
    [['maritalStatus'], ['maritalStatus']],
    [['Patient.maritalStatus'], ['maritalStatus']],
    [['birthDate'], ['birthDate', '_birthDate']],
    [['text'], ['text']],
    [['Observation.status', 'nothing'], []],
  ])('%j keeps %j beside what always stays', (elements, kept) => {
    const always = ['resourceType', 'id', 'meta', 'modifierExtension', 'active', 'deceasedBoolean'];

    expect(Object.keys(projected(PATIENT, { elements })).sort()).toEqual([...always, ...kept].sort());
  });

  it('keeps the subtree of a path, and an element that is asked for whole', () => {
    const { contact, name } = projected(PATIENT, { elements: ['contact.name.family', 'name', 'name.given'] });

    expect(contact).toEqual([{ name: { family: 'C' } }]);
    expect(name).toEqual(PATIENT.name);
  });

  it.each(['value', 'value[x]', 'valueQuantity', 'Observation.value'])(
    'knows the choice by %s',
    (element) => {
      expect(projected(OBSERVATION, { elements: [element] }).valueQuantity).toEqual(
        OBSERVATION.valueQuantity,
      );
    },
  );

  it('keeps mandatory members of what is kept in part', () => {
    expect(projected(OBSERVATION, { elements: ['component.value'] }).component).toEqual([
      { code: { text: 'a' }, valueString: 'x' },
      { code: { text: 'b' } },
    ]);
  });

  it('keeps what is mandatory whole where the part that is asked for is not there', () => {
    expect(projected(OBSERVATION, { elements: ['code.coding'] }).code).toEqual(OBSERVATION.code);
  });

  it('keeps contained resources that the rest refers to, and those that they refer to', () => {
    const request: ResourceObject = {
      resourceType: 'MedicationRequest',
      contained: [
        { resourceType: 'Medication', id: 'm', manufacturer: { reference: '#o' } },
        { resourceType: 'Organization', id: 'o', partOf: { reference: '#o' } },
        { resourceType: 'Practitioner', id: 'p' },
      ],
      medicationReference: { reference: '#m' },
      requester: { reference: '#p' },
    };

    expect(projected(request, { elements: ['id'] }).contained).toEqual([
      { resourceType: 'Medication', id: 'm', manufacturer: { reference: '#o' } },
      { resourceType: 'Organization', id: 'o', partOf: { reference: '#o' } },
    ]);
  });

  it('works together with a summary', () => {
    expect(Object.keys(projected(OBSERVATION, { summary: 'data', elements: ['value'] }))).toEqual([
      'resourceType',
      'id',
      'meta',
      'status',
      'code',
      'valueQuantity',
    ]);
  });
});

describe('project', () => {
  it('changes nothing and tags nothing when nothing is asked', () => {
    expect(project(PATIENT, definitions, {})).toBe(PATIENT);
    expect(project(PATIENT, definitions, { elements: [] })).toBe(PATIENT);
  });

  it('tags once', () => {
    const once = project(OBSERVATION, definitions, { summary: 'data' });

    expect(project(once, definitions, { summary: 'true' }).meta).toEqual({ tag: [SUBSETTED] });
  });

  it('keeps number literals', () => {
    const text = '{"resourceType":"Observation","status":"final","code":{},"valueQuantity":{"value":1.00}}';
    const resource = parseJson(text) as ResourceObject; // it has a type

    expect(serialise(project(resource, definitions, { elements: ['value'] }))).toContain('"value":1.00');
  });
});

/** The projection; the original must not have changed. */
function projected(resource: ResourceObject, request: ProjectionRequest): ResourceObject {
  const untouched = serialise(resource);
  const result = project(resource, definitions, request);
  expect(serialise(resource)).toBe(untouched);
  return result;
}
