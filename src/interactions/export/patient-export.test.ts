/** $export of patients and of groups: exactly their records, and the Provenance of what is in them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessDecision, permitting } from '../../ports/access-filter.js';
import { openWorld, type World } from '../testing.js';
import {
  ASYNC,
  begin,
  collected,
  exported,
  observation,
  provenance,
  put,
  remove,
} from './exporting/testing.js';

let world: World;

const GROUP = { type: 'person', actual: true };
const member = (id: string, more: object = {}): object => ({
  entity: { reference: `Patient/${id}` },
  ...more,
});

beforeAll(async () => {
  world = await openWorld();
  for (const id of ['a', 'b', 'c']) {
    await put(world, 'Patient', id, { active: true });
    await put(world, 'Observation', `o-${id}`, observation(id));
    await put(world, 'Provenance', `of-${id}`, provenance(`Observation/o-${id}`));
  }
  await put(world, 'Observation', 'dangling', observation('nobody'));
  await put(world, 'Observation', 'of-none', { status: 'final', code: { text: 'x' } });
  await put(world, 'Medication', 'm');
  await put(world, 'Provenance', 'of-medication', provenance('Medication/m'));
  await put(world, 'Group', 'two', {
    ...GROUP,
    member: [member('a'), member('b', { inactive: true }), member('c', { inactive: false })],
  });
  await put(world, 'Group', 'strangers', { ...GROUP, member: [member('nobody')] });
  await put(world, 'Group', 'described', {
    type: 'person',
    actual: false,
    characteristic: [{ code: { text: 'sex' }, valueCodeableConcept: { text: 'female' }, exclude: false }],
  });
});
afterAll(() => world.close());

const RECORDS = {
  a: ['Observation/o-a', 'Patient/a', 'Provenance/of-a'],
  b: ['Observation/o-b', 'Patient/b', 'Provenance/of-b'],
  c: ['Observation/o-c', 'Patient/c', 'Provenance/of-c'],
};

describe('an export of patients', () => {
  it('holds the records of all patients there are, and nothing else', async () => {
    const { keys } = await exported(world, 'GET Patient/$export');

    expect(keys).toEqual(['Group/two', ...RECORDS.a, ...RECORDS.b, ...RECORDS.c].sort());
  });

  it('holds those of the patients named, by GET and POST', async () => {
    const body = Buffer.from(
      JSON.stringify({
        resourceType: 'Parameters',
        parameter: [
          { name: 'patient', valueReference: { reference: 'Patient/a' } },
          { name: 'patient', valueReference: { reference: 'http://fairway.test/fhir/Patient/b' } },
        ],
      }),
    );
    const posted = await exported(world, 'POST Patient/$export', { body });
    const got = await exported(world, 'GET Patient/$export?patient=Patient/a,Patient/b');

    expect(posted.keys).toEqual(['Group/two', ...RECORDS.a, ...RECORDS.b].sort());
    expect(got.keys).toEqual(posted.keys);
    expect(got.manifest.error).toEqual([]);
  });

  it('goes on without patients that are not there, and says how many', async () => {
    const { keys, manifest, lines } = await exported(
      world,
      'GET Patient/$export?patient=Patient/a,Patient/nobody',
    );

    expect(keys).toEqual(['Group/two', ...RECORDS.a].sort());
    const [file] = manifest.error;
    expect(file).toMatchObject({ type: 'OperationOutcome', count: 1 });
    const [outcome = ''] = file === undefined ? [] : await lines(file);
    expect(JSON.parse(outcome).issue[0]).toMatchObject({ severity: 'warning', code: 'not-found' });
    expect(outcome).not.toContain('nobody');
  });

  it('is begun for patients that are not there by POST too, alone or as members', async () => {
    const reference = (id: string) => ({ name: 'patient', valueReference: { reference: `Patient/${id}` } });
    const parameters = (...parameter: readonly object[]): Buffer =>
      Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));

    const none = await exported(world, 'POST Patient/$export', { body: parameters(reference('nobody')) });
    const some = await exported(world, 'POST Group/two/$export', {
      body: parameters(reference('nobody'), reference('a')),
    });

    expect(none.keys).toEqual([]);
    expect(none.manifest.error).toHaveLength(1);
    expect(some.keys).toEqual(['Group/two', ...RECORDS.a].sort());
    expect(some.manifest.error).toHaveLength(1);
  });

  it('takes types, filters and times', async () => {
    const filter = encodeURIComponent('Observation?patient=a,b');
    const line = `GET Patient/$export?_type=Observation,Provenance&_typeFilter=${filter}`;

    const { keys } = await exported(world, line);
    expect(keys).toEqual(['Observation/o-a', 'Observation/o-b', 'Provenance/of-a', 'Provenance/of-b']);

    const none = await exported(world, 'GET Patient/$export?_type=Observation');
    expect(none.keys).toEqual(['Observation/o-a', 'Observation/o-b', 'Observation/o-c']);
  });

  it('brings Provenance that was written after what it is about', async () => {
    const own = await openWorld();
    try {
      await put(own, 'Patient', 'a');
      await put(own, 'Observation', 'o-a', observation('a'));
      const since = new Date(own.context.clock.now()).toISOString();
      own.wait(60_000);
      await put(own, 'Provenance', 'late', provenance('Observation/o-a'));

      expect((await exported(own, `GET Patient/$export?_since=${since}`)).keys).toEqual(['Provenance/late']);
      const strictly = `_since=${since}&includeAssociatedData=RelevantProvenanceResources`;
      expect((await exported(own, `GET Patient/$export?${strictly}`)).keys).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('finds the same by search as by going through all', async () => {
    const scanned = await exported(
      world,
      'GET Patient/$export?patient=Patient/a&_since=2000-01-01T00:00:00Z',
    );
    const searched = await exported(world, 'GET Patient/$export?patient=Patient/a');

    expect(scanned.keys).toEqual(searched.keys);
    expect(scanned.manifest.deleted).toEqual([]);
  });
});

describe('an export of a group', () => {
  it('holds exactly the records of its members that are not inactive', async () => {
    const { keys, manifest } = await exported(world, 'GET Group/two/$export');

    expect(keys).toEqual(['Group/two', ...RECORDS.a, ...RECORDS.c].sort());
    expect(manifest.request).toBe('http://fairway.test/fhir/Group/two/$export');
  });

  it('holds nothing where no member is there', async () => {
    expect((await exported(world, 'GET Group/strangers/$export')).manifest.output).toEqual([]);
  });

  it('may be narrowed to some of the members, and to no others', async () => {
    const { keys, manifest } = await exported(world, 'GET Group/two/$export?patient=Patient/a,Patient/b');

    expect(keys).toEqual(['Group/two', ...RECORDS.a].sort());
    expect(manifest.error).toHaveLength(1);
  });

  it('is refused by name where members are described and not enumerated', async () => {
    const answer = await world.ask('GET Group/described/$export', { headers: ASYNC });

    expect(answer.status).toBe(422);
    expect(answer.json.issue[0].details.text).toMatch(/characteristic/);
  });

  it('is of the members, and of their records, as of the kick-off', async () => {
    const own = await openWorld();
    try {
      for (const id of ['a', 'b']) {
        await put(own, 'Patient', id);
        await put(own, 'Observation', `o-${id}`, observation(id));
      }
      await put(own, 'Group', 'g', { ...GROUP, member: [member('a')] });
      const status = await begin(own, 'GET Group/g/$export');
      await put(own, 'Group', 'g', { ...GROUP, member: [member('b')] });
      await put(own, 'Observation', 'o-a', observation('b'));
      await put(own, 'Observation', 'o-b', observation('a'));
      await put(own, 'Observation', 'later', observation('a'));
      await put(own, 'Patient', 'a', { active: false });

      const { keys, resources } = await collected(own, status);

      expect(keys).toEqual(['Group/g', 'Observation/o-a', 'Patient/a']);
      expect(resources.find(({ id }) => id === 'a')).not.toHaveProperty('active');
    } finally {
      await own.close();
    }
  });

  it('tells of deletions in the records of its members alone', async () => {
    const own = await openWorld();
    try {
      for (const id of ['a', 'b']) {
        await put(own, 'Patient', id);
        await put(own, 'Observation', `o-${id}`, observation(id));
      }
      await put(own, 'Group', 'g', { ...GROUP, member: [member('a')] });
      for (const id of ['a', 'b']) {
        await remove(own, `Observation/o-${id}`);
        await remove(own, `Patient/${id}`);
      }

      const deleted = async (line: string): Promise<readonly string[]> => {
        const { manifest, lines } = await exported(own, `GET ${line}?_since=2020-01-01T00:00:00Z`);
        const bundles = await Promise.all((manifest.deleted ?? []).map(lines));
        return bundles
          .flat()
          .flatMap((text) => JSON.parse(text).entry as { request: { url: string } }[])
          .map(({ request }) => request.url);
      };
      expect(await deleted('Group/g/$export')).toEqual(['Observation/o-a', 'Patient/a']);
      expect(await deleted('Patient/$export')).toHaveLength(4);
    } finally {
      await own.close();
    }
  });

  it('with very many members is the same', async () => {
    const crowd = [...Array.from({ length: 60 }, (_, index) => member(`none-${index}`)), member('a')];
    await put(world, 'Group', 'crowd', { ...GROUP, member: crowd });

    const { keys } = await exported(world, 'GET Group/crowd/$export?_type=Patient,Observation,Provenance');

    expect(keys).toEqual(RECORDS.a);
    await remove(world, 'Group/crowd');
  });
});

describe('output that is organized by patients', () => {
  it.each(['GET Group/two/$export', 'GET Patient/$export'])(
    'has each record behind its header: %s',
    async (line) => {
      const { manifest, resources } = await exported(
        world,
        `${line}?organizeOutputBy=Patient&_type=Patient,Observation,Provenance`,
      );

      expect(manifest).toMatchObject({ outputOrganizedBy: 'Patient' });
      expect(manifest.output.every((file) => !('type' in file))).toBe(true);
      const records: Record<string, string[]> = {};
      let record: string[] = [];
      for (const { resourceType, id, parameter } of resources) {
        if (resourceType === 'Parameters') {
          record = [];
          records[parameter[0].valueReference.reference] = record;
        } else record.push(`${resourceType}/${id}`);
      }
      for (const found of Object.values(records)) found.sort();
      const all: Record<string, string[]> = {
        'Patient/a': RECORDS.a,
        'Patient/b': RECORDS.b,
        'Patient/c': RECORDS.c,
      };
      if (line.includes('Group')) delete all['Patient/b'];
      expect(records).toEqual(all);
    },
  );
});

describe('what somebody may not see', () => {
  const onlyA: AccessDecision = {
    principal: 'service',
    ...permitting({
      kind: 'restricted',
      byType: {
        Patient: { op: 'id', ids: ['a'] },
        Observation: { op: 'compartment', name: 'Patient', id: 'a' },
        Group: { op: 'everything' },
      },
    }),
  };

  it.each([
    ['$export', ['Group/described', 'Group/strangers', 'Group/two', 'Observation/o-a', 'Patient/a']],
    ['Patient/$export', ['Group/two', 'Observation/o-a', 'Patient/a']],
    ['Group/two/$export', ['Group/two', 'Observation/o-a', 'Patient/a']],
    ['Patient/$export?patient=Patient/a,Patient/b', ['Group/two', 'Observation/o-a', 'Patient/a']],
  ])('is not in %s', async (line, keys) => {
    expect((await exported(world.as(onlyA), `GET ${line}`)).keys).toEqual(keys);
  });

  it('is refused where it is named', async () => {
    const answer = await world.as(onlyA).ask('GET $export?_type=Patient,Condition', { headers: ASYNC });

    expect(answer.status).toBe(403);
    expect(answer.json.issue[0].details.text).toMatch(/Condition\.s/);
  });

  it('is not found by a filter either', async () => {
    const filter = encodeURIComponent('Patient?_has:Provenance:target:agent:missing=true');
    const line = `GET $export?_type=Patient&_typeFilter=${filter}`;

    expect((await exported(world.as(onlyA), line)).keys).toEqual([]);
  });

  it('is not told of when it was deleted', async () => {
    const own = await openWorld();
    try {
      for (const id of ['a', 'b']) {
        await put(own, 'Patient', id);
        await put(own, 'Observation', `o-${id}`, observation(id));
        await remove(own, `Observation/o-${id}`);
      }
      const since = 'GET $export?_since=2020-01-01T00:00:00Z';
      const { manifest, lines } = await exported(own.as(onlyA), since);

      const [file] = manifest.deleted ?? [];
      const [bundle = ''] = file === undefined ? [] : await lines(file);
      expect(JSON.parse(bundle).entry).toEqual([{ request: { method: 'DELETE', url: 'Observation/o-a' } }]);
    } finally {
      await own.close();
    }
  });

  it('is in no file for a grant that shows less than that of the kick-off', async () => {
    const all: AccessDecision = {
      principal: 'service',
      ...permitting({ kind: 'unrestricted', reason: 'test' }),
    };
    const status = await begin(world.as(all), 'GET $export?_type=Observation,Condition,Group');
    const { manifest } = await collected(world.as(all), status);
    const url = (type: string): string =>
      manifest.output.find((file) => file.type === type)?.url.replace('http://fairway.test/fhir/', '') ?? '';

    expect((await world.as(onlyA).ask(`GET ${url('Group')}`)).status).toBe(200);
    expect((await world.as(onlyA).ask(`GET ${url('Observation')}`)).status).toBe(403);
    const without = { ...permitting({ kind: 'restricted' as const, byType: {} }), principal: 'service' };
    expect((await world.as(without).ask(`GET ${url('Group')}`)).status).toBe(403);
    expect((await world.ask(`GET ${url('Group')}`)).status).toBe(404);
  });
});
