import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAccess } from '../../access/open.js';
import type { Predicate } from '../../fhir/search/query.js';
import { permitting } from '../../ports/access-filter.js';
import { BASE, below, openWorld, type World } from '../testing.js';

interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly [name: string]: unknown;
}

let world: World;

const to = (reference: string) => ({ reference });
const put = async (resource: Resource) => {
  const body = JSON.stringify(resource);
  const { status, text } = await world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body });
  expect([status, text.slice(0, 200)]).toEqual([status < 300 ? status : 201, text.slice(0, 200)]);
};
const observation = (id: string, others: object): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'pulse' },
  ...others,
});
const encounter = (id: string, patient: string, others: object = {}): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: to(patient),
  ...others,
});

/** Two patients of one clinic, who share an appointment and a group. */
const POPULATION: readonly Resource[] = [
  { resourceType: 'Organization', id: 'clinic', name: 'Clinic' },
  { resourceType: 'Practitioner', id: 'dora' },
  { resourceType: 'Binary', id: 'scan', contentType: 'text/plain', data: 'eA==' },
  {
    resourceType: 'Patient',
    id: 'ada',
    managingOrganization: to('Organization/clinic'),
    link: [{ other: to('Patient/bob'), type: 'seealso' }],
  },
  { resourceType: 'Patient', id: 'bob', generalPractitioner: [to('Practitioner/dora')] },
  encounter('visit', 'Patient/ada', {
    diagnosis: [{ condition: to('Condition/cold') }],
    period: { start: '2024-01-01', end: '2024-01-02' },
  }),
  encounter('other-visit', 'Patient/bob'),
  {
    resourceType: 'Condition',
    id: 'cold',
    subject: to('Patient/ada'),
    recorder: to('Practitioner/dora'),
    onsetDateTime: '2024-01-01',
  },
  observation('early', { subject: to('Patient/ada'), effectiveDateTime: '2020-05-05' }),
  observation('undated', { subject: to('Patient/ada') }),
  observation('in-visit', {
    subject: to('Patient/ada'),
    encounter: to('Encounter/visit'),
    effectiveDateTime: '2024-01-01T10:00:00Z',
    hasMember: [to('Observation/of-bob')],
  }),
  observation('of-bob', { subject: to('Patient/bob'), effectiveDateTime: '2024-01-03' }),
  {
    resourceType: 'DocumentReference',
    id: 'letter',
    status: 'current',
    subject: to('Patient/ada'),
    content: [{ attachment: { url: 'Binary/scan' } }],
  },
  {
    resourceType: 'Appointment',
    id: 'both',
    status: 'booked',
    participant: ['Patient/ada', 'Patient/bob'].map((actor) => ({ actor: to(actor), status: 'accepted' })),
  },
  {
    resourceType: 'Group',
    id: 'ward',
    type: 'person',
    actual: true,
    member: [
      { entity: to('Patient/bob') },
      { entity: to('Patient/ada') },
      { entity: to('Patient/former'), inactive: true },
    ],
  },
  { resourceType: 'Patient', id: 'former' },
];

const ADA = [
  'Patient/ada',
  'Appointment/both',
  'Condition/cold',
  'DocumentReference/letter',
  'Encounter/visit',
  'Group/ward',
  'Observation/early',
  'Observation/in-visit',
  'Observation/undated',
];
const BOB = [
  'Patient/bob',
  'Appointment/both',
  'Encounter/other-visit',
  'Group/ward',
  'Observation/of-bob',
  'Patient/ada',
];

interface Entry {
  readonly fullUrl: string;
  readonly resource: Resource;
  readonly search: { readonly mode: string };
}

const names = (json: { entry?: Entry[] }, mode = 'match') =>
  (json.entry ?? [])
    .filter(({ search }) => search.mode === mode)
    .map(({ resource }) => `${resource.resourceType}/${resource.id}`);

const nextOf = (json: { link: { relation: string; url: string }[] }) => {
  const url = json.link.find(({ relation }) => relation === 'next')?.url;
  return url === undefined ? undefined : below(url);
};

