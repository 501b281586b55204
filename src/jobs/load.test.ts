import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../fhir/format/json.js';
import { serialise, serialisePretty } from '../fhir/format/serialise.js';
import { bundle, entry, MRN, observation, patient } from '../interactions/bundle/testing.js';
import type { Context } from '../interactions/context.js';
import { openWorld, type World } from '../interactions/testing.js';
import type { Backend } from '../ports/backend.js';
import { type LoadOptions, load } from './load.js';
import { LoadInputError, loadFiles } from './load-inputs.js';
import type { LoadRefusal, LoadSummary } from './load-report.js';

let world: World;
let folder: string;
beforeEach(async () => {
  world = await openWorld();
  folder = mkdtempSync(join(tmpdir(), 'fairway-load-'));
});
afterEach(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

interface Loaded extends LoadSummary {
  readonly refusals: readonly LoadRefusal[];
}

async function loadAll(
  names: readonly string[],
  options: Partial<LoadOptions> = {},
  context: Context = world.context,
): Promise<Loaded> {
  const refusals: LoadRefusal[] = [];
  const summary = await load(
    loadFiles(names.map((name) => (name === '-' ? name : join(folder, name)))),
    { context, ledger: world.ledger },
    { dryRun: false, again: false, standardInput: Readable.from([]), ...options },
    { progress: () => undefined, refused: (refusal) => refusals.push(refusal), skipped: () => undefined },
  );
  return { ...summary, refusals };
}

function file(name: string, content: string | Buffer): void {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), content);
}

/** The name of a file's mark in the ledger. */
const markOf = (name: string) => `load:${loadFiles([join(folder, name)])[0]?.fingerprint}`;
const ndjson = (resources: readonly JsonValue[]) => resources.map((each) => `${serialise(each)}\n`).join('');
const named = (id: string) => patient(id, { id });
const total = async (query: string) => Number((await world.ask(`GET ${query}&_summary=count`)).json.total);

describe('NDJSON', () => {
  it('is stored under the ids of its lines, whatever the number', async () => {
    file('p.ndjson', ndjson(Array.from({ length: 2500 }, (_, index) => named(`p${index}`))));

    const loaded = await loadAll(['p.ndjson']);

    expect(loaded.stored).toEqual(new Map([['Patient', 2500]]));
    expect((await world.ask('GET Patient/p2499')).json.identifier[0].value).toBe('p2499');
    expect((await world.context.backend.counts()).get('Patient')).toBe(2500);
  });

  it('makes versions in the order of the lines', async () => {
    file('v.ndjson', ndjson(['male', 'female', 'other'].map((gender) => ({ ...named('v'), gender }))));

    await loadAll(['v.ndjson']);

    const { json } = await world.ask('GET Patient/v');
    expect([json.gender, json.meta.versionId]).toEqual(['other', '3']);
  });

  it('goes in without the lines that are refused, which are named', async () => {
    const lines = [
      serialise(named('g1')),
      '{"resourceType":"Patient","id":"x",',
      '',
      serialise({ ...named('g2'), gendre: 'female' }),
      serialise({ resourceType: 'Patent', id: 'x' }),
      '"text"',
      serialise(named('g/3')),
      serialise(named('g4')),
    ];
    file('mixed.ndjson', lines.join('\r\n'));

    const loaded = await loadAll(['mixed.ndjson']);

    expect(loaded.stored).toEqual(new Map([['Patient', 2]]));
    expect(loaded.refused).toBe(5);
    expect(loaded.refusals.map((refusal) => refusal.line)).toEqual([2, 4, 5, 6, 7]);
    expect(loaded.refusals[0]?.reasons[0]).toContain('it is not JSON: line 1, column 36');
    expect(loaded.refusals[1]?.reasons[0]).toContain('Patient.gendre');
  });

  it('gives a resource without id one that stays the same', async () => {
    file('n.ndjson', ndjson([patient('anonymous')]));

    await loadAll(['n.ndjson']);
    await world.ledger.set(markOf('n.ndjson'), '0');
    await loadAll(['n.ndjson']);

    expect((await world.context.backend.counts()).get('Patient')).toBe(1);
  });

  it('refuses what refers to nothing where the setting asks for integrity', async () => {
    const context = { ...world.context, settings: { ...world.context.settings, checkReferences: true } };
    file(
      'r.ndjson',
      ndjson([
        { ...observation('Patient/r'), id: 'o1' },
        named('r'),
        { ...observation('Patient/q'), id: 'o2' },
      ]),
    );

    const loaded = await loadAll(['r.ndjson'], {}, context);

    expect(loaded.stored).toEqual(
      new Map([
        ['Observation', 1],
        ['Patient', 1],
      ]),
    );
    expect(loaded.refusals.map(({ line }) => line)).toEqual([3]);
  });
});

