import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type World } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const person = (mrn: string) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:example:mrn', value: mrn }],
});

describe('delete', () => {
  it('is 204 with the version that it made', async () => {
    await world.ask('PUT Patient/d1', { body: { resourceType: 'Patient', id: 'd1' } });
    const answer = await world.ask('DELETE Patient/d1');
    expect([answer.status, answer.headers.etag, answer.text]).toEqual([204, 'W/"2"', '']);
    expect((await world.ask('GET Patient/d1')).status).toBe(410);
  });

  it('is 204 again, without another version, and 204 for what never was', async () => {
    expect((await world.ask('DELETE Patient/d1')).status).toBe(204);
    expect((await world.ask('GET Patient/d1')).headers.etag).toBe('W/"2"');
    expect((await world.ask('DELETE Patient/never')).status).toBe(204);
  });

  it('says what it did where Prefer asks for an OperationOutcome', async () => {
    await world.ask('PUT Patient/d2', { body: { resourceType: 'Patient', id: 'd2' } });
    const headers = { prefer: 'return=OperationOutcome' };
    const answer = await world.ask('DELETE Patient/d2', { headers });
    expect([answer.status, answer.json.resourceType]).toEqual([200, 'OperationOutcome']);
  });

  it('heeds If-Match', async () => {
    await world.ask('PUT Patient/d3', { body: { resourceType: 'Patient', id: 'd3' } });
    expect((await world.ask('DELETE Patient/d3', { headers: { 'if-match': 'W/"2"' } })).status).toBe(412);
    expect((await world.ask('DELETE Patient/d3', { headers: { 'if-match': 'W/"1"' } })).status).toBe(204);
    expect((await world.ask('DELETE Patient/d3', { headers: { 'if-match': 'W/"1"' } })).status).toBe(412);
  });
});

describe('conditional delete', () => {
  const remove = (mrn: string, where: World = world) =>
    where.ask(`DELETE Patient?identifier=urn:example:mrn%7C${mrn}`);

  it('deletes the one that matches', async () => {
    const { json } = await world.ask('POST Patient', { body: person('a') });
    expect((await remove('a')).status).toBe(204);
    expect((await world.ask(`GET Patient/${json.id}`)).status).toBe(410);
  });

  it('is 204 where nothing matches', async () => {
    expect((await remove('nobody')).status).toBe(204);
  });

  it('is 412 for several, and deletes none of them', async () => {
    const first = await world.ask('POST Patient', { body: person('b') });
    await world.ask('POST Patient', { body: person('b') });
    const answer = await remove('b');
    expect([answer.status, answer.json.issue[0].code]).toEqual([412, 'multiple-matches']);
    expect((await world.ask(`GET Patient/${first.json.id}`)).status).toBe(200);
  });

  it('deletes several where the setting allows so many, and not one more', async () => {
    const generous = await openWorld({ conditionalDeleteLimit: 3 });
    for (let count = 0; count < 3; count++) await generous.ask('POST Patient', { body: person('c') });
    expect((await remove('c', generous)).status).toBe(204);
    expect((await generous.ask('GET Patient?_summary=count')).json.total).toBe(0);
    for (let count = 0; count < 4; count++) await generous.ask('POST Patient', { body: person('c') });
    expect((await remove('c', generous)).status).toBe(412);
    await generous.close();
  });

  it('needs criteria that are understood', async () => {
    expect((await world.ask('DELETE Patient')).status).toBe(400);
    expect((await world.ask('DELETE Patient?nonsense=1')).status).toBe(400);
    expect((await world.ask('DELETE Patient?_format=json')).status).toBe(400);
  });
});
