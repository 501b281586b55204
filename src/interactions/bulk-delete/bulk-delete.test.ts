/** Bulk deletes: what goes, what stays, what is counted, and who may. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccessDecision, permitting } from '../../ports/access-filter.js';
import { ASYNC, begin, complete, observation, put } from '../export/exporting/testing.js';
import { below, openWorld, type World } from '../testing.js';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

interface Deleted {
  readonly matched: number;
  readonly deleted: number;
  readonly refused: number;
  readonly dryRun: boolean;
  readonly request: string;
  readonly output: readonly object[];
  readonly error: readonly { readonly url: string; readonly count: number }[];
}

async function deleted(line: string, between: () => Promise<void> = async () => undefined, by = world) {
  const status = await begin(by, line);
  await between();
  const answer = await complete(by, status);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as Deleted;
}

const total = async (query: string) => Number((await world.ask(`GET ${query}&_summary=count`)).json.total);

describe('a bulk delete', () => {
  beforeEach(async () => {
    await put(world, 'Patient', 'a', { gender: 'female' });
    await put(world, 'Patient', 'b', { gender: 'male' });
    for (const id of ['1', '2', '3']) await put(world, 'Observation', id, observation('a', id));
    await put(world, 'Observation', '4', observation('b', '1'));
  });

  it('deletes what a search on a type finds, and says how much', async () => {
    const result = await deleted('POST Observation/$bulk-delete?subject=Patient/a');

    expect(result).toMatchObject({
      request: 'http://fairway.test/fhir/Observation/$bulk-delete?subject=Patient/a',
      dryRun: false,
      matched: 3,
      deleted: 3,
      refused: 0,
      output: [{ type: 'Observation', matched: 3, deleted: 3, refused: 0 }],
      error: [],
    });
    expect(await total('Observation?status=final')).toBe(1);
    expect((await world.ask('GET Observation/1')).status).toBe(410);
    expect((await world.ask('GET Patient/a')).status).toBe(200);
  });

  it('deletes of several types what has the criteria, of all where none is named', async () => {
    const some = await deleted('POST $bulk-delete?_type=Patient,Observation&_id=a,1,b');
    const rest = await deleted('POST $bulk-delete?_lastUpdated=gt2000');

    expect(some.output).toEqual([
      { type: 'Observation', matched: 1, deleted: 1, refused: 0 },
      { type: 'Patient', matched: 2, deleted: 2, refused: 0 },
    ]);
    expect(rest.output).toEqual([{ type: 'Observation', matched: 3, deleted: 3, refused: 0 }]);
  });

  it('deletes everything of a type where that is said', async () => {
    expect(await deleted('POST Observation/$bulk-delete?_all=true')).toMatchObject({ deleted: 4 });
    expect(await total('Patient?gender=male')).toBe(1);
  });

  it('as a dry run counts, and changes nothing', async () => {
    const result = await deleted('POST Observation/$bulk-delete?code=1&_dryRun=true');

    expect(result).toMatchObject({ dryRun: true, matched: 2, deleted: 0, refused: 0 });
    expect(await total('Observation?status=final')).toBe(4);
  });

  it('leaves what was written or changed after the kick-off', async () => {
    const result = await deleted('POST Observation/$bulk-delete?status=final', async () => {
      await put(world, 'Observation', '5', observation('a'));
      await put(world, 'Observation', '2', observation('a', 'changed'));
      await world.ask('DELETE Observation/3');
    });

    expect(result).toMatchObject({ matched: 4, deleted: 2, refused: 1 });
    expect((await world.ask('GET Observation/5')).status).toBe(200);
    expect((await world.ask('GET Observation/2')).json.code.coding[0].code).toBe('changed');
    const errors = await world.ask(`GET ${below(result.error[0]?.url ?? '')}`);
    expect(errors.json.issue[0]).toMatchObject({ code: 'conflict', diagnostics: 'Observation/2' });
  });

  it('deletes large numbers in parts', async () => {
    const entry = Array.from({ length: 1300 }, (_, at) => ({
      resource: { resourceType: 'Basic', id: `x${at}`, code: { text: 'x' } },
      request: { method: 'PUT', url: `Basic/x${at}` },
    }));
    const body = Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }));
    expect((await world.ask('POST ', { body })).status).toBe(200);
    const status = await begin(world, 'POST Basic/$bulk-delete?_all=true');
    await world.runJobs({ partSize: 400 });

    const answer = await complete(world, status);

    expect(answer.json.deleted).toBe(1300);
    expect((await world.context.backend.counts()).get('Basic') ?? 0).toBe(0);
  });
});

describe('a bulk delete is refused', () => {
  it.each([
    ['Patient/$bulk-delete', /needs search criteria/],
    ['$bulk-delete?_type=Patient', /needs search criteria/],
    ['Patient/$bulk-delete?_dryRun=true', /needs search criteria/],
    ['Patient/$bulk-delete?_all=false', /needs search criteria/],
    ['Patient/$bulk-delete?_all=true&gender=male', /do not go together/],
    ['Patient/$bulk-delete?_all=yes', /_all must be true or false/],
    ['Patient/$bulk-delete?gender=', /gender has no value/],
    ['Patient/$bulk-delete?colour=blue', /colour/],
    ['Patient/$bulk-delete?gender=male&_sort=name', /_sort/],
    ['Patient/$bulk-delete?gender=male&_type=Patient', /_type/],
    ['$bulk-delete?_type=Dragon&_id=1', /_type names a type that does not exist/],
    ['$bulk-delete?_type=Patient,Observation&gender=male', /gender/],
  ])('as %s', async (line, text) => {
    const answer = await world.ask(`POST ${line}`, { headers: ASYNC });

    expect(answer.status, answer.text).toBe(400);
    expect(answer.text).toMatch(text);
  });

  it('by GET, on an instance, with a body, or to be waited for', async () => {
    const body = Buffer.from('{"resourceType":"Parameters"}');
    const line = 'Patient/$bulk-delete?_all=true';

    expect((await world.ask(`GET ${line}`, { headers: ASYNC })).status).toBe(405);
    expect((await world.ask('POST Patient/a/$bulk-delete', { headers: ASYNC })).status).toBe(404);
    expect((await world.ask(`POST ${line}`, { headers: ASYNC, body })).text).toContain('takes no body');
    expect((await world.ask(`POST ${line}`)).text).toContain('Prefer: respond-async');
  });
});

describe('who may not delete all', () => {
  const everything = { kind: 'restricted', byType: { Patient: { op: 'everything' } } } as const;
  const nothing = { kind: 'restricted', byType: {} } as const;

  it('begins no delete of what may only be read', async () => {
    const reader = world.as({ principal: 'reader', ...permitting(everything), delete: nothing });

    const named = await reader.ask('POST Patient/$bulk-delete?_all=true', { headers: ASYNC });
    const all = await reader.ask('POST $bulk-delete?_all=true', { headers: ASYNC });

    expect([named.status, all.status]).toEqual([403, 403]);
  });

  it('deletes what may be deleted, and is told what stays', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `p${at}`);
    for (const id of ids) await put(world, 'Patient', id);
    const mine = ids.filter((_id, at) => at % 4 !== 0);
    const some = { kind: 'restricted', byType: { Patient: { op: 'id', ids: mine } } } as const;
    const access: AccessDecision = { principal: 'some', ...permitting(everything), delete: some };

    const result = await deleted('POST Patient/$bulk-delete?_all=true', undefined, world.as(access));

    expect(result).toMatchObject({ matched: 40, deleted: 30, refused: 10 });
    expect(result.error).toEqual([expect.objectContaining({ type: 'OperationOutcome', count: 10 })]);
    expect(await total('Patient?_lastUpdated=gt2000')).toBe(10);
  });

  it('deletes nothing that may not be seen', async () => {
    await put(world, 'Patient', 'seen');
    await put(world, 'Patient', 'hidden');
    const seen = { kind: 'restricted', byType: { Patient: { op: 'id', ids: ['seen'] } } } as const;
    const access: AccessDecision = { principal: 'some', ...permitting(everything), search: seen };

    const result = await deleted('POST Patient/$bulk-delete?_all=true', undefined, world.as(access));

    expect(result).toMatchObject({ matched: 1, deleted: 1 });
    expect((await world.ask('GET Patient/hidden')).status).toBe(200);
  });
});

describe('the audit log', () => {
  it('tells of each write of a job as its asker’s, and of what was refused', async () => {
    const audited = await openWorld({}, { audited: true });
    const all = permitting({ kind: 'unrestricted', reason: 'test' });
    const keep = { kind: 'restricted', byType: { Patient: { op: 'id', ids: ['a'] } } } as const;
    const asker = audited.as({ principal: 'asker', agent: { client: 'nightly' }, ...all, delete: keep });
    const body = Buffer.from('{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}\n');
    const status = await begin(asker, 'POST $import', {
      body,
      headers: { 'content-type': 'application/fhir+ndjson' },
    });
    await complete(asker, status);
    await complete(asker, await begin(asker, 'POST Patient/$bulk-delete?_all=true'));

    const batches = await audited.audit.read(0, 1_000);
    const told = batches
      .flatMap(({ records }) => records)
      .map(({ interaction, type, id, outcome, client, network }) =>
        [interaction, type, id, outcome, client, network].filter((one) => one !== undefined).join(' '),
      );
    await audited.close();

    expect(told).toEqual(
      expect.arrayContaining([
        '$import success nightly 192.0.2.7',
        'update Patient a success nightly 192.0.2.7',
        'update Patient b success nightly 192.0.2.7',
        '$bulk-delete Patient success nightly 192.0.2.7',
        'delete Patient a success nightly 192.0.2.7',
        'delete Patient b refused nightly 192.0.2.7',
      ]),
    );
  });
});
