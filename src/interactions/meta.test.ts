import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../fhir/format/json.js';
import { permitting } from '../ports/access-filter.js';
import { openWorld, type World } from './testing.js';

let world: World;

const TAG = { system: 'http://example.org/tags', code: 'review', display: 'To review' };
const LABEL = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
const PROFILE = 'http://example.org/StructureDefinition/patient';

const parameters = (meta: JsonValue) => ({
  resourceType: 'Parameters',
  parameter: [{ name: 'meta', valueMeta: meta }],
});
const ONE_TAG = parameters({ tag: [TAG] });
const call = (operation: string, id: string, meta: JsonValue, headers: Record<string, string> = {}) =>
  world.ask(`POST Patient/${id}/${operation}`, { body: parameters(meta), headers });
const metaIn = (json: { parameter: { name: string; valueMeta: Record<string, unknown> }[] }) => {
  expect(json.parameter.map(({ name }) => name)).toEqual(['return']);
  return json.parameter[0]?.valueMeta;
};
const versionOf = async (id: string) => (await world.ask(`GET Patient/${id}`)).json.meta.versionId;
const putPatient = (id: string, meta: JsonValue = { source: 'http://example.org/here' }) =>
  world.ask(`PUT Patient/${id}`, { body: { resourceType: 'Patient', id, meta, active: true } });

beforeAll(async () => {
  world = await openWorld();
  await putPatient('gone');
  await world.ask('DELETE Patient/gone');
});
afterAll(() => world.close());

describe('$meta', () => {
  it('is the meta that a read gives', async () => {
    await putPatient('read', { tag: [TAG] });

    for (const line of ['GET Patient/read/$meta', 'POST Patient/read/$meta']) {
      const { status, json } = await world.ask(line);
      expect([status, json.resourceType]).toEqual([200, 'Parameters']);
      expect(metaIn(json)).toEqual((await world.ask('GET Patient/read')).json.meta);
    }
  });

  it('is of one resource that is there, and takes no parameters', async () => {
    expect((await world.ask('GET Patient/nobody/$meta')).status).toBe(404);
    expect((await world.ask('GET Patient/gone/$meta')).status).toBe(410);
    for (const line of ['GET Patient/read/$meta?mode=x', 'GET Patient/$meta?mode=x', 'GET $meta?mode=x']) {
      expect((await world.ask(line)).status).toBe(400);
    }
  });
});

