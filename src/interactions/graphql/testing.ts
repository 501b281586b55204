/** A small ward for tests of `$graphql`, and the ways to ask. */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import type { Answer, World } from '../testing.js';

const JSON_TYPE = { 'content-type': 'application/json' };

const PETER = {
  resourceType: 'Patient',
  id: 'peter',
  active: true,
  gender: 'male',
  birthDate: '1974-12-25',
  _birthDate: { extension: [{ url: 'http://example.org/born-at', valueDateTime: '1974-12-25T14:35:45Z' }] },
  identifier: [{ system: 'urn:oid:1.2.36.146.595.217.0.1', value: '12345' }],
  name: [
    { use: 'official', family: 'Chalmers', given: ['Peter', 'James'] },
    { use: 'usual', given: ['Jim'] },
    { use: 'maiden', family: 'Windsor', given: ['Peter', 'James'] },
  ],
  contact: [{ gender: 'female', name: { family: 'du Marché' } }],
  generalPractitioner: [{ reference: '#gp' }, { reference: 'Practitioner/prue' }],
  contained: [{ resourceType: 'Practitioner', id: 'gp', name: [{ family: 'Careful' }] }],
};

function weight(id: string, patient: string, value: JsonValue, date: string): JsonObject {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }], text: 'Body, weight' },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: date,
    valueQuantity: { value, unit: 'kg' },
  };
}

const RESOURCES: readonly JsonObject[] = [
  PETER,
  {
    resourceType: 'Patient',
    id: 'ada',
    gender: 'female',
    birthDate: '1980-01-01',
    name: [{ family: 'Comma, A' }],
  },
  { resourceType: 'Practitioner', id: 'prue', name: [{ family: 'Prudent' }] },
  weight('w2', 'peter', 72, '2024-01-02'),
  weight('w3', 'ada', 60, '2024-01-03'),
  {
    resourceType: 'Condition',
    id: 'c1',
    subject: { reference: 'Patient/peter' },
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
  },
  {
    resourceType: 'Observation',
    id: 'lost',
    status: 'preliminary',
    code: { text: 'lost' },
    subject: { reference: 'Patient/nobody' },
  },
];

/** One weight has a value whose zeros have to survive. */
export async function fillWard(world: World): Promise<void> {
  const exact = JSON.stringify(weight('w1', 'peter', 0, '2024-01-01')).replace('"value":0', '"value":70.50');
  for (const resource of RESOURCES) await store(world, resource);
  await world.ask('PUT Observation/w1', { body: exact });
}

async function store(world: World, resource: JsonObject): Promise<void> {
  const { status, text } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: resource });
  if (status !== 201) throw new Error(text);
}

export interface Asking {
  readonly on?: string;
  readonly variables?: JsonObject;
  readonly operationName?: string;
}

export function graphql(world: World, query: string, asking: Asking = {}): Promise<Answer> {
  const { on, ...rest } = asking;
  const path = on === undefined ? '$graphql' : `${on}/$graphql`;
  return world.ask(`POST ${path}`, { headers: JSON_TYPE, body: { query, ...rest } });
}
