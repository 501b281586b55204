/** Imports: what goes in, what is refused line by line, what is fetched, and what an interruption leaves. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCondition } from '../../fhir/search/parse-search.js';
import { type AccessDecision, permitting } from '../../ports/access-filter.js';
import type { Backend } from '../../ports/backend.js';
import { bundle, entry, patient } from '../bundle/testing.js';
import { begin } from '../export/exporting/testing.js';
import { jobRunner, openWorld, type World } from '../testing.js';
import {
  type FileServer,
  imported,
  importedAt,
  lines,
  ndjson,
  parameters,
  type Served,
  serveFiles,
} from './importing/testing.js';

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

async function served(by: Readonly<Record<string, Served>>): Promise<FileServer> {
  files = await serveFiles(by);
  return files;
}

const person = (id: string, more: object = {}) => ({ resourceType: 'Patient', id, ...more });
const people = (count: number) => Array.from({ length: count }, (_, at) => person(`p${at}`));
const count = async (type: string) => (await world.context.backend.counts()).get(type) ?? 0;
const note = (id: string, subject: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: subject },
});

describe('an import of a body', () => {
  it('stores its lines under their ids, and says how many', async () => {
    const { manifest } = await imported(world, ndjson(lines([...people(1500), note('o', 'Patient/p1')])));

    expect(manifest).toMatchObject({
      transactionTime: '2024-01-31T12:00:00.000Z',
      request: 'http://fairway.test/fhir/$import',
      requiresAccessToken: false,
      output: [
        { type: 'Patient', count: 1500 },
        { type: 'Observation', count: 1 },
      ],
      error: [],
    });
    expect(await count('Patient')).toBe(1500);
    expect((await world.ask('GET Observation?subject=Patient/p1')).json.entry).toHaveLength(1);
  });

  it('updates what is there, and makes versions in the order of the lines', async () => {
    await imported(world, ndjson(lines([person('v', { gender: 'male' })])));
    await imported(
      world,
      ndjson(lines([person('v', { gender: 'female' }), person('v', { gender: 'other' })])),
    );

    const { json } = await world.ask('GET Patient/v');
    expect([json.gender, json.meta.versionId]).toEqual(['other', '3']);
  });

  it('takes what is right, and tells of every other line where it stands and what is wrong', async () => {
    const text = [
      JSON.stringify(person('g1')),
      '{"resourceType":"Patient","id":"secret",',
      '',
      JSON.stringify(person('g2', { gendre: 'secret' })),
      '{"resourceType":"Patent","id":"x"}',
      '"secret"',
      JSON.stringify(person('g/3')),
      '{"resourceType":"Patient"}',
      JSON.stringify(person('g4')),
    ].join('\r\n');

    const { manifest, refusals } = await imported(world, ndjson(text));

    expect(manifest.output).toEqual([{ type: 'Patient', count: 2 }]);
    expect(refusals.map((one) => one.split(' – ')[0])).toEqual([
      'line 2',
      'line 4: Patient/g2',
      'line 5: Patent/x',
      'line 6',
      'line 7',
      'line 8',
    ]);
    expect(refusals[0]).toContain('is not JSON');
    expect(refusals[5]).toContain('give it one');
    expect(refusals.join('')).not.toContain('secret');
  });

  it('of which nothing is right leaves error files alone', async () => {
    const { manifest, refusals } = await imported(world, ndjson('{}\n'.repeat(3000)));

    expect(manifest.output).toEqual([]);
    expect(manifest.error.length).toBeGreaterThan(1);
    expect(refusals).toHaveLength(3000);
    expect(new Set(refusals).size).toBe(3000);
  });

  it('may be gzipped', async () => {
    const { manifest } = await imported(world, ndjson(gzipSync(lines(people(3)))));

    expect(manifest.output).toEqual([{ type: 'Patient', count: 3 }]);
  });

  it('is left at a line that is too long', async () => {
    const long = JSON.stringify(person('long', { language: 'x'.repeat(1_100_000) }));

    const { manifest, refusals } = await imported(world, ndjson(`${lines(people(2))}${long}\n`));

    expect(manifest.output).toEqual([{ type: 'Patient', count: 2 }]);
    expect(refusals).toEqual([
      'line 2 – The input was left after line 2: it has a line of more than 1048576 bytes.',
    ]);
  });

  it('in mode load carries out bundles, and gives ids', async () => {
    const text = lines([
      bundle('transaction', [entry('POST Patient', { resource: patient('t') })]),
      { resourceType: 'Patient' },
      bundle('batch', [entry('POST Patient', { resource: patient('b') })]),
      bundle('transaction', [entry('POST Patient', { resource: { resourceType: 'Patient', nom: 'x' } })]),
      { ...bundle('document', []), id: 'd' },
    ]);

    const { manifest, refusals } = await imported(world, ndjson(text), 'POST $import?mode=load');

    expect(manifest.output).toEqual([
      { type: 'Patient', count: 3 },
      { type: 'Bundle', count: 1 },
    ]);
    expect(refusals).toEqual([expect.stringMatching(/^line 4 – .*Bundle\.entry\[0\]\.resource\.nom/)]);
  });

  it('is not stored where references must have targets that are missing', async () => {
    world = world.with({ checkReferences: true });

    const { manifest, refusals } = await imported(
      world,
      ndjson(lines([note('o1', 'Patient/a'), person('a'), note('o2', 'Patient/nobody')])),
    );

    expect(manifest.output.map((one) => one.count).sort()).toEqual([1, 1]);
    expect(refusals).toEqual([expect.stringMatching(/^line 3: Observation\/o2 – .*not in this store/)]);
  });
});

describe('an import of URLs', () => {
  it('fetches each, packed or not, and tells of each', async () => {
    const { url } = await served({
      '/patients': lines(people(1200)),
      '/packed.gz': gzipSync(lines([note('a', 'Patient/p1')])),
      '/coded': (request, response) => {
        expect(request.headers['accept-encoding']).toContain('gzip');
        response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(gzipSync(lines([note('b', 'Patient/p2')])));
      },
      '/moved': (_request, response) => {
        response.writeHead(302, { location: '/coded' }).end();
      },
    });

    const { manifest } = await imported(
      world,
      parameters([
        { type: 'Observation', url: url('/packed.gz') },
        { type: 'Patient', url: url('/patients') },
        { type: 'Observation', url: url('/moved') },
      ]),
    );

    expect(manifest.output).toEqual([
      { type: 'Observation', inputUrl: url('/packed.gz'), count: 1 },
      { type: 'Patient', inputUrl: url('/patients'), count: 1200 },
      { type: 'Observation', inputUrl: url('/moved'), count: 1 },
    ]);
    expect(manifest.error).toEqual([]);
  });

  it('tells of files that are not there, changed, of another type or elsewhere, and takes the rest', async () => {
    const { url } = await served({
      '/good': (_request, response) => response.setHeader('etag', 'W/"1"').end(lines([person('good')])),
      '/mixed': lines([person('one'), note('o', 'Patient/one')]),
      '/torn.gz': gzipSync(lines(people(50))).subarray(0, 100),
    });

    const { manifest, refusals } = await imported(
      world,
      parameters([
        { type: 'Patient', url: url('/good'), etag: '"1"' },
        { type: 'Patient', url: url('/good'), etag: '"2"' },
        { type: 'Patient', url: url('/missing') },
        { type: 'Patient', url: url('/mixed') },
        { type: 'Patient', url: url('/torn.gz') },
        { type: 'Patient', url: 'http://169.254.169.254/latest/meta-data' },
      ]),
    );

    expect(manifest.output.map(({ inputUrl }) => inputUrl)).toEqual(
      expect.arrayContaining([url('/good'), url('/mixed')]),
    );
    expect((await world.ask('GET Patient/good')).json.meta.versionId).toBe('1');
    expect((await world.ask('GET Observation/o')).status).toBe(404);
    expect(refusals).toEqual([
      expect.stringContaining('ETag is not the one that the kick-off names'),
      expect.stringContaining('answered with the status 404'),
      expect.stringMatching(/^line 2: Observation\/o – The line is no Patient/),
      expect.stringContaining('gzip compression is damaged'),
      expect.stringContaining('not among the hosts'),
    ]);
    expect(manifest.error.map(({ inputUrl }) => inputUrl)[1]).toBe(url('/missing'));
  });

  it('opens a file again that broke off, and goes on behind the last line', async () => {
    const text = lines(people(5000));
    let opened = 0;
    const { url, asked } = await served({
      '/shaky': (_request, response) => {
        opened += 1;
        response.writeHead(200, { 'content-length': Buffer.byteLength(text), etag: '"same"' });
        if (opened > 1) response.end(text);
        else response.write(text.slice(0, text.length / 2), () => response.destroy());
      },
    });

    const { manifest } = await imported(world, parameters([{ type: 'Patient', url: url('/shaky') }]));

    expect(asked).toHaveLength(2);
    expect(manifest).toMatchObject({ output: [{ count: 5000 }], error: [] });
    expect((await world.ask('GET Patient/p10')).json.meta.versionId).toBe('1');
  });

  it('does not join the halves of two files', async () => {
    let opened = 0;
    const { url } = await served({
      '/changing': (_request, response) => {
        opened += 1;
        response.writeHead(200, { 'content-length': 10_000_000, etag: `"${opened}"` });
        response.write(lines(people(4000)), () => response.destroy());
      },
    });

    const { refusals } = await imported(world, parameters([{ type: 'Patient', url: url('/changing') }]));

    expect(refusals).toEqual([expect.stringContaining('it was changed while it was imported')]);
  });
});

describe('who may not write all', () => {
  const only = (types: readonly string[]): AccessDecision => {
    const byType = Object.fromEntries(types.map((type) => [type, { op: 'everything' as const }]));
    return { principal: 'somebody', ...permitting({ kind: 'restricted', byType }) };
  };

  it('begins no import of a type that is not granted', async () => {
    const ask = parameters([{ type: 'Observation', url: 'https://example.org/o.ndjson' }]);

    const answer = await world
      .as(only(['Patient']))
      .ask('POST $import', { ...ask, headers: { ...ask.headers, prefer: 'respond-async' } });

    expect([answer.status, answer.json.issue[0].code]).toEqual([403, 'forbidden']);
  });

  it('stores what is granted, and is told of each line that is not', async () => {
    const writer = world.as(only(['Patient']));

    const { manifest, refusals } = await imported(
      writer,
      ndjson(lines([person('a'), note('o', 'Patient/a'), person('b')])),
    );

    expect(manifest.output).toEqual([{ type: 'Patient', count: 2 }]);
    expect(refusals).toEqual([
      expect.stringMatching(/^line 2: Observation\/o – Nothing that you were granted/),
    ]);
  });

  it('is told what the store refuses, whichever lines it is among', async () => {
    const known = permitting({
      kind: 'restricted',
      byType: { Patient: { op: 'everything' } },
    });
    const isWoman = parseCondition(world.context.knowledge.definitions, 'Patient', 'gender=female');
    const women = { kind: 'restricted', byType: { Patient: isWoman } } as const;
    const writer = world.as({ principal: 'somebody', ...known, create: women, update: women });
    const gender = (at: number) => (at % 3 === 0 ? 'male' : 'female');
    const all = Array.from({ length: 300 }, (_, at) => person(`m${at}`, { gender: gender(at) }));

    const { manifest, refusals } = await imported(writer, ndjson(lines(all)));

    expect(manifest.output).toEqual([{ type: 'Patient', count: 200 }]);
    expect(refusals).toHaveLength(100);
    expect(refusals[1]).toMatch(/^line 4: Patient\/m3 – /);
    expect(await count('Patient')).toBe(200);
  });
});

describe('an import that is interrupted', () => {
  it('goes on behind the last commit: no line is stored twice, no refusal told twice', async () => {
    const resources = people(6000).flatMap((one, at) =>
      at % 500 === 0 ? [one, { resourceType: 'X' }] : [one],
    );
    const status = await begin(world, 'POST $import', ndjson(lines(resources)));
    const { context } = world;
    const broken = { ...context, backend: failingEvery(2, context.backend) };
    const runner = jobRunner(broken);
    await runner.step();
    await runner.step();
    await runner.step();

    const { manifest, refusals } = await importedAt(world, status);

    expect(manifest.output).toEqual([{ type: 'Patient', count: 6000 }]);
    expect(new Set(refusals).size).toBe(12);
    expect(refusals).toHaveLength(12);
    expect(await world.context.backend.changes(0, 100_000)).toHaveLength(6000);
  });

  it('commits nothing once the part is somebody else’s', async () => {
    const status = await begin(world, 'POST $import', ndjson(lines(people(3000))));
    const { store } = world.context.jobs;
    const { backend } = world.context;
    let commits = 0;
    const overtaken = withCommit(backend, async (commit) => {
      commits += 1;
      if (commits === 2) {
        world.wait(120_000);
        expect(await store.claim('another', world.context.clock.now() + 1_000)).toBeDefined();
      }
      return backend.commit(commit);
    });
    const runner = jobRunner({ ...world.context, backend: overtaken });
    await runner.step();
    await runner.step();
    expect(await count('Patient')).toBe(1000);

    world.wait(10_000);
    const { manifest } = await importedAt(world, status);

    expect(manifest.output).toEqual([{ type: 'Patient', count: 3000 }]);
    expect(await backend.changes(0, 100_000)).toHaveLength(3000);
  });

  it('ends when it is deleted', async () => {
    const status = await begin(world, 'POST $import', ndjson(lines(people(10))));

    expect((await world.ask(`DELETE ${status}`)).status).toBe(202);
    await world.runJobs();

    expect((await world.ask(`GET ${status}`)).status).toBe(404);
    expect(await count('Patient')).toBe(0);
  });
});

/** Every so manyth commit fails as if the disk had. */
function failingEvery(nth: number, backend: Backend): Backend {
  let commits = 0;
  return withCommit(backend, (commit) => {
    commits += 1;
    if (commits % nth === 0) throw new Error('power cut');
    return backend.commit(commit);
  });
}

function withCommit(backend: Backend, commit: Backend['commit']): Backend {
  return new Proxy(backend, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