describe('$meta of a type and of the whole store', () => {
  let labelled: World;
  const KEPT = { system: 'http://example.org/tags', code: 'Kept', display: 'To be kept' };
  const metaOf = async (line: string, by = labelled) => metaIn((await by.ask(line)).json);

  beforeAll(async () => {
    labelled = await openWorld();
    const put = (type: string, id: string, meta: JsonValue, more: object = {}) =>
      labelled.ask(`PUT ${type}/${id}`, { body: { resourceType: type, id, meta, ...more } });
    await put('Patient', 'a', { tag: [TAG, { code: 'bare' }], profile: [PROFILE] });
    await put('Patient', 'b', { tag: [TAG], security: [LABEL] });
    await put('Patient', 'c', { tag: [{ code: 'deleted' }] });
    await put('Patient', 'd', { tag: [{ code: 'former' }] });
    await put('Patient', 'd', { tag: [TAG] });
    await labelled.ask('DELETE Patient/c');
    await put('Basic', 'x', { tag: [KEPT], profile: [`${PROFILE}|2`] }, { code: { text: 'x' } });
  });
  afterAll(() => labelled.close());

  it('holds each label in use once, and none that was', async () => {
    expect(await metaOf('GET Patient/$meta')).toEqual({
      profile: [PROFILE],
      security: [LABEL],
      tag: [TAG, { code: 'bare' }],
    });
    expect(await metaOf('POST $meta')).toEqual({
      profile: [PROFILE, `${PROFILE}|2`],
      security: [LABEL],
      tag: [KEPT, TAG, { code: 'bare' }],
    });
    expect(await metaOf('GET Device/$meta')).toEqual({});
  });

  it('tells only of labels on what its asker may find', async () => {
    const own = { kind: 'restricted', byType: { Patient: { op: 'id', ids: ['b', 'd'] } } } as const;
    const restricted = labelled.as({ principal: 'b', ...permitting(own) });

    expect(await metaOf('GET Patient/$meta', restricted)).toEqual({ security: [LABEL], tag: [TAG] });
    expect(await metaOf('GET $meta', restricted)).toEqual({ security: [LABEL], tag: [TAG] });
    expect((await restricted.ask('GET Basic/$meta')).status).toBe(403);
  });

  it('is refused where there are too many', async () => {
    const crowded = await openWorld();
    for (let from = 0; from < 1_010; from += 505) {
      const entry = Array.from({ length: 505 }, (_, at) => ({
        resource: { resourceType: 'Patient', meta: { tag: [{ code: `t${from + at}` }] } },
        request: { method: 'POST', url: 'Patient' },
      }));
      await crowded.ask('POST ', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    }

    const { json, status } = await crowded.ask('GET Patient/$meta');

    expect([status, json.issue[0].code]).toEqual([503, 'too-costly']);
    expect(json.issue[0].details.text).toContain('more than 1000');
    await crowded.close();
  });
});

describe('$meta-add', () => {
  it('adds profiles, tags and labels in a new version that searches find', async () => {
    await putPatient('add', { tag: [{ code: 'old' }] });

    const { status, json } = await call('$meta-add', 'add', {
      profile: [PROFILE],
      tag: [TAG],
      security: [LABEL],
    });

    expect(status).toBe(200);
    expect(metaIn(json)).toMatchObject({
      versionId: '2',
      profile: [PROFILE],
      security: [LABEL],
      tag: [{ code: 'old' }, TAG],
    });
    const read = (await world.ask('GET Patient/add')).json;
    expect([read.meta, read.active]).toEqual([metaIn(json), true]);
    const found = await world.ask(
      `GET Patient?_tag=${TAG.system}|${TAG.code}&_security=R&_profile=${PROFILE}`,
    );
    expect(found.json.entry).toHaveLength(1);
  });

  it('makes no version of what is there already, display and version aside', async () => {
    await putPatient('twice', { tag: [TAG], profile: [PROFILE] });

    const { status, json } = await call('$meta-add', 'twice', {
      tag: [{ system: TAG.system, code: TAG.code, display: 'Another' }],
      profile: [PROFILE],
    });

    expect([status, metaIn(json)?.tag, await versionOf('twice')]).toEqual([200, [TAG], '1']);
    await call('$meta-add', 'twice', { security: [LABEL, { ...LABEL, version: '2' }] });
    expect((await world.ask('GET Patient/twice')).json.meta.security).toEqual([LABEL]);
  });

  it('leaves versionId, lastUpdated and source to the resource', async () => {
    await putPatient('kept');

    const { json } = await call('$meta-add', 'kept', {
      versionId: '77',
      source: 'http://example.org/there',
      tag: [TAG],
    });

    expect(metaIn(json)).toMatchObject({ versionId: '2', source: 'http://example.org/here', tag: [TAG] });
  });

  it('is applied anew where another write comes in between, unless If-Match forbids it', async () => {
    await putPatient('busy');
    const codes = ['a', 'b', 'c', 'd', 'e'];

    const answers = await Promise.all(codes.map((code) => call('$meta-add', 'busy', { tag: [{ code }] })));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { tag } = (await world.ask('GET Patient/busy')).json.meta;
    expect(tag.map(({ code }: { code: string }) => code).sort()).toEqual(codes);
    const stale = await call('$meta-add', 'busy', { tag: [TAG] }, { 'if-match': 'W/"1"' });
    expect([stale.status, await versionOf('busy')]).toEqual([412, '6']);
  });
});

describe('$meta-delete', () => {
  it('removes by system and code, and leaves no empty list', async () => {
    await putPatient('less', { tag: [TAG, { code: 'stays' }], security: [LABEL], profile: [PROFILE] });

    const { json } = await call('$meta-delete', 'less', {
      tag: [{ system: TAG.system, code: TAG.code }, { code: 'never-there' }],
      security: [LABEL],
    });

    expect(metaIn(json)).toMatchObject({ versionId: '2', tag: [{ code: 'stays' }], profile: [PROFILE] });
    expect(metaIn(json)).not.toHaveProperty('security');
  });

  it('keeps the extensions of profiles beside their profiles', async () => {
    const extension = { extension: [{ url: 'http://example.org/why', valueString: 'x' }] };
    await putPatient('extended', { profile: ['http://example.org/a', PROFILE], _profile: [null, extension] });

    await call('$meta-delete', 'extended', { profile: ['http://example.org/a'] });

    expect((await world.ask('GET Patient/extended')).json.meta).toMatchObject({
      profile: [PROFILE],
      _profile: [extension],
    });
  });

  it('makes no version where there is nothing to remove', async () => {
    await putPatient('same', { tag: [{ code: 'stays' }] });

    const { status, json } = await call('$meta-delete', 'same', { tag: [TAG], profile: [PROFILE] });

    expect([status, metaIn(json)?.tag, await versionOf('same')]).toEqual([200, [{ code: 'stays' }], '1']);
  });
});

describe('changes of meta', () => {
  it('are of what is there', async () => {
    expect((await call('$meta-add', 'nobody', { tag: [TAG] })).status).toBe(404);
    expect((await call('$meta-delete', 'gone', { tag: [TAG] })).status).toBe(410);
    expect((await world.ask('GET Patient/read/$meta-add')).status).toBe(405);
  });

  it('need the right to write, before and after', async () => {
    await putPatient('own', { tag: [{ code: 'mine' }] });
    const mine = { op: 'value', param: '_tag', test: { kind: 'token', code: 'mine' } } as const;
    const filter = { kind: 'restricted', byType: { Patient: mine } } as const;
    const narrow = world.as({ principal: 'narrow', ...permitting(filter) });
    const ask = (operation: string, id: string) =>
      narrow.ask(`POST Patient/${id}/${operation}`, { body: parameters({ tag: [{ code: 'mine' }] }) });

    await putPatient('theirs');
    expect([(await ask('$meta-add', 'theirs')).status, await versionOf('theirs')]).toEqual([404, '1']);
    expect([(await ask('$meta-delete', 'own')).status, await versionOf('own')]).toEqual([403, '1']);
  });

  it.each([
    ['no body', undefined],
    ['another resource', { resourceType: 'Patient' }],
    ['no meta', { resourceType: 'Parameters' }],
    ['meta twice', { resourceType: 'Parameters', parameter: [...ONE_TAG.parameter, ...ONE_TAG.parameter] }],
    [
      'another parameter',
      { resourceType: 'Parameters', parameter: [{ name: 'labels', valueMeta: { tag: [TAG] } }] },
    ],
    ['a coding for meta', { resourceType: 'Parameters', parameter: [{ name: 'meta', valueCoding: TAG }] }],
    ['a tag that is text', parameters({ tag: ['review'] })],
    ['a profile that is a number', parameters({ profile: [1] })],
    ['an element that Meta has not', parameters({ labels: [] })],
    ['a tag without a code', parameters({ tag: [{ display: 'review' }] })],
  ])('refuse %s', async (_what, body) => {
    await putPatient('bad');
    const before = await versionOf('bad');

    const ask = body === undefined ? {} : { body };
    const { status, json } = await world.ask('POST Patient/bad/$meta-add', ask);

    expect([status, json.resourceType]).toEqual([400, 'OperationOutcome']);
    expect(await versionOf('bad')).toBe(before);
  });
});
