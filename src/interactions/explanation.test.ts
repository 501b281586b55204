/** How a search is executed, told to who asks by `_explain` and may know. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permitting } from '../ports/access-filter.js';
import { openWorld, type World } from './testing.js';

/** More than are few: then another way is looked for. */
const MANY = 40;

interface Part {
  readonly name: string;
  readonly part?: readonly Part[];
  readonly valueString?: string;
  readonly valueBoolean?: boolean;
}

const named = (parts: readonly Part[] | undefined, name: string) =>
  (parts ?? []).filter((one) => one.name === name);
const first = (parts: readonly Part[] | undefined, name: string) => named(parts, name)[0];
const texts = (parts: readonly Part[] | undefined, name: string) =>
  named(parts, name).map(({ valueString }) => valueString);

describe('_explain=true', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
    for (const [id, gender] of [
      ['a', 'female'],
      ['b', 'male'],
      ['c', 'female'],
    ] as const) {
      const body = {
        resourceType: 'Patient',
        id,
        gender,
        active: true,
        name: [{ family: `Secret${id}` }],
        birthDate: '1970-01-01',
      };
      await world.ask(`PUT Patient/${id}`, { body });
    }
    const body = {
      resourceType: 'Observation',
      id: 'o',
      status: 'final',
      code: { text: 'x' },
      effectiveDateTime: '2024-01-01',
      subject: { reference: 'Patient/a' },
    };
    await world.ask('PUT Observation/o', { body });
    const entry = Array.from({ length: MANY }, () => ({
      resource: { resourceType: 'Patient', active: true },
      request: { method: 'POST', url: 'Patient' },
    }));
    await world.ask('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  });
  afterAll(() => world.close());

  const explained = async (query: string): Promise<readonly Part[]> => {
    const { status, json } = await world.ask(`GET ${query}&_explain=true`);
    expect([status, json.resourceType]).toEqual([200, 'Parameters']);
    expect(world.context.knowledge.validate(json)).toEqual([]);
    return json.parameter;
  };

  it('tells the query as text and as a tree', async () => {
    const parameters = await explained('Patient?gender=female&family:exact=Secreta,Other');
    const query = first(parameters, 'query')?.part;
    expect(texts(query, 'text')).toEqual([
      '(gender is female and (family is exactly Secreta or family is exactly Other))',
    ]);
    const tree = first(query, 'and')?.part;
    expect(tree?.map(({ name }) => name)).toEqual(['value', 'or']);
    expect(texts(first(tree, 'value')?.part, 'test')).toEqual(['is female']);
  });

  it('tells chains and the kinds of values', async () => {
    const query =
      'Observation?subject:Patient.birthdate=ge1970&_lastUpdated=gt2020-01-01&_has:Provenance:target:agent=Device/1';
    const [text] = texts(first(await explained(query), 'query')?.part, 'text');
    expect(text).toContain(
      'subject leads to Patient (birthdate ge 1970-01-01T00:00:00.000Z to 1970-12-31T23:59:59.999Z)',
    );
    expect(text).toContain('last updated gt 2020-01-01T00:00:00.000Z');
    expect(text).toContain('target of Provenance (agent refers to');
  });

  it('tells the index that is read, those it was chosen among, and what each row is tested for', async () => {
    const plan = first(await explained('Patient?active=true&_id=a'), 'plan')?.part;
    expect(texts(plan, 'index')).toEqual(['resource']);
    const candidates = named(plan, 'candidate').map(({ part }) => [
      texts(part, 'criterion')[0],
      texts(part, 'index')[0],
      texts(part, 'rows')[0],
    ]);
    expect(candidates).toEqual([
      ['active is true', 'key_index', String(MANY + 3)],
      ['id is a', 'resource', '1'],
    ]);
    expect(texts(plan, 'tested')).toEqual(['active is true']);
    expect(texts(plan, 'engine').join()).toMatch(/SEARCH .*resource/);
  });

  it('tells criteria of one kind apart', async () => {
    const plan = first(
      await explained('Patient?family:exact=Secreta&given:missing=true&gender=female'),
      'plan',
    )?.part;
    expect(texts(plan, 'index')).toEqual(['string_index']);
    expect(texts(plan, 'tested')).toEqual(['given is absent', 'gender is female']);
    const two = first(await explained('Patient?gender=female&active:missing=true&gender=male'), 'plan')?.part;
    expect(texts(two, 'tested')).toEqual(['active is absent', 'gender is male']);
  });

  it('tells where the search ran, how long it took, how much it found', async () => {
    const execution = first(await explained('Patient?gender=female&_sort=-birthdate'), 'execution');
    expect(execution?.part).toEqual([
      { name: 'place', valueString: 'main thread, within its limits' },
      { name: 'milliseconds', valueDecimal: expect.anything() },
      { name: 'matches', valueInteger: 2 },
    ]);
  });

  it('tells that rows come in order, or are sorted', async () => {
    const inOrder = async (query: string) =>
      first(first(await explained(query), 'plan')?.part, 'inOrder')?.valueBoolean;
    expect(await inOrder('Observation?_sort=-date')).toBe(true);
    expect(await inOrder('Patient?_sort=family')).toBe(false);
  });

  it('tells where nothing can match', async () => {
    const plan = first(await explained('Medication?code=x'), 'plan')?.part;
    expect(texts(plan, 'note')).toHaveLength(1);
  });

  it('explains the first types of many, and says how many it left out', async () => {
    const parameters = await explained('?_lastUpdated=gt2020-01-01');
    expect(named(parameters, 'plan')).toHaveLength(16);
    expect(first(parameters, 'typesLeftOut')).toMatchObject({ valueInteger: expect.any(Number) });
  });

  it('shows nothing of what is stored', async () => {
    const { text } = await world.ask('GET Patient?gender=female&_explain=true');
    expect(text).not.toMatch(/Secret|1970/);
  });

  it('works by POST, and is left aside as false', async () => {
    expect((await world.ask('POST Patient/_search?gender=male&_explain=true')).json.resourceType).toBe(
      'Parameters',
    );
    expect((await world.ask('GET Patient?gender=male&_explain=false')).json.total).toBe(1);
  });

  it.each([
    'GET Patient?_explain=maybe',
    'GET Patient?_explain:not=true',
    'GET Patient?_explain=true&_explain=false',
  ])('refuses %s', async (line) => {
    const answer = await world.ask(line);
    expect([answer.status, answer.json.resourceType]).toEqual([400, 'OperationOutcome']);
  });

  it('is refused where the operator does not allow it', async () => {
    const silent = await openWorld({ explain: false });
    const answer = await silent.ask('GET Patient?gender=male&_explain=true');
    expect([answer.status, answer.json.issue[0].code]).toEqual([400, 'invalid']);
    expect(answer.json.issue[0].details.text).toContain('FAIRWAY_SEARCH_EXPLAIN');
    await silent.close();
  });

  it('is refused to whoever may not see all', async () => {
    const filter = { kind: 'restricted', byType: { Patient: { op: 'everything' } } } as const;
    const narrow = world.as({ principal: 'narrow', ...permitting(filter) });
    const answer = await narrow.ask('GET Patient?gender=male&_explain=true');
    expect([answer.status, answer.json.issue[0].code]).toEqual([403, 'forbidden']);
  });
});
