import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../testing.js';
import { type Asking, fillWard, graphql } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await fillWard(world);
});
afterAll(() => world.close());

const data = async (query: string, asking?: Asking) => {
  const { status, json } = await graphql(world, query, asking);
  expect({ status, errors: json.errors }).toEqual({ status: 200, errors: undefined });
  return json.data;
};
const ofPeter = (query: string) => data(query, { on: 'Patient/peter' });

describe('a query on a type', () => {
  it('reads and searches that type, and no other', async () => {
    expect(
      await data('{ Patient(id: "peter") { active } PatientList { id } }', { on: 'Patient' }),
    ).toMatchObject({
      Patient: { active: true },
      PatientList: expect.arrayContaining([{ id: 'peter' }]),
    });
    const { status, text } = await graphql(world, '{ ObservationList { id } }', { on: 'Patient' });
    expect(status).toBe(400);
    expect(text).toContain('has no field ObservationList');
  });
});

describe('a query on a resource', () => {
  it('gives the elements that it names, and no place to those that are absent', async () => {
    expect(await ofPeter('{ id active maritalStatus { text } name { text given family } }')).toEqual({
      id: 'peter',
      active: true,
      name: [
        { given: ['Peter', 'James'], family: 'Chalmers' },
        { given: ['Jim'] },
        { given: ['Peter', 'James'], family: 'Windsor' },
      ],
    });
  });

  it('knows resourceType and __typename', async () => {
    expect(await ofPeter('{ __typename resourceType contact { __typename } }')).toEqual({
      __typename: 'Patient',
      resourceType: 'Patient',
      contact: [{ __typename: 'PatientContact' }],
    });
  });

  it('names choices and what stands beside primitives as JSON does', async () => {
    expect(await ofPeter('{ birthDate _birthDate { extension { valueDateTime } } }')).toEqual({
      birthDate: '1974-12-25',
      _birthDate: { extension: [{ valueDateTime: '1974-12-25T14:35:45Z' }] },
    });
  });

  it('keeps the literals of numbers', async () => {
    const { text } = await graphql(world, '{ valueQuantity { value unit } }', { on: 'Observation/w1' });
    expect(text).toBe('{"data":{"valueQuantity":{"value":70.50,"unit":"kg"}}}');
  });

  it('chooses list items by simple members, FHIRPath, _offset and _count', async () => {
    const query = `{
      official: name(use: official) { family }
      either: name(use: [usual, maiden]) { use }
      named: name(fhirpath: "family.exists() and use != 'official'") { use }
      second: name(_offset: 1, _count: 1) { use }
      none: name(use: old) { use }
      practitioner: contained(resourceType: "Practitioner") { id }
    }`;
    expect(await ofPeter(query)).toEqual({
      official: [{ family: 'Chalmers' }],
      either: [{ use: 'usual' }, { use: 'maiden' }],
      named: [{ use: 'maiden' }],
      second: [{ use: 'usual' }],
      practitioner: [{ id: 'gp' }],
    });
  });

  it('puts fragments in place, and takes what @include and @skip leave', async () => {
    const query = `query ($more: Boolean = true, $less: Boolean!) {
      ...names
      ... on Resource @include(if: $more) { id }
      ... on Patient { birthDate @skip(if: $less) }
      name { family }
    }
    fragment names on Patient { name { use } }`;
    expect(await data(query, { on: 'Patient/peter', variables: { less: true } })).toEqual({
      name: [{ use: 'official', family: 'Chalmers' }, { use: 'usual' }, { use: 'maiden', family: 'Windsor' }],
      id: 'peter',
    });
  });

  it('is 404 where there is no such resource', async () => {
    expect((await graphql(world, '{ id }', { on: 'Patient/nobody' })).status).toBe(404);
  });
});

