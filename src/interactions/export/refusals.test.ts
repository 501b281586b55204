/** What an export refuses, and why; how many there may be; statuses from the first look to the end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccessDecision } from '../../ports/access-filter.js';
import { permitting } from '../../ports/access-filter.js';
import { below, openWorld, type World } from '../testing.js';
import { ASYNC, begin, collected, complete, put } from './exporting/testing.js';

let world: World;

beforeEach(async () => {
  world = await openWorld();
  await put(world, 'Patient', 'a');
});
afterEach(() => world.close());

describe('a kick-off', () => {
  it.each([
    ['without Prefer', { accept: 'application/fhir+json' }, /Prefer: respond-async/],
    ['that would wait', { accept: 'application/fhir+json', prefer: 'return=minimal' }, /respond-async/],
    ['without Accept', { prefer: 'respond-async' }, /Accept: application\/fhir\+json/],
  ])('%s is refused', async (_what, headers, text) => {
    const answer = await world.ask('GET $export', { headers });

    expect(answer.status).toBe(400);
    expect(answer.json.issue[0].details.text).toMatch(text);
  });

  it('that takes no JSON is refused', async () => {
    const headers = { ...ASYNC, accept: 'application/fhir+ndjson' };

    expect((await world.ask('GET $export', { headers })).status).toBe(406);
  });

  it.each([
    ['$export?_outputFormat=text/csv', /_outputFormat must be application\/fhir\+ndjson/],
    ['$export?_since=yesterday', /_since is no instant/],
    ['$export?_since=2999-01-01T00:00:00Z', /_since lies in the future/],
    ['$export?_since=2020-01-01T00:00:00Z&_until=2020-01-01T00:00:00Z', /_since is not before _until/],
    ['$export?_type=Dragon', /_type names a type that does not exist/],
    ['$export?_type=Patient,Dragon', /_type names a type that does not exist/],
    ['$export?_type=', /_type has no value/],
    ['$export?_elements=1x', /_elements takes names of elements/],
    ['$export?patient=Patient/a', /patient is for exports of Patient and Group/],
    ['$export?organizeOutputBy=Patient', /organizeOutputBy is for exports of Patient and Group/],
    ['$export?includeAssociatedData=Everything', /includeAssociatedData takes LatestProvenanceResources/],
    ['$export?allowPartialManifests=perhaps', /allowPartialManifests must be true or false/],
    ['$export?_typeFilter=Dragon?a=b', /_typeFilter is a search on a type/],
    ['$export?_typeFilter=Patient?colour=blue', /colour/],
    ['$export?_typeFilter=Patient?_sort=name', /_sort/],
    [
      '$export?_type=Patient&_typeFilter=Observation?code=a',
      /is about Observation, which _type does not name/,
    ],
    ['$export?_typeFilter=Observation?code:in=http://example.org/none', /none/],
    ['$export?colour=blue', /colour is none of \$export/],
    ['Patient/$export?organizeOutputBy=Encounter', /organizeOutputBy can be Patient/],
    ['Patient/$export?patient=Observation/1', /patient takes references to patients/],
    ['Patient/$export?_type=Medication', /Medication, which belongs to no patient/],
    [
      'Patient/$export?organizeOutputBy=Patient&_since=2020-01-01T00:00:00Z',
      /organizeOutputBy and _since do not go together/,
    ],
  ])('%s is refused', async (line, text) => {
    const answer = await world.ask(`GET ${line}`, { headers: ASYNC });

    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(answer.json.issue[0].details.text).toMatch(text);
  });

  it('is told all of its problems at once', async () => {
    const answer = await world.ask('GET $export?colour=blue&_since=x&_typeFilter=y&_outputFormat=z', {
      headers: { accept: 'application/fhir+json' },
    });

    expect(answer.json.issue).toHaveLength(4);
  });

  it('may be lenient: then it goes on without what is not known', async () => {
    const headers = { accept: 'application/fhir+json', prefer: 'handling=lenient' };
    const line = 'GET Patient/$export?colour=blue&_type=Patient,Medication&_typeFilter=Observation?code=a';

    expect((await world.ask(line, { headers })).status).toBe(202);
  });

  it('is for GET and POST, of the system, of Patient and of a Group', async () => {
    expect((await world.ask('PUT $export', { headers: ASYNC })).status).toBe(405);
    expect((await world.ask('GET Patient/a/$export', { headers: ASYNC })).status).toBe(404);
    expect((await world.ask('GET Observation/$export', { headers: ASYNC })).status).toBe(404);
    expect((await world.ask('GET Group/none/$export', { headers: ASYNC })).status).toBe(404);
  });

  it('takes Parameters in its body and nothing else', async () => {
    const body = Buffer.from('{"resourceType":"Patient"}');

    expect((await world.ask('POST $export', { headers: ASYNC, body })).status).toBe(400);
    expect((await world.ask('POST $export', { headers: ASYNC, body: Buffer.from('{') })).status).toBe(400);
  });

  it('is no entry of a batch, and neither is what comes of it', async () => {
    const urls = ['$export', 'Patient/$export', '_jobs/x', '_jobs/x/y.ndjson'];
    const entry = urls.map((url) => ({ request: { method: 'GET', url } }));
    const body = Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }));

    const answer = await world.ask('POST ', { headers: { ...ASYNC, prefer: 'handling=lenient' }, body });

    const statuses = answer.json.entry.map((one: { response: { status: string } }) => one.response.status);
    expect(statuses.map((status: string) => status.slice(0, 3))).toEqual(['400', '400', '400', '400']);
  });

  it('waits where its client has so many exports running', async () => {
    const modest = world.with({ jobsPerClient: 2 });
    const first = await begin(modest, 'GET $export');
    await begin(modest, 'GET $export');

    const refused = await modest.ask('GET $export', { headers: ASYNC });
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    expect(refused.json).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] });

    const other = modest.as(somebody('another'));
    await begin(other, 'GET $export');
    await modest.ask(`DELETE ${first}`);
    await begin(modest, 'GET $export');
  });
});

function somebody(principal: string): AccessDecision {
  return { principal, ...permitting({ kind: 'unrestricted', reason: 'test' }) };
}

describe('a status', () => {
  it('is 202 at the first look, with the progress, whether the work is done or not', async () => {
    const status = await begin(world, 'GET $export');
    await world.runJobs();

    const first = await world.ask(`GET ${status}`);

    expect(first.status).toBe(202);
    expect(first.headers['x-progress']?.length).toBeLessThan(100);
    expect(first.headers['retry-after']).toMatch(/^\d+$/);
    expect(first.text).toBe('');
    const second = await world.ask(`GET ${status}`);
    expect(second.status).toBe(200);
    expect(second.headers['content-type']).toBe('application/json');
    expect(Date.parse(second.headers.expires ?? '')).toBeGreaterThan(world.context.clock.now());
  });

  it('says how far the work is', async () => {
    for (let index = 0; index < 20; index++) await put(world, 'Basic', `x${index}`, { code: { text: 'x' } });
    const status = await begin(world, 'GET $export?_type=Basic');
    expect((await world.ask(`GET ${status}`)).headers['x-progress']).toBe('planning');

    const told = new Set<string | undefined>();
    await world.runJobs({ partSize: 10 }, async () => {
      told.add((await world.ask(`GET ${status}`)).headers['x-progress']);
    });

    expect([...told]).toEqual([
      '0 %, 1 of 3 parts, 0 of 20 versions read',
      '50 %, 2 of 3 parts, 10 of 20 versions read',
      undefined,
    ]);
  });

  it('is asked for less often the longer it takes', async () => {
    const status = await begin(world, 'GET $export');
    world.wait(120_000);
    expect((await world.ask(`GET ${status}`)).headers['retry-after']).toBe('12');
    world.wait(3_600_000);
    expect((await world.ask(`GET ${status}`)).headers['retry-after']).toBe('30');
  });

  it('is there for who began the job alone', async () => {
    const status = await begin(world, 'GET $export');
    const stranger = world.as(somebody('stranger'));

    for (const line of [`GET ${status}`, `DELETE ${status}`]) {
      const answer = await stranger.ask(line);
      expect(answer.status).toBe(404);
      expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
    }
    expect((await collected(world, status)).keys).toEqual(['Patient/a']);
  });

  it.each(['running', 'complete'])(
    'is gone when a job that is %s is deleted, and so are its files',
    async (state) => {
      const status = await begin(world, 'GET $export');
      const files = state === 'running' ? [] : (await collected(world, status)).manifest.output;

      expect((await world.ask(`DELETE ${status}`)).status).toBe(202);

      for (const line of [
        `GET ${status}`,
        `DELETE ${status}`,
        ...files.map(({ url }) => `GET ${below(url)}`),
      ]) {
        const answer = await world.ask(line);
        expect(answer.status).toBe(404);
        expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
      }
      await world.runJobs();
      expect(await world.context.jobs.store.hasWork()).toBe(false);
    },
  );

  it('is gone when its time has passed, and nothing is left', async () => {
    const status = await begin(world, 'GET $export');
    const { manifest } = await collected(world, status);
    const [{ url } = { url: '' }] = manifest.output;
    world.wait(3_600_000);

    expect((await world.ask(`GET ${status}`)).status).toBe(404);
    expect((await world.ask(`GET ${below(url)}`)).status).toBe(404);
    await world.runJobs();
    expect(await world.context.jobs.store.ended()).toEqual([]);
    const left = world.context.jobs.blobs.read(below(url).replace('_jobs', 'jobs'), 0, 1);
    await expect(first(left)).rejects.toThrow('ENOENT');
  });

  it('of a job that failed says so', async () => {
    const status = await begin(world, 'GET $export');
    const failing = { run: () => Promise.reject(new Error('Ada Example, born 1815')) };

    await world.runJobs({}, undefined, { export: failing });

    const answer = await world.ask(`GET ${status}`);
    expect(answer.status).toBe(500);
    expect(answer.json.issue[0].details.text).toContain('failed');
    expect(answer.text).not.toContain('Ada');
    expect((await world.ask(`DELETE ${status}`)).status).toBe(202);
  });

  it.each(['_jobs/none', '_jobs/none/file.ndjson'])('of what never was is 404: %s', async (path) => {
    expect((await world.ask(`GET ${path}`)).status).toBe(404);
  });
});

async function first(pieces: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  for await (const piece of pieces) return piece;
  return undefined;
}

describe('a file', () => {
  it('is given in ranges', async () => {
    const status = await begin(world, 'GET $export');
    const [{ url } = { url: '' }] = (await collected(world, status)).manifest.output;
    const file = `GET ${below(url)}`;
    const whole = await world.ask(file);
    const size = whole.bytes.length;
    const range = (asked: string, more: Record<string, string> = {}) =>
      world.ask(file, { headers: { range: asked, ...more } });

    expect(whole.headers).toMatchObject({
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[0-9a-f]{64}"$/),
    });
    const part = await range('bytes=2-11');
    expect(part.status).toBe(206);
    expect(part.text).toBe(whole.text.slice(2, 12));
    expect(part.headers['content-range']).toBe(`bytes 2-11/${size}`);
    expect((await range('bytes=5-')).text).toBe(whole.text.slice(5));
    expect((await range('bytes=-5')).text).toBe(whole.text.slice(-5));
    expect((await range('bytes=0-999999')).text).toBe(whole.text);
    expect((await range('bytes=1-2', { 'if-range': '"another"' })).status).toBe(200);
    expect((await range('bytes=1-2', { 'if-range': whole.headers.etag ?? '' })).status).toBe(206);
    expect((await range('lines=1-2')).status).toBe(200);
    const beyond = await range(`bytes=${size}-`);
    expect(beyond.status).toBe(416);
    expect(beyond.headers['content-range']).toBe(`bytes */${size}`);
  });

  it('that is not the job’s is 404, whatever its name', async () => {
    const status = await begin(world, 'GET $export');
    await complete(world, status);

    for (const name of ['none', '..', '%2e%2e%2ffairway.db', 'a%00b']) {
      const answer = await world.ask(`GET ${status}/${name}`);
      expect(answer.status, name).toBe(404);
    }
  });
});