describe('bundles', () => {
  const one = 'urn:uuid:0b1a2c3d-0000-4000-8000-000000000001';
  const transaction = (mrn: string) =>
    bundle('transaction', [
      entry('POST Patient', { fullUrl: one, resource: patient(mrn) }),
      entry('POST Observation', { resource: observation(one) }),
    ]);

  it.each([
    ['as they are', (text: string) => Buffer.from(text), 't.json'],
    ['gzipped', (text: string) => gzipSync(text), 't.json.gz'],
    ['gzipped without saying so', (text: string) => gzipSync(text), 't.json'],
  ])('are carried out %s', async (_how, pack, name) => {
    file(name, pack(serialisePretty(transaction('t'))));

    const loaded = await loadAll([name]);

    expect(loaded.stored).toEqual(
      new Map([
        ['Observation', 1],
        ['Patient', 1],
      ]),
    );
    expect(await total(`Observation?subject:Patient.identifier=${MRN}|t`)).toBe(1);
  });

  it('of type batch store what can be stored, and name the rest', async () => {
    const there = { resource: patient('b'), ifNoneExist: `identifier=${MRN}|b` };
    file(
      'b.json',
      serialise(
        bundle('batch', [
          entry('POST Patient', there),
          entry('POST Patient', there),
          entry('POST Patient', { resource: { resourceType: 'Patient', nom: 'x' } }),
        ]),
      ),
    );

    const loaded = await loadAll(['b.json']);

    expect(loaded.stored).toEqual(new Map([['Patient', 1]]));
    expect(loaded.found).toBe(1);
    expect(loaded.refusals[0]?.reasons[0]).toContain('Bundle.entry[2].resource.nom');
  });

  it.each(['collection', 'searchset'])(
    'of type %s are stored under their ids, references put right',
    async (type) => {
      file(
        'c.json',
        serialise(
          bundle(type, [
            { fullUrl: one, resource: named('c') },
            {
              fullUrl: 'http://elsewhere.org/fhir/Observation/o',
              resource: { ...observation(one), id: 'o' },
            },
            {
              resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'value' }] },
              search: { mode: 'outcome' },
            },
          ]),
        ),
      );

      const loaded = await loadAll(['c.json']);

      expect(loaded.stored).toEqual(
        new Map([
          ['Observation', 1],
          ['Patient', 1],
        ]),
      );
      expect((await world.ask('GET Observation/o')).json.subject.reference).toBe('Patient/c');
    },
  );

  it('of type document are stored as what they are, other types refused', async () => {
    file('d.json', serialise({ ...bundle('document', []), id: 'd' }));
    file('h.json', serialise(bundle('history', [])));

    const loaded = await loadAll(['d.json', 'h.json']);

    expect(loaded.stored).toEqual(new Map([['Bundle', 1]]));
    expect(loaded.refusals.map((refusal) => refusal.file)).toEqual([join(folder, 'h.json')]);
  });

  it('that are refused stop nothing else', async () => {
    file(
      '1.json',
      serialise(
        bundle('transaction', [
          entry('POST Observation', { resource: observation('Patient?identifier=urn:x|none') }),
        ]),
      ),
    );
    file('2.json', serialise(transaction('2')));

    const loaded = await loadAll(['1.json', '2.json']);

    expect(loaded.stored.get('Patient')).toBe(1);
    expect(loaded.refused).toBe(1);
    expect(loaded.refusals[0]?.reasons[0]).toContain('Bundle.entry[0].resource.subject.reference');
  });

  it('may refer by condition to what the bundle before them stores', async () => {
    const size = 40;
    for (let index = 0; index < size; index++) {
      const refers = `Patient?identifier=${MRN}|chain-${index - 1}`;
      file(
        `${String(index).padStart(3, '0')}.json`,
        serialise(
          bundle('transaction', [
            entry('POST Patient', { resource: patient(`chain-${index}`) }),
            ...(index === 0 ? [] : [entry('POST Observation', { resource: observation(refers) })]),
          ]),
        ),
      );
    }

    const loaded = await loadAll(['.']);

    expect(loaded.refusals).toEqual([]);
    expect(loaded.stored).toEqual(
      new Map([
        ['Observation', size - 1],
        ['Patient', size],
      ]),
    );
  });
});

