/** Purges of patients: what goes, what stays, what is counted, and who may. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Predicate } from '../../fhir/search/query.js';
import { type AccessDecision, type AccessFilter, permitting } from '../../ports/access-filter.js';
import { askOfAudit } from '../audit/testing.js';
import {
  ASYNC,
  begin,
  complete,
  exported,
  observation,
  provenance,
  put,
  remove,
} from '../export/exporting/testing.js';
import { below, openWorld, type World } from '../testing.js';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

interface Counts {
  readonly matched: number;
  readonly purged: number;
  readonly stays: number;
}

interface Purged extends Counts {
  readonly dryRun: boolean;
  readonly request: string;
  readonly output: readonly (Counts & { readonly type: string })[];
  readonly error: readonly { readonly url: string; readonly count: number }[];
}

async function purged(id: string, query = '', between: () => Promise<void> = async () => undefined) {
  const status = await begin(world, `POST Patient/${id}/$purge${query}`);
  await between();
  const answer = await complete(world, status);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as Purged;
}

const statusOf = async (line: string) => (await world.ask(`GET ${line}`)).status;

/** What the error files say stays. */
async function told(result: Purged): Promise<readonly string[]> {
  const files = await Promise.all(result.error.map(({ url }) => world.ask(`GET ${below(url)}`)));
  const lines = files.flatMap(({ text }) => text.trim().split('\n'));
  return lines.map((line) => JSON.parse(line).issue[0].diagnostics as string).sort();
}

const medication = (patient: string): object => ({
  status: 'active',
  intent: 'order',
  subject: { reference: `Patient/${patient}` },
  contained: [{ resourceType: 'Medication', id: 'm', code: { text: 'inside' } }],
  medicationReference: { reference: '#m' },
});

const appointment = (...patients: readonly string[]): object => ({
  status: 'booked',
  participant: patients.map((id) => ({ actor: { reference: `Patient/${id}` }, status: 'accepted' })),
});

