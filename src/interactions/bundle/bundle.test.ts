import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../testing.js';
import { bundle, entry, issues, locationOf, MRN, observation, patient, send, statuses } from './testing.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const total = async (query: string) => Number((await world.ask(`GET ${query}&_summary=count`)).json.total);

describe('what is sent to the base', () => {
  it.each([
    ['a resource that is no bundle', patient('x'), 400],
    ['a bundle of another type', bundle('collection', []), 422],
    ['a bundle without type', { resourceType: 'Bundle' }, 400],
    ['a bundle with a wrong element', { resourceType: 'Bundle', type: 'batch', entries: [] }, 400],
    ['a bundle whose entries are no list', { resourceType: 'Bundle', type: 'batch', entry: { a: 1 } }, 400],
    ['no JSON', Buffer.from('{'), 400],
  ])('is refused if it is %s', async (_what, body, status) => {
    const answer = await world.ask('POST ', { body });

    expect(answer.status).toBe(status);
    expect(answer.json.resourceType).toBe('OperationOutcome');
  });
});

describe('batch', () => {
  it('carries out each entry by itself and answers in order', async () => {
    const answer = await send(world, 'batch', [
      entry('PUT Patient/b1', { resource: patient('b1', { id: 'b1' }) }),
      entry('POST Patient', { resource: patient('b2', { gendre: 'x' }) }),
      entry('GET Patient/nobody'),
      entry('GET Patent'),
      entry('POST Patient', { resource: patient('b3') }),
      { resource: patient('b4') },
      entry('POST ', { resource: bundle('batch', []) }),
      entry('DELETE Patient/nobody'),
    ]);

    expect(answer.status).toBe(200);
    expect(answer.json.type).toBe('batch-response');
    expect(statuses(answer)).toEqual([
      '201 Created',
      '400 Bad Request',
      '404 Not Found',
      '404 Not Found',
      '201 Created',
      '400 Bad Request',
      '400 Bad Request',
      '204 No Content',
    ]);
    expect(answer.json.entry[1].response.outcome.issue[0].expression).toEqual([
      'Bundle.entry[1].resource.gendre',
    ]);
    expect((await world.ask('GET Patient/b1')).status).toBe(200);
    expect(await total(`Patient?identifier=${MRN}|b3`)).toBe(1);
  });

  it('says when a resource that is read was stored as exactly as its meta does', async () => {
    world.wait(246);
    await world.ask('PUT Patient/bl', { body: patient('bl', { id: 'bl' }) });

    const answer = await send(world, 'batch', [entry('GET Patient/bl')]);

    const [{ resource, response }] = answer.json.entry;
    expect(response.lastModified).toMatch(/\.246Z$/);
    expect(response.lastModified).toBe(resource.meta.lastUpdated);
  });

  it('names the entry that is wrong, in words too', async () => {
    const answer = await send(world, 'batch', [entry('GET Patient'), entry('FETCH Patient')]);

    const [issue] = answer.json.entry[1].response.outcome.issue;
    expect(issue.expression).toEqual(['Bundle.entry[1].request.method']);
    expect(issue.details.text).toContain('Bundle.entry[1].request.method');
  });

  it('answers reads and searches with their resources, by relative and absolute urls', async () => {
    await world.ask('PUT Patient/br', { body: patient('br', { id: 'br' }) });

    const answer = await send(world, 'batch', [
      entry('GET Patient/br'),
      entry(`GET Patient?identifier=${MRN}|br`),
      entry(`GET ${world.context.baseUrl}/Patient/br`),
      entry('GET http://elsewhere.org/fhir/Patient/br'),
      entry('GET Patient/br', { ifNoneMatch: 'W/"1"' }),
    ]);

    expect(statuses(answer)).toEqual(['200 OK', '200 OK', '200 OK', '400 Bad Request', '304 Not Modified']);
    expect(answer.json.entry[0].resource.id).toBe('br');
    expect(answer.json.entry[0].response.etag).toBe('W/"1"');
    expect(answer.json.entry[0].response.lastModified).toBe(answer.json.entry[0].resource.meta.lastUpdated);
    expect(answer.json.entry[1].resource.total ?? answer.json.entry[1].resource.entry.length).toBe(1);
  });

  it('makes one resource of many conditional creates with the same criteria', async () => {
    const same = entry('POST Patient', { resource: patient('many'), ifNoneExist: `identifier=${MRN}|many` });

    const answer = await send(
      world,
      'batch',
      Array.from({ length: 40 }, () => same),
    );

    expect(statuses(answer).filter((status) => status === '201 Created')).toHaveLength(1);
    expect(
      new Set(answer.json.entry.map((_each: unknown, index: number) => locationOf(answer, index))).size,
    ).toBe(1);
  });

  it('does not resolve references between entries', async () => {
    const fullUrl = 'urn:uuid:0b1a2c3d-0000-4000-8000-000000000001';

    const answer = await send(
      world,
      'batch',
      [
        entry('POST Patient', { fullUrl, resource: patient('bu') }),
        entry('POST Observation', { resource: observation(fullUrl) }),
      ],
      { prefer: 'return=representation' },
    );

    expect(answer.json.entry[1].resource.subject.reference).toBe(fullUrl);
  });
});

describe('a transaction of 25,000 entries', () => {
  it('goes in as a whole, and leaves room for others while it does', { timeout: 120_000 }, async () => {
    const size = 25_000;
    const name = (index: number) => `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const entries = Array.from({ length: size }, (_, index) =>
      index % 10 === 0
        ? entry('POST Patient', { fullUrl: name(index), resource: patient(`big-${index}`) })
        : entry('POST Observation', { resource: observation(name(index - (index % 10))) }),
    );
    await world.ask('PUT Patient/other', { body: patient('other', { id: 'other' }) });
    let open = true;
    const sending = send(world, 'transaction', entries).finally(() => {
      open = false;
    });

    let answered = 0;
    while (open) {
      expect((await world.ask('GET Patient/other')).status).toBe(200);
      answered++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answer = await sending;

    expect(answer.status).toBe(200);
    expect(answer.json.entry).toHaveLength(size);
    expect(new Set(statuses(answer))).toEqual(new Set(['201 Created']));
    expect(await total(`Observation?subject=${locationOf(answer, 24_990)}`)).toBe(9);
    expect(answered).toBeGreaterThan(100);
  });

  it('is refused with a bounded list where all of it is wrong', async () => {
    const entries = Array.from({ length: 1000 }, () =>
      entry('POST Patient', { resource: { resourceType: 'Patient', nom: 'x' } }),
    );

    const answer = await send(world, 'transaction', entries);

    expect(answer.status).toBe(400);
    expect(issues(answer).length).toBeLessThanOrEqual(501);
    expect(answer.json.issue.at(-1).details.text).toContain('500 issues are left out');
  });
});