describe('folders', () => {
  it('are read with all below them, shared practitioners and hospitals first', async () => {
    for (const name of [
      'a.json',
      'b/z.ndjson.gz',
      'b/practitionerInformation1.json',
      '0-hospitalInformation2.json',
      'notes.txt',
      '.hidden.json',
    ]) {
      file(name, '{}');
    }

    const names = loadFiles([folder]).map(({ name }) => name.slice(folder.length + 1));

    expect(names).toEqual([
      '0-hospitalInformation2.json',
      'b/practitionerInformation1.json',
      'a.json',
      'b/z.ndjson.gz',
    ]);
  });

  it('and files that cannot be read are refused before anything is loaded', () => {
    mkdirSync(join(folder, 'empty'));

    expect(() => loadFiles([join(folder, 'nothing.json')])).toThrow(/there is no such file or folder/);
    expect(() => loadFiles([join(folder, 'empty')])).toThrow(LoadInputError);
  });
});

describe('standard input', () => {
  it.each([
    ['NDJSON', ndjson([named('s1'), named('s2')])],
    [
      'a bundle over many lines',
      serialisePretty(bundle('collection', [{ resource: named('s1') }, { resource: named('s2') }])),
    ],
  ])('may be %s', async (_what, text) => {
    const loaded = await loadAll(['-'], { standardInput: Readable.from([gzipSync(text)]) });

    expect(loaded.stored).toEqual(new Map([['Patient', 2]]));
  });
});

describe('a damaged file', () => {
  it('goes in up to where it can be read, and is reported', async () => {
    const whole = gzipSync(ndjson(Array.from({ length: 20_000 }, (_, index) => named(`d${index}`))));
    file('d.ndjson.gz', whole.subarray(0, whole.length - 2000));
    file('e.ndjson', ndjson([named('after')]));

    const loaded = await loadAll(['d.ndjson.gz', 'e.ndjson']);

    expect(loaded.stored.get('Patient')).toBeGreaterThan(1000);
    expect(loaded.refusals.at(-1)?.reasons[0]).toContain('gzip compression is damaged');
    expect((await world.ask('GET Patient/after')).status).toBe(200);
  });

  it('is refused where it is not UTF-8', async () => {
    file('l.json', Buffer.from('{"resourceType":"Patient","id":"l","name":[{"family":"Mül"}]}', 'latin1'));

    expect((await loadAll(['l.json'])).refusals[0]?.reasons[0]).toContain('it is not UTF-8');
  });
});