/** All pages of a sequence. */
const pagesOf = async (line: string, from: World = world) => {
  const pages: { readonly matches: string[]; readonly includes: string[] }[] = [];
  for (let next: string | undefined = line; next !== undefined; ) {
    const { status, json } = await from.ask(`GET ${next}`);
    expect([status, json.issue]).toEqual([200, undefined]);
    pages.push({ matches: names(json), includes: names(json, 'include') });
    next = nextOf(json);
  }
  return pages;
};
const matchesOf = async (line: string, from?: World) =>
  (await pagesOf(line, from)).flatMap(({ matches }) => matches);
const includesOf = async (line: string, from?: World) => [
  ...new Set((await pagesOf(line, from)).flatMap(({ includes }) => includes)),
];

beforeAll(async () => {
  world = await openWorld();
  for (const resource of POPULATION) await put(resource);
  await put({ resourceType: 'Patient', id: 'gone' });
  await world.ask('DELETE Patient/gone');
});
afterAll(() => world.close());

describe('$everything of a patient', () => {
  it('is a searchset: the patient first, the compartment, and what it refers to outside', async () => {
    const { status, json } = await world.ask('GET Patient/ada/$everything');

    expect([status, json.resourceType, json.type, nextOf(json)]).toEqual([
      200,
      'Bundle',
      'searchset',
      undefined,
    ]);
    expect(world.context.knowledge.validate(json)).toEqual([]);
    expect(names(json)[0]).toBe('Patient/ada');
    expect(names(json).sort()).toEqual([...ADA].sort());
    expect(names(json, 'include').sort()).toEqual([
      'Binary/scan',
      'Organization/clinic',
      'Practitioner/dora',
    ]);
    expect(json.entry[0].fullUrl).toBe(`${BASE}/Patient/ada`);
  });

  it.each([1, 2, 3])('has every resource once over pages of %d', async (count) => {
    const pages = await pagesOf(`Patient/ada/$everything?_count=${count}`);

    expect(pages.every(({ matches }) => matches.length <= count)).toBe(true);
    expect(pages.flatMap(({ matches }) => matches)[0]).toBe('Patient/ada');
    expect(pages.flatMap(({ matches }) => matches).sort()).toEqual([...ADA].sort());
  });

  it('is the same by POST, with links that GET follows', async () => {
    const parameter = [
      { name: '_count', valueInteger: 2 },
      { name: '_type', valueCode: 'Observation' },
    ];

    const { json } = await world.ask('POST Patient/ada/$everything', {
      body: { resourceType: 'Parameters', parameter },
    });

    expect(names(json)).toHaveLength(2);
    const rest = await matchesOf(nextOf(json) ?? '');
    expect([...names(json), ...rest].sort()).toEqual([
      'Observation/early',
      'Observation/in-visit',
      'Observation/undated',
    ]);
    expect((await world.ask('POST Patient/bob/$everything')).status).toBe(200);
  });

  it('holds the types that _type names, those outside of the compartment too', async () => {
    expect(await matchesOf('Patient/ada/$everything?_type=Encounter,Condition')).toEqual([
      'Condition/cold',
      'Encounter/visit',
    ]);
    const line = 'Patient/ada/$everything?_type=Encounter&_type=Practitioner&_count=2';
    expect([await matchesOf(line), await includesOf(line)]).toEqual([
      ['Encounter/visit'],
      ['Practitioner/dora'],
    ]);
  });

  it('keeps to the dates of care, and keeps what has none', async () => {
    const of = (query: string) =>
      matchesOf(`Patient/ada/$everything?_type=Patient,Observation,Encounter&${query}`);

    expect(await of('start=2024-01-01')).toEqual([
      'Patient/ada',
      'Encounter/visit',
      'Observation/in-visit',
      'Observation/undated',
    ]);
    expect(await of('end=2020')).toEqual(['Patient/ada', 'Observation/early', 'Observation/undated']);
    expect(await of('start=2021&end=2023')).toEqual(['Patient/ada', 'Observation/undated']);
    expect(await of('start=2024-01-02&end=2024-01-02')).toContain('Encounter/visit');
  });

  it('has what was stored since a time, and what that refers to', async () => {
    const own = await openWorld();
    await own.ask('PUT Organization/o', { body: { resourceType: 'Organization', id: 'o', name: 'O' } });
    await own.ask('PUT Patient/p', { body: { resourceType: 'Patient', id: 'p' } });
    own.wait(60_000);
    const coverage = { resourceType: 'Coverage', id: 'c', status: 'active' };
    const body = JSON.stringify({ ...coverage, beneficiary: to('Patient/p'), payor: [to('Organization/o')] });
    await own.ask('PUT Coverage/c', { body });

    const line = 'Patient/p/$everything?_since=2024-01-31T12:01:00Z';

    expect([await matchesOf(line, own), await includesOf(line, own)]).toEqual([
      ['Coverage/c'],
      ['Organization/o'],
    ]);
    expect(await matchesOf('Patient/p/$everything?_since=2024-01-31T12:01:00.001Z', own)).toEqual([]);
    await own.close();
  });

  it('reads as of its first page', async () => {
    const first = await world.ask('GET Patient/bob/$everything?_count=2');
    await put(observation('later', { subject: to('Patient/bob') }));

    const rest = await matchesOf(nextOf(first.json) ?? '');

    expect([...names(first.json), ...rest].sort()).toEqual([...BOB].sort());
    await world.ask('DELETE Observation/later');
  });

  it('says so where a page refers to more than can be included', async () => {
    const own = await openWorld();
    const ids = Array.from({ length: 1001 }, (_, index) => `p${index}`);
    const resources = [
      ...ids.map((id) => ({ resourceType: 'Practitioner', id })),
      { resourceType: 'Patient', id: 'many', generalPractitioner: ids.map((id) => to(`Practitioner/${id}`)) },
    ];
    const entry = resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    await own.ask('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });

    const { json } = await own.ask('GET Patient/many/$everything');

    expect([names(json), names(json, 'include').length]).toEqual([['Patient/many'], 1000]);
    expect(json.entry.at(-1).resource.issue[0].code).toBe('incomplete');
    await own.close();
  });

  it('is refused where there is no such patient', async () => {
    expect((await world.ask('GET Patient/nobody/$everything')).status).toBe(404);
    expect((await world.ask('GET Patient/gone/$everything')).status).toBe(410);
  });
});

describe('$everything of others', () => {
  it('of an encounter has its compartment, its patient and what it refers to of the same record', async () => {
    const { json } = await world.ask('GET Encounter/visit/$everything');

    expect(names(json)).toEqual(['Encounter/visit', 'Observation/in-visit']);
    expect(names(json, 'include').sort()).toEqual(['Condition/cold', 'Patient/ada']);
  });

  it('of a practitioner has what they did', async () => {
    const line = 'Practitioner/dora/$everything';
    expect(await matchesOf(line)).toEqual(['Practitioner/dora', 'Patient/bob']);
  });

  it.each([1, 2, 100])(
    'of a group has the group and what its members have, once over pages of %d',
    async (count) => {
      const found = await matchesOf(`Group/ward/$everything?_count=${count}`);

      expect(found[0]).toBe('Group/ward');
      expect(found.sort()).toEqual([...new Set([...ADA, ...BOB])].sort());
    },
  );

  it.each([1, 2, 100])('of all patients has every record once over pages of %d', async (count) => {
    const found = await matchesOf(`Patient/$everything?_count=${count}`);

    expect(found.sort()).toEqual([...new Set([...ADA, ...BOB, 'Patient/former'])].sort());
  });

  it('of all encounters has each with its patient', async () => {
    const line = 'Encounter/$everything?_count=1';

    expect((await matchesOf(line)).sort()).toEqual([
      'Encounter/other-visit',
      'Encounter/visit',
      'Observation/in-visit',
    ]);
    expect((await includesOf(line)).sort()).toEqual(['Condition/cold', 'Patient/ada', 'Patient/bob']);
  });

  it('is there for four types alone', async () => {
    const { status, json } = await world.ask('GET Observation/early/$everything');
    expect([status, json.issue[0].code]).toEqual([404, 'not-supported']);
    expect(json.issue[0].details.text).toContain('Patient at the level of type or instance');
    expect((await world.ask('GET Group/$everything')).status).toBe(404);
    expect((await world.ask('DELETE Patient/ada/$everything')).status).toBe(405);
  });
});

describe('$everything with restricted access', () => {
  const everything: Predicate = { op: 'everything' };
  const ofAda: Predicate = { op: 'compartment', name: 'Patient', id: 'ada' };
  const narrow = (byType: Readonly<Record<string, Predicate>>) => {
    const filter = { kind: 'restricted', byType } as const;
    return world.as({ principal: 'narrow', ...permitting(filter) });
  };

  it('has nothing that may not be seen, neither as match nor included', async () => {
    const access = narrow({ Patient: ofAda, Observation: { op: 'id', ids: ['early'] }, Condition: ofAda });

    expect(await matchesOf('Patient/ada/$everything', access)).toEqual([
      'Patient/ada',
      'Condition/cold',
      'Observation/early',
    ]);
    expect(await includesOf('Patient/ada/$everything', access)).toEqual([]);
    expect((await access.ask('GET Patient/bob/$everything')).status).toBe(404);
  });

  it('of all patients is that of the patients who may be seen', async () => {
    const access = narrow({ Patient: ofAda, Appointment: everything, Observation: everything });

    expect((await matchesOf('Patient/$everything?_count=2', access)).sort()).toEqual([
      'Appointment/both',
      'Observation/early',
      'Observation/in-visit',
      'Observation/undated',
      'Patient/ada',
    ]);
  });

  it('of an encounter leaves its patient out where that one is hidden', async () => {
    const access = narrow({ Encounter: everything, Condition: { op: 'nothing' } });

    expect(await includesOf('Encounter/visit/$everything', access)).toEqual([]);
  });

  it('keeps its cursors to whom they were given', async () => {
    const { json } = await world.ask('GET Patient/ada/$everything?_count=2');
    const other = world.as({ ...openAccess('test'), principal: 'another' });

    expect((await other.ask(`GET ${nextOf(json)}`)).status).toBe(400);
    expect((await world.ask(`GET ${nextOf(json)?.replace('Patient/ada', 'Patient/bob')}`)).status).toBe(400);
  });
});

describe('parameters of $everything', () => {
  it.each([
    ['_type=Patiant', 'invalid', /_type .*did you mean Patient/],
    ['_type=', 'invalid', /_type has no value/],
    ['_count=0', 'invalid', /_count must be/],
    ['_count=ten', 'invalid', /_count must be/],
    ['_count=2&_count=3', 'invalid', /more than once/],
    ['_since=yesterday', 'invalid', /_since is no instant/],
    ['start=2024-13', 'invalid', /start is no date/],
    ['start=2024&end=2023', 'invalid', /start lies after end/],
    [
      'status=final',
      'not-supported',
      /status is none of \$everything, which takes start, end, _since, _type/,
    ],
    ['_cursor=x', 'invalid', /cursor/],
  ])('refuse %s', async (query, code, text) => {
    const { status, json } = await world.ask(`GET Patient/ada/$everything?${query}`);

    expect([status, json.issue[0].code]).toEqual([400, code]);
    expect(json.issue[0].details.text).toMatch(text);
  });

  it('are told of all at once, and where they stand in a body', async () => {
    const parameter = [
      { name: '_count', valueInteger: 0 },
      { name: 'colour', valueString: 'red' },
      { name: '_type', valueCoding: { code: 'Patient' } },
    ];

    const { status, json } = await world.ask('POST Patient/ada/$everything', {
      body: { resourceType: 'Parameters', parameter },
    });

    expect(status).toBe(400);
    expect(json.issue.map((one: { expression: string[] }) => one.expression[0])).toEqual([
      'Parameters.parameter[0]',
      'Parameters.parameter[1]',
      'Parameters.parameter[2]',
    ]);
  });

  it('are no other than R4 has for encounters, and come as a Parameters resource', async () => {
    expect((await world.ask('GET Encounter/visit/$everything?start=2024')).status).toBe(400);
    const body = { resourceType: 'Patient', id: 'ada' };
    expect((await world.ask('POST Patient/ada/$everything', { body })).status).toBe(400);
  });
});
