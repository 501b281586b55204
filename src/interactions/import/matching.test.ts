/** Imports that know resources by their identifiers: which line means whom, and what becomes of references. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCondition } from '../../fhir/search/parse-search.js';
import { put } from '../export/exporting/testing.js';
import { openWorld, type World } from '../testing.js';
import { type FileServer, imported, lines, ndjson, parameters, serveFiles } from './importing/testing.js';

const MRN = 'http://hospital.test/mrn';
const LINE = `POST $import?match=${encodeURIComponent(`Patient|${MRN}`)}`;

let world: World;
let files: FileServer | undefined;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(async () => {
  await files?.stop();
  files = undefined;
  await world.close();
});

const person = (id: string | undefined, mrn: string, more: object = {}) => ({
  resourceType: 'Patient',
  ...(id === undefined ? {} : { id }),
  identifier: [{ system: MRN, value: mrn }],
  ...more,
});
const note = (id: string, subject: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: subject },
});
const subjects = async () =>
  (await world.ask('GET Observation?_sort=_id')).json.entry.map(
    ({ resource }: { resource: { subject: { reference: string } } }) => resource.subject.reference,
  );

describe('an import that matches by identifiers', () => {
  it('updates the resource that has the identifier, under the id that it has', async () => {
    await put(world, 'Patient', 'ours', { identifier: [{ system: MRN, value: '1' }] });

    const { manifest } = await imported(
      world,
      ndjson(lines([person('theirs', '1', { gender: 'other' })])),
      LINE,
    );

    expect(manifest).toMatchObject({ output: [{ type: 'Patient', count: 1 }], error: [] });
    expect((await world.ask('GET Patient/theirs')).status).toBe(404);
    expect((await world.ask('GET Patient/ours')).json).toMatchObject({
      gender: 'other',
      meta: { versionId: '2' },
    });
  });

  it('lets references follow, from lines before and after, and from other files', async () => {
    await put(world, 'Patient', 'ours', { identifier: [{ system: MRN, value: '1' }] });
    files = await serveFiles({
      '/o': lines([
        note('1', 'Patient/theirs'),
        note('2', 'Patient/new'),
        note('3', 'Patient/theirs/_history/4'),
      ]),
      '/p': lines([
        person('theirs', '1', { link: [{ other: { reference: 'Patient/new' }, type: 'seealso' }] }),
      ]),
      '/q': lines([person('new', '2')]),
    });
    const inputs = [
      { type: 'Observation', url: files.url('/o') },
      { type: 'Patient', url: files.url('/p') },
      { type: 'Patient', url: files.url('/q') },
    ];

    const match = { name: 'match', valueString: `Patient|${MRN}` };
    const { manifest } = await imported(world, parameters(inputs, [match]));

    expect(manifest.error).toEqual([]);
    expect(await subjects()).toEqual(['Patient/ours', 'Patient/new', 'Patient/ours']);
    expect((await world.ask('GET Patient/ours')).json.link[0].other.reference).toBe('Patient/new');
  });

  it('takes lines with one identifier for one resource, the first of them', async () => {
    const text = lines([person('a', '1'), person('b', '1', { gender: 'male' }), note('1', 'Patient/b')]);

    await imported(world, ndjson(text), LINE);

    expect((await world.ask('GET Patient?_summary=count')).json.total).toBe(1);
    expect((await world.ask('GET Patient/a')).json).toMatchObject({
      gender: 'male',
      meta: { versionId: '2' },
    });
    expect(await subjects()).toEqual(['Patient/a']);
  });

  it('gives one id to lines without any, in mode load', async () => {
    const text = lines([person(undefined, '1'), person(undefined, '1'), person(undefined, '2')]);

    const { manifest } = await imported(world, ndjson(text), `${LINE}&mode=load`);

    expect(manifest.output).toEqual([{ type: 'Patient', count: 3 }]);
    expect((await world.ask('GET Patient?_summary=count')).json.total).toBe(2);
    await imported(world, ndjson(text), `${LINE}&mode=load`);
    expect((await world.ask('GET Patient?_summary=count')).json.total).toBe(2);
  });

  it('refuses a line that could be several, and takes the others', async () => {
    await put(world, 'Patient', 'x', { identifier: [{ system: MRN, value: '1' }] });
    await put(world, 'Patient', 'y', { identifier: [{ system: MRN, value: '1' }] });

    const { manifest, refusals } = await imported(
      world,
      ndjson(lines([person('z', '1'), person('n', '2')])),
      LINE,
    );

    expect(manifest.output).toEqual([{ type: 'Patient', count: 1 }]);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatch(/^line 1: Patient\/z – .*several resources/);
  });

  it('leaves alone what has identifiers of other systems, or is of other types', async () => {
    await put(world, 'Patient', 'ours', { identifier: [{ system: 'http://other.test', value: '1' }] });
    await put(world, 'Practitioner', 'p', { identifier: [{ system: MRN, value: '1' }] });

    await imported(world, ndjson(lines([person('theirs', '1')])), LINE);

    expect((await world.ask('GET Patient/theirs')).status).toBe(200);
  });

  it('finds nothing that its asker could not find', async () => {
    await put(world, 'Patient', 'hidden', { identifier: [{ system: MRN, value: '1' }], gender: 'male' });
    const { definitions } = world.context.knowledge.latest();
    const where = parseCondition(definitions, 'Patient', 'gender=female', {
      now: 0,
      baseUrl: world.context.baseUrl,
    });
    const access = {
      ...world.context.access,
      search: { kind: 'restricted', byType: { Patient: where } },
    } as const;

    await imported(world.as(access), ndjson(lines([person('theirs', '1', { gender: 'female' })])), LINE);

    expect((await world.ask('GET Patient/hidden')).json.meta.versionId).toBe('1');
    expect((await world.ask('GET Patient/theirs')).status).toBe(200);
  });

  it.each([
    ['Patient', /like Patient\|/],
    ['Patient|', /like Patient\|/],
    ['Dragon|http://x', /no resource type/],
    ['Binary|http://x', /no resource type/],
  ])('refuses the rule %s', async (rule, reason) => {
    const answer = await world.ask(`POST $import?match=${encodeURIComponent(rule)}`, {
      ...ndjson(lines([person('a', '1')])),
      headers: { 'content-type': 'application/fhir+ndjson', prefer: 'respond-async' },
    });
    expect([answer.status, answer.json.issue[0].details.text]).toEqual([400, expect.stringMatching(reason)]);
  });
});