describe('a second load', () => {
  it('leaves out what is in, unless it was changed or is asked for again', async () => {
    file('p.ndjson', ndjson([named('a')]));
    await loadAll(['p.ndjson']);

    expect(await loadAll(['p.ndjson'])).toMatchObject({ skippedFiles: 1, stored: new Map() });
    expect((await loadAll(['p.ndjson'], { again: true })).stored).toEqual(new Map([['Patient', 1]]));
    utimesSync(join(folder, 'p.ndjson'), new Date(2020, 1), new Date(2020, 1));
    expect((await loadAll(['p.ndjson'])).stored).toEqual(new Map([['Patient', 1]]));
  });

  it('starts over with a file of which something was refused', async () => {
    file('p.ndjson', ndjson([named('a'), { resourceType: 'Patent' }]));
    await loadAll(['p.ndjson']);

    expect((await loadAll(['p.ndjson'])).refused).toBe(1);
  });

  it('goes on where an interrupted one ended', async () => {
    file('p.ndjson', ndjson(Array.from({ length: 3500 }, (_, index) => named(`p${index}`))));
    await expect(loadAll(['p.ndjson'], {}, failingAfter(2))).rejects.toThrow('power cut');

    const loaded = await loadAll(['p.ndjson']);

    expect(loaded.stored.get('Patient')).toBeLessThan(3500);
    expect((await world.context.backend.counts()).get('Patient')).toBe(3500);
  });

  it('knows a document over many lines for one, also where the load was interrupted after it', async () => {
    file('d.json', `\n${serialisePretty(named('d'))}`);
    await loadAll(['d.json']);
    await world.ledger.set(markOf('d.json'), '2');

    expect(await loadAll(['d.json'])).toMatchObject({ stored: new Map(), refused: 0 });
    expect(await loadAll(['d.json'])).toMatchObject({ skippedFiles: 1 });
  });

  it('does not store a transaction twice that was in when the first one was interrupted', async () => {
    file(
      't.ndjson',
      ndjson(
        ['1', '2', '3', '4'].map((mrn) =>
          bundle('transaction', [entry('POST Patient', { resource: patient(mrn) })]),
        ),
      ),
    );
    const forgetful = { get: () => undefined, set: () => Promise.resolve() };
    const run = () =>
      load(
        loadFiles([join(folder, 't.ndjson')]),
        { context: world.context, ledger: forgetful },
        { dryRun: false, again: false, standardInput: Readable.from([]) },
        { progress: () => undefined, refused: () => undefined, skipped: () => undefined },
      );
    await run();

    const second = await run();

    expect(second).toMatchObject({ repeated: 4, refused: 0 });
    expect((await world.context.backend.counts()).get('Patient')).toBe(4);
  });

  it('does not store the entries of a batch twice either', async () => {
    file(
      'b.json',
      serialise(
        bundle(
          'batch',
          ['1', '2', '3'].map((mrn) => entry('POST Patient', { resource: patient(mrn) })),
        ),
      ),
    );
    await loadAll(['b.json']);
    await world.ledger.set(markOf('b.json'), '0');

    expect(await loadAll(['b.json'])).toMatchObject({ repeated: 3, refused: 0, stored: new Map() });
    expect((await world.context.backend.counts()).get('Patient')).toBe(3);
  });

  /** The store goes away after so many commits. */
  function failingAfter(commits: number): Context {
    let left = commits;
    const { backend } = world.context;
    const failing: Backend = Object.create(backend, {
      commit: {
        value: (commit: Parameters<Backend['commit']>[0]) =>
          left-- > 0 ? backend.commit(commit) : Promise.reject(new Error('power cut')),
      },
      position: { value: () => backend.position() },
      read: { value: (...parameters: Parameters<Backend['read']>) => backend.read(...parameters) },
    });
    return { ...world.context, backend: failing };
  }
});

describe('a dry run', () => {
  it('checks everything and stores nothing', async () => {
    file('p.ndjson', ndjson([named('a'), { ...named('b'), gendre: 'x' }]));
    file('t.json', serialise(bundle('transaction', [entry('POST Patient', { resource: patient('c') })])));
    file(
      'u.json',
      serialise(
        bundle('batch', [entry('POST Patient', { resource: { resourceType: 'Patient', nom: 'x' } })]),
      ),
    );

    const loaded = await loadAll(['.'], { dryRun: true });

    expect(loaded.stored).toEqual(new Map([['Patient', 2]]));
    expect(loaded.refused).toBe(2);
    expect((await world.context.backend.counts()).get('Patient') ?? 0).toBe(0);
    expect((await loadAll(['p.ndjson'])).stored).toEqual(new Map([['Patient', 1]]));
  });
});
