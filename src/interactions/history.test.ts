import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, below, openWorld, type World } from './testing.js';

let world: World;

interface Entry {
  readonly fullUrl: string;
  readonly resource?: { readonly id: string; readonly meta: { readonly versionId: string } };
  readonly request: { readonly method: string; readonly url: string };
  readonly response: { readonly status: string; readonly etag: string; readonly lastModified: string };
}

const link = (json: { link: { relation: string; url: string }[] }, relation: string) =>
  json.link.find((each) => each.relation === relation)?.url;

/** One version a second: h is created at 0 s, updated at 1 s, deleted at 2 s, brought back at 3 s; o at 4 s. */
beforeAll(async () => {
  world = await openWorld();
  const put = (id: string, type = 'Patient') =>
    world.ask(`PUT ${type}/${id}`, { body: { resourceType: type, id } });
  for (const step of [
    () => put('h'),
    () => put('h'),
    () => world.ask('DELETE Patient/h'),
    () => put('h'),
    () => world.ask('POST Group', { body: { resourceType: 'Group', type: 'person', actual: true } }),
  ]) {
    await step();
    world.wait(1000);
  }
});
afterAll(() => world.close());

describe('history', () => {
  it('of an instance lists its versions, newest first, with what made them', async () => {
    const { status, json } = await world.ask('GET Patient/h/_history');
    expect([status, json.resourceType, json.type]).toEqual([200, 'Bundle', 'history']);
    const entries: Entry[] = json.entry;
    expect(entries.map(({ request }) => request.method)).toEqual(['PUT', 'DELETE', 'PUT', 'PUT']);
    expect(entries.map(({ response }) => response.etag)).toEqual(['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
    expect(entries.map(({ resource }) => resource?.meta.versionId)).toEqual(['4', undefined, '2', '1']);
    expect(entries.map(({ fullUrl }) => fullUrl)).toEqual(Array(4).fill(`${BASE}/Patient/h`));
    expect(entries[1]).toMatchObject({
      request: { method: 'DELETE', url: 'Patient/h' },
      response: { status: '204', lastModified: '2024-01-31T12:00:02.000Z' },
    });
  });

  it('of a type and of the system holds all of them; a create is a POST to the type', async () => {
    const ofType = await world.ask('GET Group/_history');
    expect(ofType.json.entry).toHaveLength(1);
    expect(ofType.json.entry[0]).toMatchObject({
      request: { method: 'POST', url: 'Group' },
      response: { status: '201' },
    });
    expect((await world.ask('GET _history')).json.entry).toHaveLength(5);
  });

  it('of what never existed is 404; of what was deleted it is there', async () => {
    expect((await world.ask('GET Patient/nobody/_history')).status).toBe(404);
    await world.ask('PUT Patient/d', { body: { resourceType: 'Patient', id: 'd' } });
    await world.ask('DELETE Patient/d');
    expect((await world.ask('GET Patient/d/_history')).json.entry).toHaveLength(2);
  });

  it('_since leaves out what is older, also all of it', async () => {
    const since = (time: string) => world.ask(`GET Patient/h/_history?_since=${encodeURIComponent(time)}`);
    expect((await since('2024-01-31T12:00:02Z')).json.entry).toHaveLength(2);
    const none = await since('2030-01-01T00:00:00Z');
    expect([none.status, none.json.entry]).toEqual([200, undefined]);
  });

  it('_at gives what was current then', async () => {
    const { json } = await world.ask('GET Patient/h/_history?_at=2024-01-31T12:00:01.500Z');
    expect(json.entry.map((entry: Entry) => entry.response.etag)).toEqual(['W/"2"']);
  });

  it('comes in pages that follow each other', async () => {
    const first = await world.ask('GET Patient/h/_history?_count=3');
    expect(first.json.entry).toHaveLength(3);
    expect(link(first.json, 'self')).toBe(`${BASE}/Patient/h/_history?_count=3`);
    const second = await world.ask(`GET ${below(link(first.json, 'next') ?? '')}`);
    expect(second.json.entry.map((entry: Entry) => entry.response.etag)).toEqual(['W/"1"']);
    expect(link(second.json, 'next')).toBeUndefined();
  });

  it('holds no more entries than the setting allows, and says so', async () => {
    const { json } = await world.ask('GET _history?_count=5000');
    expect(link(json, 'self')).toBe(`${BASE}/_history?_count=1000`);
    const none = await world.ask('GET Patient/h/_history?_count=0');
    expect([none.json.total, none.json.entry]).toEqual([4, undefined]);
  });

  it('refuses a cursor of another path', async () => {
    const next = link((await world.ask('GET _history?_count=1')).json, 'next') ?? '';
    const token = new URL(next).searchParams.get('_cursor');
    const answer = await world.ask(`GET Patient/h/_history?_cursor=${token}`);
    expect([answer.status, answer.json.issue[0].code]).toEqual([400, 'invalid']);
  });

  it('names every parameter that it does not understand', async () => {
    const answer = await world.ask('GET Patient/h/_history?_since=lately&_count=x&colour=red');
    expect(answer.status).toBe(400);
    expect(answer.json.issue).toHaveLength(3);
    expect(answer.text).not.toContain('lately');
  });

  it('leaves unknown parameters aside where handling is lenient', async () => {
    const headers = { prefer: 'handling=lenient' };
    const answer = await world.ask('GET Patient/h/_history?colour=red', { headers });
    expect(answer.status).toBe(200);
    expect(link(answer.json, 'self')).toBe(`${BASE}/Patient/h/_history`);
  });
});
