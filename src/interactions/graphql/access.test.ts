/** What a principal may not see does not show in a query, by whatever way it is asked for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permitting } from '../../ports/access-filter.js';
import { openWorld, type World } from '../testing.js';
import { fillWard, graphql } from './testing.js';

const isAda = { op: 'id', ids: ['ada'] } as const;
const preliminary = { op: 'value', param: 'status', test: { kind: 'token', code: 'preliminary' } } as const;
const ofPeter = { op: 'id', ids: ['w1'] } as const;
const byType = { Patient: isAda, Observation: { op: 'or', of: [preliminary, ofPeter] } } as const;
const filter = { kind: 'restricted', byType } as const;

let world: World;
let narrow: World;

beforeAll(async () => {
  world = await openWorld();
  await fillWard(world);
  narrow = world.as({ principal: 'narrow', ...permitting(filter) });
});
afterAll(() => world.close());

describe('what may not be seen', () => {
  it('is null where it is asked for by its id, like what never was', async () => {
    const { json } = await graphql(narrow, '{ Patient(id: peter) { id } Practitioner(id: prue) { id } }');
    expect(json).toEqual({ data: { Patient: null, Practitioner: null } });
  });

  it('is not found by the operation on it', async () => {
    expect((await graphql(narrow, '{ id }', { on: 'Patient/peter' })).status).toBe(404);
    expect((await graphql(narrow, '{ id }', { on: 'Patient/ada' })).json).toEqual({ data: { id: 'ada' } });
  });

  it('is not resolved, and is told of as a reference that leads to nothing', async () => {
    const query = (id: string) => `{ Observation(id: ${id}) { subject { resource { id } } } }`;
    const hidden = await graphql(narrow, query('w1'));
    const lost = await graphql(narrow, query('lost'));
    expect(hidden.json.data).toEqual({ Observation: { subject: { resource: null } } });
    expect(hidden.json).toEqual(lost.json);
    const optional = '{ Observation(id: w1) { subject { resource(optional: true) { id } } } }';
    expect((await graphql(narrow, optional)).json).toEqual({
      data: { Observation: { subject: { resource: null } } },
    });
  });

  it('is in no list, connection or count', async () => {
    const query = `{
      PatientList { id }
      PractitionerList { id }
      found: PatientList(_id: peter) { id }
      ObservationConnection(_sort: _id) { count edges { resource { id } } }
    }`;
    const { data, errors } = (await graphql(narrow, query)).json;
    expect(data).toEqual({
      PatientList: [{ id: 'ada' }],
      PractitionerList: null,
      found: [],
      ObservationConnection: {
        count: 2,
        edges: [{ resource: { id: 'lost' } }, { resource: { id: 'w1' } }],
      },
    });
    // A type that is not granted at all is refused where it is asked for.
    expect(errors).toMatchObject([{ path: ['PractitionerList'] }]);
    expect(errors[0].message).toContain('a scope for Practitioner.s would be needed');
  });

  it('is in no reverse list', async () => {
    const query =
      '{ ObservationList(_reference: subject) { id } ObservationConnection(_reference: subject) { count } }';
    expect((await graphql(narrow, query, { on: 'Patient/ada' })).json).toEqual({
      data: { ObservationList: [], ObservationConnection: { count: 0 } },
    });
    const open = await graphql(world, '{ ObservationList(_reference: subject) { id } }', {
      on: 'Patient/ada',
    });
    expect(open.json).toEqual({ data: { ObservationList: [{ id: 'w3' }] } });
  });

  it('is not reached by the cursor of somebody who may', async () => {
    const { json } = await graphql(world, '{ PatientConnection(_count: 1) { next } }');
    const query = 'query ($at: String) { PatientConnection(_cursor: $at) { edges { resource { id } } } }';
    const taken = await graphql(narrow, query, { variables: { at: json.data.PatientConnection.next } });
    expect(taken.json.data).toEqual({ PatientConnection: null });
    expect(taken.json.errors).toHaveLength(1);
  });
});
