/** $export of the whole system: kick-off, status, manifest, files, as of one commit position. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, START, type World } from '../testing.js';
import {
  ASYNC,
  provenance as about,
  BASE,
  begin,
  collected,
  exported,
  observation,
  put,
  remove,
} from './exporting/testing.js';

let world: World;

beforeEach(async () => {
  world = await openWorld();
  await put(world, 'Patient', 'a', { active: true });
  await put(world, 'Patient', 'b');
  await put(world, 'Observation', 'o1', observation('a'));
});
afterEach(() => world.close());

describe('an export of the system', () => {
  it('is begun by GET, and tells where to ask after it', async () => {
    const answer = await world.ask('GET $export?_type=Patient&_pretty=false', { headers: ASYNC });

    expect(answer.status).toBe(202);
    expect(answer.headers['content-location']).toMatch(new RegExp(`^${BASE}/_jobs/[0-9a-f-]{36}$`));
    expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  it('holds all resources, in files of one type each, as they are stored', async () => {
    const { manifest, keys, lines } = await exported(world, 'GET $export');

    expect(keys).toEqual(['Observation/o1', 'Patient/a', 'Patient/b']);
    expect(manifest).toEqual({
      transactionTime: '2024-01-31T12:00:00.000Z',
      request: `${BASE}/$export`,
      requiresAccessToken: false,
      output: [
        { type: 'Observation', url: expect.stringContaining(`${BASE}/_jobs/`), count: 1 },
        { type: 'Patient', url: expect.stringContaining(`${BASE}/_jobs/`), count: 2 },
      ],
      error: [],
    });
    const file = manifest.output[1];
    const stored = await world.ask('GET Patient/a');
    expect(file && (await lines(file))[0]).toBe(stored.text);
  });

  it('is begun by POST of Parameters too', async () => {
    const body = Buffer.from(
      JSON.stringify({
        resourceType: 'Parameters',
        parameter: [
          { name: '_type', valueString: 'Patient' },
          { name: '_outputFormat', valueString: 'application/fhir+ndjson' },
        ],
      }),
    );
    const { keys, manifest } = await exported(world, 'POST $export', { body });

    expect(keys).toEqual(['Patient/a', 'Patient/b']);
    expect(manifest.request).toBe(`${BASE}/$export`);
  });

  it('holds the latest versions alone, and nothing that was deleted', async () => {
    await put(world, 'Patient', 'a', { active: false });
    await remove(world, 'Patient/b');

    const { keys, resources } = await exported(world, 'GET $export');

    expect(keys).toEqual(['Observation/o1', 'Patient/a']);
    expect(resources.find(({ id }) => id === 'a')).toMatchObject({ active: false, meta: { versionId: '2' } });
  });

  it('is the same whatever its parts', async () => {
    for (let index = 0; index < 40; index++) await put(world, 'Basic', `x${index}`, { code: { text: 'x' } });
    const status = await begin(world, 'GET $export');

    await world.runJobs({ partSize: 7 });
    const { keys, manifest } = await collected(world, status);

    expect(keys).toHaveLength(43);
    expect(new Set(keys).size).toBe(43);
    expect(manifest.output.filter(({ type }) => type === 'Basic').length).toBeGreaterThan(4);
  });

  it('takes Binary and other bytes of any size', async () => {
    const data = Buffer.alloc(3 * 1024 * 1024, 'x').toString('base64');
    await put(world, 'Binary', 'large', { contentType: 'text/plain', data });

    const { resources } = await exported(world, 'GET $export?_type=Binary');

    expect(resources[0].data).toBe(data);
  });

  it('has nothing where nothing is stored', async () => {
    const { manifest } = await exported(world, 'GET $export?_type=Medication');

    expect(manifest.output).toEqual([]);
  });
});

describe('the CapabilityStatement', () => {
  it('declares exports by the names that clients look for', async () => {
    const { json } = await world.ask('GET metadata');
    const [rest] = json.rest;
    const operations = (type: string): readonly string[] =>
      rest.resource
        .find((one: { type: string }) => one.type === type)
        .operation.map(({ name, definition }: Record<string, string>) => `${name} ${definition}`);
    const ours = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';

    expect(json.instantiates).toContain('http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data');
    expect(rest.operation).toContainEqual({ name: 'export', definition: `${ours}/export` });
    for (const [type, name] of [
      ['Patient', 'patient-export'],
      ['Group', 'group-export'],
    ] as const) {
      expect(operations(type)).toContain(`export ${ours}/${name}`);
      expect(operations(type)).toContain(`${name} ${ours}/${name}`);
    }
  });
});

describe('the moment of an export', () => {
  it('is that of the kick-off: what is written while it runs is not in it', async () => {
    const status = await begin(world, 'GET $export');
    await put(world, 'Patient', 'a', { active: false });
    await put(world, 'Patient', 'late');
    await remove(world, 'Patient/b');

    const { keys, resources } = await collected(world, status);

    expect(keys).toEqual(['Observation/o1', 'Patient/a', 'Patient/b']);
    expect(resources.find(({ id }) => id === 'a')).toMatchObject({ active: true });
  });

  it('divides all commits: an export since the time of the one before loses and repeats nothing', async () => {
    const first = await exported(world, 'GET $export');
    // In the same millisecond as the kick-off, for the clock stands still.
    await put(world, 'Patient', 'late');

    const since = encodeURIComponent(first.manifest.transactionTime);
    world.wait(5);
    const second = await exported(world, `GET $export?_since=${since}`);

    expect(first.keys).toEqual(['Observation/o1', 'Patient/a', 'Patient/b']);
    expect(second.keys).toEqual(['Patient/late']);
  });
});

describe('_since and _until', () => {
  it('hold what changed between them, and _since what was deleted, in transactions of DELETE', async () => {
    world.wait(60_000);
    await put(world, 'Patient', 'new');
    await remove(world, 'Patient/b');
    await put(world, 'Patient', 'gone');
    await remove(world, 'Patient/gone');
    await remove(world, 'Observation/o1');
    await put(world, 'Observation', 'o1', observation('a'));
    world.wait(60_000);
    await put(world, 'Patient', 'newer');

    const at = (offset: number): string => new Date(START + offset).toISOString();
    const { keys, manifest, lines } = await exported(
      world,
      `GET $export?_since=${at(30_000)}&_until=${at(90_000)}`,
    );

    expect(keys).toEqual(['Observation/o1', 'Patient/new']);
    expect(manifest.deleted).toHaveLength(1);
    const [file] = manifest.deleted ?? [];
    expect(file).toMatchObject({ type: 'Bundle', count: 1 });
    const [bundle = ''] = file === undefined ? [] : await lines(file);
    expect(JSON.parse(bundle)).toEqual({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { request: { method: 'DELETE', url: 'Patient/b' } },
        { request: { method: 'DELETE', url: 'Patient/gone' } },
      ],
    });
  });

  it('have an empty list of deletions where nothing was deleted', async () => {
    const { manifest } = await exported(world, 'GET $export?_since=2020-01-01T00:00:00Z');

    expect(manifest.deleted).toEqual([]);
  });
});

describe('parameters', () => {
  it.each(['application/fhir%2Bndjson', 'application/fhir+ndjson', 'application/ndjson', 'ndjson'])(
    '_outputFormat takes %s',
    async (format) => {
      await begin(world, `GET $export?_outputFormat=${format}`);
    },
  );

  it('_type may be repeated and joined by commas', async () => {
    await put(world, 'Basic', 'x', { code: { text: 'x' } });
    const { keys } = await exported(world, 'GET $export?_type=Patient,Observation&_type=Basic');

    expect(keys).toEqual(['Basic/x', 'Observation/o1', 'Patient/a', 'Patient/b']);
  });

  it('_elements leaves the rest away, and says so', async () => {
    await put(world, 'Patient', 'a', { active: true, gender: 'female', birthDate: '1980' });
    const { resources } = await exported(
      world,
      'GET $export?_elements=Patient.gender,status&_elements=birthDate',
    );

    const [subsetted] = resources.filter(({ id }) => id === 'a');
    expect(subsetted).toMatchObject({
      gender: 'female',
      birthDate: '1980',
      meta: { tag: [{ code: 'SUBSETTED' }] },
    });
    expect(subsetted).toHaveProperty('id');
    const [observed] = resources.filter(({ resourceType }) => resourceType === 'Observation');
    expect(observed).toMatchObject({ status: 'final', code: expect.anything() });
    expect(observed).not.toHaveProperty('subject');
  });

  it('_typeFilter takes whole searches, and several for one type', async () => {
    for (const code of ['b', 'c']) await put(world, 'Observation', `o-${code}`, observation('b', code));
    const filters = ['Observation?code=urn:codes|b', 'Observation?patient.active=true'].map(
      encodeURIComponent,
    );

    const repeated = await exported(world, `GET $export?_typeFilter=${filters.join('&_typeFilter=')}`);
    const joined = await exported(world, `GET $export?_type=Observation&_typeFilter=${filters.join(',')}`);

    expect(repeated.keys).toEqual(['Observation/o-b', 'Observation/o1', 'Patient/a', 'Patient/b']);
    expect(joined.keys).toEqual(['Observation/o-b', 'Observation/o1']);
  });

  it('_typeFilter is judged as of the kick-off', async () => {
    const filter = encodeURIComponent('Patient?_has:Observation:subject:code=urn:codes|a');
    const status = await begin(world, `GET $export?_type=Patient&_typeFilter=${filter}`);
    await put(world, 'Observation', 'o1', observation('b', 'z'));
    await put(world, 'Observation', 'o2', observation('b'));

    expect((await collected(world, status)).keys).toEqual(['Patient/a']);
  });

  it('includeAssociatedData brings the Provenance of what is exported', async () => {
    await put(world, 'Provenance', 'p1', about('Observation/o1'));
    await put(world, 'Provenance', 'p2', about('Observation/o1', 'Patient/b'));
    await put(world, 'Provenance', 'p3', about('Patient/b'));

    const none = await exported(world, 'GET $export?_type=Observation');
    const all = await exported(
      world,
      'GET $export?_type=Observation&includeAssociatedData=RelevantProvenanceResources',
    );
    const latest = await exported(
      world,
      'GET $export?_type=Observation&includeAssociatedData=LatestProvenanceResources',
    );

    expect(none.keys).toEqual(['Observation/o1']);
    expect(all.keys).toEqual(['Observation/o1', 'Provenance/p1', 'Provenance/p2']);
    expect(latest.keys).toEqual(['Observation/o1', 'Provenance/p2']);
  });

  it('allowPartialManifests is taken, and answered with one manifest', async () => {
    const { keys } = await exported(world, 'GET $export?allowPartialManifests=true');

    expect(keys).toHaveLength(3);
  });

  it('AuditEvents are exported where they are named alone', async () => {
    await put(world, 'AuditEvent', 'e', {
      type: { code: 'rest' },
      recorded: '2024-01-01T00:00:00Z',
      agent: [{ requestor: true }],
      source: { observer: { display: 'x' } },
    });

    expect((await exported(world, 'GET $export')).keys).not.toContain('AuditEvent/e');
    expect((await exported(world, 'GET $export?_type=AuditEvent')).keys).toEqual(['AuditEvent/e']);
  });

  it('attachments have absolute URLs', async () => {
    await put(world, 'DocumentReference', 'd', {
      status: 'current',
      description: 'a text with \\"url\\":\\"Binary/9\\" in it',
      content: [{ attachment: { contentType: 'text/plain', url: 'Binary/1' } }],
    });
    const { resources } = await exported(world, 'GET $export?_type=DocumentReference');

    expect(resources[0].content[0].attachment.url).toBe(`${BASE}/Binary/1`);
    expect(resources[0].description).toBe('a text with \\"url\\":\\"Binary/9\\" in it');
  });
});