describe('a reference', () => {
  it('is followed to resources of the store and to contained ones', async () => {
    const query =
      '{ generalPractitioner { reference resource { ... on Practitioner { id name { family } } } } }';
    expect(await ofPeter(query)).toEqual({
      generalPractitioner: [
        { reference: '#gp', resource: { id: 'gp', name: [{ family: 'Careful' }] } },
        { reference: 'Practitioner/prue', resource: { id: 'prue', name: [{ family: 'Prudent' }] } },
      ],
    });
  });

  it('yields resources of the wanted type alone', async () => {
    const query = `{ subject {
      resource(type: Patient) { birthDate }
      resource(type: Group) { actual }
      group: resource(type: Group) { actual }
    } }`;
    expect(await data(query, { on: 'Observation/w1' })).toEqual({
      subject: { resource: { birthDate: '1974-12-25' } },
    });
  });

  it('takes fields that any of its types has', async () => {
    expect(await data('{ subject { resource { active gender } } }', { on: 'Observation/w1' })).toEqual({
      subject: { resource: { active: true, gender: 'male' } },
    });
  });

  it('that leads nowhere is an error with its path, unless it is optional', async () => {
    const asking = { on: 'Observation/lost' };
    const { status, json } = await graphql(world, '{ status subject { resource { id } } }', asking);
    expect(status).toBe(200);
    expect(json.data).toEqual({ status: 'preliminary', subject: { resource: null } });
    expect(json.errors).toHaveLength(1);
    expect(json.errors[0].path).toEqual(['subject', 'resource']);
    expect(json.errors[0].extensions.resource.issue[0].code).toBe('not-found');

    expect(await data('{ subject { resource(optional: true) { id } } }', asking)).toEqual({
      subject: { resource: null },
    });
  });
});

describe('a query on the system', () => {
  it('reads one resource by its id, null where there is none', async () => {
    expect(await data('{ one: Patient(id: peter) { id } two: Patient(id: "nobody") { id } }')).toEqual({
      one: { id: 'peter' },
      two: null,
    });
  });

  it('lists what a search finds', async () => {
    const query =
      '{ ObservationList(subject: "Patient/peter", _sort: "-date", status: [final, amended]) { id } }';
    expect(await data(query)).toEqual({ ObservationList: [{ id: 'w2' }, { id: 'w1' }] });
  });

  it('takes _ for -, a list as OR, a list of lists as AND, and a comma for itself', async () => {
    const query = `{
      gp: PatientList(general_practitioner: "Practitioner/prue") { id }
      or: PatientList(gender: [male, female], _sort: _id) { id }
      and: PatientList(birthdate: [["ge1974"], ["lt1975"]]) { id }
      comma: PatientList(family: "Comma, A") { id }
      none: PatientList(family: "nobody") { id }
    }`;
    expect(await data(query)).toEqual({
      gp: [{ id: 'peter' }],
      or: [{ id: 'ada' }, { id: 'peter' }],
      and: [{ id: 'peter' }],
      comma: [{ id: 'ada' }],
      none: [],
    });
  });

  it('takes values from variables', async () => {
    const query = 'query Q($who: ID!, $codes: [code]) { PatientList(_id: $who, gender: $codes) { id } }';
    const variables = { who: 'ada', codes: ['female', 'other'] };
    expect(await data(query, { variables })).toEqual({ PatientList: [{ id: 'ada' }] });
    expect(await data(query, { variables: { who: 'ada' } })).toEqual({ PatientList: [{ id: 'ada' }] });
  });

  it('judges matches by FHIRPath', async () => {
    const query = `{ PatientList(fhirpath: "name.where(use = 'maiden').exists()") { id } }`;
    expect(await data(query)).toEqual({ PatientList: [{ id: 'peter' }] });
  });

  it('follows reverse references, in lists and in connections', async () => {
    const query = `{ PatientList(_sort: _id) {
      id
      ObservationList(_reference: subject, _sort: date) { id }
      ConditionConnection(_reference: patient) { count edges { resource { id } } }
    } }`;
    expect(await data(query)).toEqual({
      PatientList: [
        {
          id: 'ada',
          ObservationList: [{ id: 'w3' }],
          ConditionConnection: { count: 0, edges: [] },
        },
        {
          id: 'peter',
          ObservationList: [{ id: 'w1' }, { id: 'w2' }],
          ConditionConnection: { count: 1, edges: [{ resource: { id: 'c1' } }] },
        },
      ],
    });
  });

  it('refuses a list that does not hold all, unless the client counts', async () => {
    const small = await openWorld({ maxCount: 2 });
    await fillWard(small);
    const { status, json } = await graphql(small, '{ ObservationList { id } }');
    expect({ status, data: json.data }).toEqual({ status: 200, data: { ObservationList: null } });
    expect(json.errors[0].path).toEqual(['ObservationList']);
    expect(json.errors[0].extensions.resource.issue[0].code).toBe('too-long');
    const counted = await graphql(small, '{ ObservationList(_count: 1, _sort: _id) { id } }');
    expect(counted.json).toEqual({ data: { ObservationList: [{ id: 'lost' }] } });
    const many = await graphql(small, '{ ObservationList(_count: 3) { id } }');
    expect(many.json.data).toEqual({ ObservationList: null });
    await small.close();
  });
});