describe('a purge', () => {
  beforeEach(async () => {
    await put(world, 'Patient', 'a', { name: [{ family: 'Gone' }], identifier: [{ value: 'gone-1' }] });
    await put(world, 'Patient', 'b', { name: [{ family: 'Staying' }] });
    for (const id of ['1', '2']) await put(world, 'Observation', id, observation('a'));
    await put(world, 'Observation', '1', observation('a', 'changed'));
    await put(world, 'Observation', '3', observation('b'));
    await put(world, 'MedicationRequest', '1', medication('a'));
    await put(world, 'Observation', 'deleted', observation('a'));
    await remove(world, 'Observation/deleted');
  });

  it('takes a patient and all of the record away, deletions and contained ones too, and says how much', async () => {
    const result = await purged('a');

    expect(result).toMatchObject({
      request: 'http://fairway.test/fhir/Patient/a/$purge',
      dryRun: false,
      matched: 5,
      purged: 5,
      stays: 0,
      output: [
        { type: 'MedicationRequest', matched: 1, purged: 1, stays: 0 },
        { type: 'Observation', matched: 3, purged: 3, stays: 0 },
        { type: 'Patient', matched: 1, purged: 1, stays: 0 },
      ],
      error: [],
    });
    const gone = [
      'Patient/a',
      'Observation/1',
      'Observation/2',
      'Observation/deleted',
      'MedicationRequest/1',
    ];
    for (const key of gone) {
      expect(await statusOf(key), key).toBe(404);
      expect(await statusOf(`${key}/_history/1`), key).toBe(404);
      expect(await statusOf(`${key}/_history`), key).toBe(404);
    }
    expect((await exported(world, 'GET $export')).keys).toEqual(['Observation/3', 'Patient/b']);
    const history = await world.ask('GET _history');
    expect(history.json.entry.map(({ fullUrl }: { fullUrl: string }) => below(fullUrl)).sort()).toEqual([
      'Observation/3',
      'Patient/b',
    ]);
  });

  it.each([
    'Patient?family=gone',
    'Patient?identifier=gone-1',
    'Patient?_content=gone',
    'Observation?subject=Patient/a',
    'Observation?subject:Patient.name=gone',
    'Observation?code=changed',
    'Medication?_contained=true&code:text=inside',
    'MedicationRequest?medication.code:text=inside',
  ])('is followed by no match of %s', async (search) => {
    expect((await world.ask(`GET ${search}`)).json.entry).toHaveLength(
      1 + Number(search.includes('subject')),
    );

    await purged('a');

    expect((await world.ask(`GET ${search}`)).json.entry ?? []).toEqual([]);
  });

  it('leaves what is in the record of another patient, too, and lists it', async () => {
    await put(world, 'Appointment', 'both', appointment('a', 'b'));
    await put(world, 'Appointment', 'own', appointment('a'));
    await put(world, 'Group', 'both', {
      type: 'person',
      actual: true,
      member: ['a', 'b'].map((id) => ({ entity: { reference: `Patient/${id}` } })),
    });
    await put(world, 'Patient', 'linked', { link: [{ type: 'seealso', other: { reference: 'Patient/a' } }] });
    await put(world, 'Provenance', 'of-b', provenance('Observation/3'));

    const result = await purged('a');

    expect(result).toMatchObject({ matched: 9, purged: 6, stays: 3 });
    expect(await told(result)).toEqual(['Appointment/both', 'Group/both', 'Patient/linked']);
    expect(await statusOf('Appointment/own')).toBe(404);
    for (const key of await told(result)) expect(await statusOf(key)).toBe(200);
    expect(await statusOf('Provenance/of-b')).toBe(200);
  });

  it('as a dry run counts, and changes nothing', async () => {
    await put(world, 'Appointment', 'both', appointment('a', 'b'));

    const result = await purged('a', '?_dryRun=true');

    expect(result).toMatchObject({ dryRun: true, matched: 6, purged: 0, stays: 1 });
    expect(await told(result)).toEqual(['Appointment/both']);
    expect(await statusOf('Patient/a/_history/1')).toBe(200);
    expect(await statusOf('Observation/deleted')).toBe(410);
  });

  it('takes what was written for the patient after the kick-off, too', async () => {
    const result = await purged('a', '', async () => {
      await put(world, 'Observation', 'late', observation('a'));
      await put(world, 'Observation', '2', observation('b'));
    });

    expect(result.output).toContainEqual({ type: 'Observation', matched: 3, purged: 3, stays: 0 });
    expect(await statusOf('Observation/late')).toBe(404);
    expect(await statusOf('Observation/2')).toBe(200);
  });

  it('takes a patient who was deleted', async () => {
    for (const key of ['Observation/1', 'Observation/2', 'MedicationRequest/1', 'Patient/a'])
      await remove(world, key);

    expect(await purged('a')).toMatchObject({ matched: 5, purged: 5 });
    expect(await statusOf('Patient/a')).toBe(404);
    expect((await world.ask('POST Patient/a/$purge', { headers: ASYNC })).status).toBe(404);
  });

  it('frees the id, whose versions begin anew', async () => {
    await purged('a');

    const made = await world.ask('PUT Patient/a', { body: { resourceType: 'Patient', id: 'a' } });

    expect(made.status).toBe(201);
    expect(made.headers.etag).toBe('W/"1"');
    expect((await world.ask('GET Patient/a/_history')).json.total.toString()).toBe('1');
    expect((await world.ask('GET Patient/a/$everything')).json.entry).toHaveLength(1);
  });

  it('goes in steps, of any size of the record', async () => {
    const entry = Array.from({ length: 450 }, (_, at) => ({
      resource: { resourceType: 'Observation', id: `x${at}`, ...observation('a') },
      request: { method: 'PUT', url: `Observation/x${at}` },
    }));
    const body = Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }));
    expect((await world.ask('POST ', { body })).status).toBe(200);

    expect(await purged('a')).toMatchObject({ matched: 455, purged: 455 });
    expect((await world.context.backend.counts()).get('Observation')).toBe(1);
  });
});

