/** Search parameters that clients define: https://hl7.org/fhir/R4/searchparameter.html */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../fhir/format/json.js';
import { Connection } from '../stores/sqlite/connection.js';
import { parameter, patient, put, URL } from './custom-parameter/testing.js';
import { type Answer, openWorld, type StoreAsked, type World } from './testing.js';

let folder: string;
let file: string;
const worlds: World[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-custom-'));
  file = join(folder, 'fairway.db');
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  rmSync(folder, { recursive: true });
});

/** Worlds of one test are processes on one store. */
async function open(asked: StoreAsked = {}): Promise<World> {
  const world = await openWorld({}, { file, ...asked });
  worlds.push(world);
  return world;
}

async function close(world: World): Promise<void> {
  worlds.splice(worlds.indexOf(world), 1);
  await world.close();
}

/** Lets the steps of a walk through one by one. */
class Gate {
  #open: (() => void)[] = [];
  #arrived: (() => void)[] = [];
  #free = false;

  readonly pace = (): Promise<void> => {
    for (const tell of this.#arrived.splice(0)) tell();
    return this.#free ? Promise.resolve() : new Promise((resolve) => this.#open.push(resolve));
  };

  /** The walk has done what it was let, and waits. */
  async waits(): Promise<void> {
    if (this.#open.length === 0) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  /** Lets one step through and waits until it is done. */
  async step(): Promise<void> {
    await this.waits();
    this.#open.shift()?.();
    await this.waits();
  }

  free(): void {
    this.#free = true;
    for (const open of this.#open.splice(0)) open();
  }
}

async function ids(world: World, line: string): Promise<string[]> {
  const answer = await world.ask(`GET ${line}`);
  expect(answer.status, answer.text).toBe(200);
  return (answer.json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id).sort();
}

async function refusal(world: World, line: string): Promise<string> {
  const answer = await world.ask(`GET ${line}`);
  expect(answer.status, answer.text).toBe(400);
  return answer.json.issue[0].details.text;
}

async function declared(world: World, type: string): Promise<string[]> {
  const { json } = await world.ask('GET metadata');
  const resource = json.rest[0].resource.find((one: { type: string }) => one.type === type);
  return resource.searchParam.map(({ name }: { name: string }) => name);
}

describe('the life of a search parameter', () => {
  test('begins when all that is stored is indexed; until then a search says how far that is', async () => {
    const gate = new Gate();
    const world = await open({ walkPace: gate.pace, walkStep: 2 });
    for (const id of ['a', 'b', 'c', 'd']) await put(world, id, patient(`Nick ${id}`));
    expect(await refusal(world, 'Patient?nick=nick')).toContain('not known on Patient');

    const created = await put(world, 'nick', parameter());
    expect(created.status).toBe(201);
    expect(await refusal(world, 'Patient?nick=nick')).toContain('about to begin');
    await gate.step();
    expect(await refusal(world, 'Patient?nick=nick')).toContain('0 of 4 Patient resources');
    expect(await declared(world, 'Patient')).not.toContain('nick');
    await gate.step();
    const { json } = await world.ask('GET Patient?nick=nick');
    expect(json.issue).toEqual([
      {
        severity: 'error',
        code: 'transient',
        details: {
          text: 'The search parameter nick is new and still being indexed: 2 of 4 Patient resources are done. Search by it when all are.',
        },
      },
    ]);
    gate.free();
    await world.reindexed();
    expect(await ids(world, 'Patient?nick=nick')).toEqual(['a', 'b', 'c', 'd']);
    expect(await ids(world, 'Patient?nick=nick%20b')).toEqual(['b']);
    expect(await ids(world, 'Patient?nick:missing=true')).toEqual([]);
    expect(await declared(world, 'Patient')).toContain('nick');
  });

  test('covers what is written and changed while it is being indexed', async () => {
    const gate = new Gate();
    const world = await open({ walkPace: gate.pace, walkStep: 2 });
    for (const id of ['a', 'b', 'c', 'd']) await put(world, id, patient('old'));
    await put(world, 'nick', parameter());
    await gate.step();
    await gate.step();
    await put(world, 'a', patient('new'));
    await put(world, 'd', patient('new'));
    await put(world, 'e', patient('new'));
    await world.ask('DELETE Patient/c');
    gate.free();
    await world.reindexed();
    expect(await ids(world, 'Patient?nick=new')).toEqual(['a', 'd', 'e']);
    expect(await ids(world, 'Patient?nick=old')).toEqual(['b']);
  });

  test('ends with its deletion, and begins anew with its return', async () => {
    const world = await open();
    await put(world, 'a', patient('Bo'));
    await put(world, 'nick', parameter());
    await world.reindexed();
    await world.ask('DELETE SearchParameter/nick');
    expect(await refusal(world, 'Patient?nick=Bo')).toContain('not known on Patient');
    expect(await declared(world, 'Patient')).not.toContain('nick');
    await put(world, 'a', patient('Mo'));
    await put(world, 'b', patient('Bo'));
    await put(world, 'nick', parameter());
    await world.reindexed();
    expect(await ids(world, 'Patient?nick=Bo')).toEqual(['b']);
    expect(await ids(world, 'Patient?nick=Mo')).toEqual(['a']);
  });

  test('is suspended by the status retired, and a draft never begins', async () => {
    const world = await open();
    await put(world, 'a', patient('Bo'));
    await put(world, 'nick', parameter({ status: 'draft' }));
    expect(await refusal(world, 'Patient?nick=Bo')).toContain('not known');
    await put(world, 'nick', parameter());
    await world.reindexed();
    expect(await ids(world, 'Patient?nick=Bo')).toEqual(['a']);
    await put(world, 'nick', parameter({ status: 'retired' }));
    expect(await refusal(world, 'Patient?nick=Bo')).toContain('not known');
  });

  test('a new expression is indexed anew, a new description is not', async () => {
    const gate = new Gate();
    const world = await open({ walkPace: gate.pace });
    await put(world, 'a', patient('Bo', { name: [{ use: 'nickname', given: ['Bo'], family: 'Stone' }] }));
    await put(world, 'nick', parameter());
    gate.free();
    await world.reindexed();
    await put(world, 'nick', parameter({ description: 'What friends say' }));
    expect(await ids(world, 'Patient?nick=Bo')).toEqual(['a']);
    await put(world, 'nick', parameter({ expression: 'Patient.name.family' }));
    expect(await refusal(world, 'Patient?nick=Bo')).toContain('being indexed');
    await world.reindexed();
    expect(await ids(world, 'Patient?nick=Bo')).toEqual([]);
    expect(await ids(world, 'Patient?nick=Stone')).toEqual(['a']);
  });

  test('goes on after the store was closed in the middle', async () => {
    const gate = new Gate();
    const first = await open({ walkPace: gate.pace, walkStep: 2 });
    for (const id of ['a', 'b', 'c', 'd']) await put(first, id, patient('Bo'));
    await put(first, 'nick', parameter());
    await gate.step();
    await gate.step();
    const closing = close(first);
    gate.free();
    await closing;
    const second = await open();
    await second.reindexed();
    expect(await ids(second, 'Patient?nick=Bo')).toEqual(['a', 'b', 'c', 'd']);
  });
});

test('a process that is killed while it indexes leaves the rest to the next one', async () => {
  const program = join(process.cwd(), 'dist/interactions/killed-walk/testing.js');
  const [patients, walkStep, steps] = [40, 5, 3];
  const child = fork(program, [file, ...[patients, walkStep, steps].map(String)], { execArgv: [] });
  await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'exit');
  let free = (): void => undefined;
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  const world = await open({ walkStep, walkPace: () => freed });
  const progress = await refusal(world, 'Patient?nick=Bo');
  free();
  await world.reindexed();
  expect(progress).toContain(`${steps * walkStep} of ${patients} Patient resources are done`);
  const all = Array.from({ length: patients }, (_, at) => `p${at}`).sort();
  expect(await ids(world, 'Patient?nick=Bo')).toEqual(all);
  expect(await ids(world, 'Patient?nick=Bo%2039')).toEqual(['p39']);
});

describe('with other parts of a search', () => {
  test('chains, _has, _sort, _include and _revinclude know it', async () => {
    const world = await open();
    await put(world, 'o', { resourceType: 'Organization', name: 'Clinic', alias: ['Bay'] });
    const managed = { managingOrganization: { reference: 'Organization/o' } };
    await put(world, 'a', patient('Bo', managed));
    await put(world, 'b', patient('Al', managed));
    await put(world, 'nick', parameter());
    await put(
      world,
      'home',
      parameter({
        url: `${URL}/home`,
        code: 'home',
        type: 'reference',
        expression: 'Patient.managingOrganization',
        target: ['Organization'],
      }),
    );
    await put(
      world,
      'alias',
      parameter({
        url: `${URL}/alias`,
        code: 'alias',
        base: ['Organization'],
        expression: 'Organization.alias',
      }),
    );
    await world.reindexed();
    expect(await ids(world, 'Patient?home.alias=bay')).toEqual(['a', 'b']);
    expect(await ids(world, 'Organization?_has:Patient:home:nick=Bo')).toEqual(['o']);
    const sorted = await world.ask('GET Patient?_sort=nick');
    expect(sorted.json.entry.map((one: { resource: { id: string } }) => one.resource.id)).toEqual(['b', 'a']);
    expect(await ids(world, 'Patient?nick=Bo&_include=Patient:home')).toEqual(['a', 'o']);
    expect(await ids(world, 'Organization?alias=Bay&_revinclude=Patient:home')).toEqual(['a', 'b', 'o']);
    const { json } = await world.ask('GET metadata');
    const organization = json.rest[0].resource.find((one: { type: string }) => one.type === 'Organization');
    expect(organization.searchRevInclude).toContain('Patient:home');
  });

  test('a chain over a type that is still being indexed is refused, even where another type knows the name', async () => {
    const gate = new Gate();
    const world = await open({ walkPace: gate.pace });
    await put(world, 'g', { resourceType: 'Group', type: 'person', actual: true, name: 'Bo' });
    await put(
      world,
      'both',
      parameter({ base: ['Patient', 'Group'], expression: 'Patient.name.given | Group.name' }),
    );
    await gate.step();
    await gate.step();
    const text = await refusal(world, 'Observation?subject.nick=Bo');
    expect(text).toContain('being indexed');
    gate.free();
    await world.reindexed();
    await put(world, 'x', {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Group/g' },
    });
    expect(await ids(world, 'Observation?subject.nick=Bo')).toEqual(['x']);
  });

  test('every kind of value is found as an index made anew finds it', async () => {
    const world = await open();
    const race = {
      url: 'http://example.org/race',
      extension: [{ url: 'ombCategory', valueCoding: { system: 'urn:race', code: 'r1' } }],
    };
    const observation = (value: number, code: string): JsonObject => ({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'urn:c', code }] },
      effectiveDateTime: '2024-01-02',
      valueQuantity: { value, system: 'http://unitsofmeasure.org', code: 'kg' },
      method: { coding: [{ system: 'urn:m', code: 'M1' }] },
    });
    const kinds: readonly [JsonObject, string][] = [
      [{ code: 'how', type: 'token', expression: 'Observation.method' }, 'how=urn:m|m1'],
      [{ code: 'amount', type: 'quantity', expression: 'Observation.value as Quantity' }, 'amount=gt5'],
      [{ code: 'when', type: 'date', expression: 'Observation.effective' }, 'when=2024-01'],
      [
        {
          code: 'pair',
          type: 'composite',
          expression: 'Observation',
          component: [
            { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
            {
              definition: 'http://hl7.org/fhir/SearchParameter/Observation-value-quantity',
              expression: 'value.as(Quantity)',
            },
          ],
        },
        'pair=urn:c|c1$gt5',
      ],
    ];
    await put(world, 'p', patient('Bo', { extension: [race] }));
    await put(world, 'before', observation(7, 'c1'));
    await put(world, 'other', {
      ...observation(3, 'c2'),
      method: { text: 'none' },
      effectiveDateTime: '2023',
    });
    for (const [more] of kinds) {
      const code = String(more.code);
      await put(world, code, parameter({ url: `${URL}/${code}`, base: ['Observation'], ...more }));
    }
    const expression = "Patient.extension.where(url = 'http://example.org/race').extension.value.code";
    await put(world, 'race', parameter({ code: 'race', type: 'token', expression }));
    await world.reindexed();
    await put(world, 'after', observation(8, 'c1'));
    for (const [, search] of kinds) {
      expect(await ids(world, `Observation?${search}`), search).toEqual(['after', 'before']);
    }
    expect(await ids(world, 'Patient?race=r1')).toEqual(['p']);
  });
});

describe('several processes on one store', () => {
  test('what another process writes right after the activation is found', async () => {
    const gate = new Gate();
    const one = await open({ walkPace: gate.pace });
    const two = await open({ walkPace: gate.pace });
    await put(two, 'a', patient('Bo'));
    await put(one, 'nick', parameter());
    await put(two, 'b', patient('Bo'));
    expect(await refusal(two, 'Patient?nick=Bo')).toContain('being indexed');
    gate.free();
    await Promise.all([one.reindexed(), two.reindexed()]);
    expect(await ids(one, 'Patient?nick=Bo')).toEqual(['a', 'b']);
    expect(await ids(two, 'Patient?nick=Bo')).toEqual(['a', 'b']);
  });

  test('a write that was indexed before the activation and committed after it is indexed anew', async () => {
    const one = await open();
    const two = await open();
    const { backend } = two.context;
    const commit = backend.commit.bind(backend);
    const results: string[] = [];
    backend.commit = async (asked) => {
      if (results.length === 0) {
        await put(one, 'nick', parameter());
        await one.reindexed();
      }
      const result = await commit(asked);
      results.push(result.kind);
      return result;
    };
    await put(two, 'late', patient('Bo'));
    expect(results).toEqual(['definitions-changed', 'committed']);
    expect(await ids(one, 'Patient?nick=Bo')).toEqual(['late']);
    expect(await ids(two, 'Patient?nick=Bo')).toEqual(['late']);
  });

  test('of two that define the same code at once one is refused', async () => {
    const one = await open();
    const two = await open();
    const define = (world: World, id: string): Promise<Answer> =>
      world.ask(`PUT SearchParameter/${id}`, { body: parameter({ id }) });
    const answers = await Promise.all([define(one, 'n1'), define(two, 'n2')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
  });

  test('many that come in one batch are all indexed', async () => {
    const world = await open();
    await put(world, 'a', patient('Bo'));
    const entry = Array.from({ length: 80 }, (_, at) => ({
      request: { method: 'PUT', url: `SearchParameter/n${at}` },
      resource: parameter({ id: `n${at}`, code: `nick${at}`, url: `${URL}/${at}` }),
    }));
    const { json } = await world.ask('POST ', { body: { resourceType: 'Bundle', type: 'batch', entry } });
    const statuses = json.entry.map((one: { response: { status: string } }) => one.response.status);
    expect(new Set(statuses)).toEqual(new Set(['201 Created']));
    await world.reindexed();
    expect(await ids(world, 'Patient?nick0=Bo&nick79=Bo')).toEqual(['a']);
  });
});

test('when the whole index is made anew, custom parameters are indexed again after it', async () => {
  const before = await open();
  await put(before, 'a', patient('Bo'));
  await put(before, 'nick', parameter());
  await before.reindexed();
  await close(before);
  const connection = Connection.open(file, 'control');
  connection.run("UPDATE setting SET value = 'older definitions' WHERE name = 'index_epoch'");
  connection.close();
  const gate = new Gate();
  const after = await open({ walkPace: gate.pace });
  expect(await refusal(after, 'Patient?nick=Bo')).toContain('being indexed');
  expect(await ids(after, 'Patient?given=Bo')).toEqual(['a']);
  gate.free();
  await after.reindexed();
  expect(await ids(after, 'Patient?nick=Bo')).toEqual(['a']);
});