describe('a connection', () => {
  const FIELDS = 'count offset pagesize previous next first edges { mode score resource { id } }';

  it('goes from page to page by its cursors, and back to the first', async () => {
    const start = await data(`{ c: ObservationConnection(_count: 3, _sort: _id) { ${FIELDS} } }`);
    expect(start.c).toMatchObject({ count: 4, offset: 0, pagesize: 3 });
    expect(start.c.edges.map((edge: { mode: string }) => edge.mode)).toEqual(['match', 'match', 'match']);

    const query = `query ($at: String) { c: ObservationConnection(_cursor: $at) { ${FIELDS} } }`;
    const rest = await data(query, { variables: { at: start.c.next } });
    expect(rest.c).toMatchObject({ offset: 3, pagesize: 3, edges: [{ resource: { id: 'w3' } }] });
    expect(rest.c.next).toBeUndefined();
    expect((await data(query, { variables: { at: rest.c.first } })).c.edges).toEqual(start.c.edges);
  });

  it('refuses a cursor that was made for another type or by nobody', async () => {
    const { o } = await data('{ o: ObservationConnection(_count: 1) { next } }');
    const query = 'query ($at: String) { PatientConnection(_cursor: $at) { next } }';
    for (const at of [o.next, 'made-up']) {
      const { json } = await graphql(world, query, { variables: { at } });
      expect(json.data).toEqual({ PatientConnection: null });
      expect(json.errors[0].path).toEqual(['PatientConnection']);
    }
  });
});

describe('flattening', () => {
  it('puts the children in the place of their parent', async () => {
    const query = '{ identifier @flatten { system value } active name @flatten { text given family } }';
    expect(await ofPeter(query)).toEqual({
      system: ['urn:oid:1.2.36.146.595.217.0.1'],
      value: ['12345'],
      active: true,
      given: ['Peter', 'James', 'Jim', 'Peter', 'James'],
      family: ['Chalmers', 'Windsor'],
    });
  });

  it('takes the first of each with @first, and one value for a list with @singleton', async () => {
    const first = '{ name @flatten { given @first family } }';
    expect(await ofPeter(first)).toEqual({
      given: ['Peter', 'Jim', 'Peter'],
      family: ['Chalmers', 'Windsor'],
    });
    const query = `{
      identifier @flatten { system @singleton value @singleton }
      name @flatten @first { text given family @singleton }
    }`;
    expect(await ofPeter(query)).toEqual({
      system: 'urn:oid:1.2.36.146.595.217.0.1',
      value: '12345',
      given: ['Peter', 'James'],
      family: 'Chalmers',
    });
  });

  it('slices by a path or by the index', async () => {
    expect(await ofPeter('{ name @flatten @slice(path: "use") { given family @singleton } }')).toEqual({
      'given.official': ['Peter', 'James'],
      'family.official': 'Chalmers',
      'given.usual': ['Jim'],
      'given.maiden': ['Peter', 'James'],
      'family.maiden': 'Windsor',
    });
    expect(await ofPeter('{ name @slice(path: "$index") @flatten { given family @singleton } }')).toEqual({
      'given.0': ['Peter', 'James'],
      'family.0': 'Chalmers',
      'given.1': ['Jim'],
      'given.2': ['Peter', 'James'],
      'family.2': 'Windsor',
    });
  });

  it('is an error where several values meet @singleton, or two types one name', async () => {
    const several = await graphql(world, '{ name @flatten { family @singleton } }', { on: 'Patient/peter' });
    expect(several.json.data).toEqual({ family: null });
    expect(several.json.errors[0].path).toEqual(['family']);
    const query = '{ active name @flatten { active: family } }';
    const mixed = await graphql(world, query, { on: 'Patient/peter' });
    expect(mixed.json.data).toEqual({ active: true });
    expect(mixed.json.errors[0].message).toContain('boolean and string');
  });
});