describe('a purge is refused', () => {
  it.each([
    ['POST Patient/a/$purge?_dryRun=perhaps', 400, /_dryRun must be true or false/],
    ['POST Patient/a/$purge?gender=male', 400, /gender/],
    ['POST Patient/a/$purge', 404, /no Patient/],
    ['POST Observation/a/$purge', 404, /\$purge/],
    ['POST Patient/$purge', 404, /\$purge/],
    ['GET Patient/a/$purge', 405, /POST/],
  ])('as %s', async (line, status, text) => {
    const answer = await world.ask(line, { headers: ASYNC });

    expect(answer.status, answer.text).toBe(status);
    expect(answer.text).toMatch(text);
  });

  it('with a body, and to be waited for', async () => {
    await put(world, 'Patient', 'a');
    const body = Buffer.from('{"resourceType":"Parameters"}');

    expect((await world.ask('POST Patient/a/$purge', { headers: ASYNC, body })).text).toContain(
      'takes no body',
    );
    expect((await world.ask('POST Patient/a/$purge')).text).toContain('Prefer: respond-async');
  });

  it('as an entry of a bundle', async () => {
    const entry = [{ request: { method: 'POST', url: 'Patient/a/$purge' } }];

    const answer = await world.ask('POST ', { body: { resourceType: 'Bundle', type: 'batch', entry } });

    expect(answer.text).toContain('asked for by themselves');
  });
});

describe('who may not purge all', () => {
  const all: AccessFilter = { kind: 'unrestricted', reason: 'test' };
  const ONE: Predicate = { op: 'id', ids: ['only-this'] };
  /** All but a type, of which it lets through nothing or one resource. */
  const but = (type: string, where?: Predicate): AccessFilter => {
    const types = [...world.context.knowledge.definitions.resourceTypes.keys()];
    const byType: Record<string, Predicate> = {};
    for (const each of types) if (each !== type) byType[each] = { op: 'everything' };
    if (where !== undefined) byType[type] = where;
    return { kind: 'restricted', byType };
  };
  const asked = async (access: Partial<AccessDecision>, id = 'a') => {
    const asker = world.as({ principal: 'some', ...permitting(all), ...access });
    return asker.ask(`POST Patient/${id}/$purge`, { headers: ASYNC });
  };

  it.each([
    ['a type that may not be deleted', () => ({ delete: but('Condition') }), 'delete on Condition'],
    ['a part of a type that may not be', () => ({ delete: but('Condition', ONE) }), 'delete on Condition'],
    ['a type that may not be seen', () => ({ search: but('Consent', ONE) }), 'search on Consent'],
  ] as const)('is told of %s, and the same whether anything is there', async (_, access, text) => {
    await put(world, 'Patient', 'a');
    const answers = [await asked(access()), await asked(access(), 'nobody')];

    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[0]?.text).toContain(`You lack ${text}.`);
    expect(answers[1]?.text).toBe(answers[0]?.text);
    expect(await statusOf('Patient/a')).toBe(200);
  });

  it('is told a few names where everything is missing', async () => {
    const none: AccessFilter = { kind: 'restricted', byType: {} };

    const answer = await asked(permitting(none));

    expect(answer.status).toBe(403);
    expect(answer.text).toMatch(/search on Account, .* and \d+ other types; delete on Account/);
  });

  it('may purge without AuditEvents, which stay', async () => {
    await put(world, 'Patient', 'a');

    expect((await asked({ delete: but('AuditEvent'), search: but('AuditEvent') })).status).toBe(202);
  });
});

describe('the audit log', () => {
  it('tells who purged which patient, and how many of which type', async () => {
    const audited = await openWorld({}, { audited: true });
    const asker = audited.as({
      principal: 'asker',
      agent: { client: 'eraser' },
      ...permitting({ kind: 'unrestricted', reason: 'test' }),
    });
    await put(asker, 'Patient', 'a');
    for (const id of ['1', '2']) await put(asker, 'Observation', id, observation('a'));
    await complete(asker, await begin(asker, 'POST Patient/a/$purge'));

    const batches = await audited.audit.read(0, 1_000);
    const records = batches.flatMap((batch) => batch.records);
    const purges = records.filter(({ interaction }) => interaction.endsWith('purge'));
    const events = await askOfAudit(asker, 'GET AuditEvent?action=D&patient=Patient/a');
    await audited.close();

    const by = { client: 'eraser', network: '192.0.2.7', patients: ['a'], outcome: 'success' };
    expect(purges).toEqual([
      expect.objectContaining({ ...by, interaction: '$purge', type: 'Patient', id: 'a', status: 202 }),
      expect.objectContaining({ ...by, interaction: 'purge', query: 'Observation=2' }),
      expect.objectContaining({ ...by, interaction: 'purge', query: 'Patient=1' }),
    ]);
    expect(events.json.entry).toHaveLength(2);
  });
});
