/** Kick-offs of imports that are refused, and why. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ASYNC } from '../export/exporting/testing.js';
import { openWorld, type World } from '../testing.js';
import { jsonBody, ndjson, parameters } from './importing/testing.js';

let world: World;
beforeAll(async () => {
  world = await openWorld({ jobsPerClient: 1 });
});
afterAll(() => world.close());

const FILE = { type: 'Patient', url: 'https://example.org/p.ndjson' };
const input = (...part: readonly object[]) => ({ name: 'input', part });
const given = (...parameter: readonly object[]) => jsonBody({ resourceType: 'Parameters', parameter });

describe('an import', () => {
  it.each([
    ['without inputs', given({ name: 'mode', valueCode: 'upsert' }), /needs the parameter input/],
    ['of another format', given({ name: 'inputFormat', valueCode: 'text/csv' }), /inputFormat must be/],
    [
      'in another mode',
      parameters([FILE], [{ name: 'mode', valueCode: 'merge' }]),
      /mode is upsert .* or load/,
    ],
    [
      'with a strange parameter',
      parameters([FILE], [{ name: 'x', valueCode: 'y' }]),
      /x is none of \$import/,
    ],
    ['of a strange type', parameters([{ ...FILE, type: 'Dragon' }]), /type is no resource type/],
    ['without a type', given(input({ name: 'url', valueUrl: FILE.url })), /needs the parameter type/],
    ['without a URL', given(input({ name: 'type', valueCode: 'Patient' })), /needs the parameter url/],
    ['of a relative URL', parameters([{ ...FILE, url: 'p.ndjson' }]), /url is no absolute URL/],
    ['of a local file', parameters([{ ...FILE, url: 'file:///etc/passwd' }]), /url is no absolute URL/],
    [
      'with a password',
      parameters([{ ...FILE, url: 'https://a:b@example.org/' }]),
      /no user and no password/,
    ],
    [
      'with what a storage needs',
      parameters([FILE], [{ name: 'storageDetail', part: [{ name: 'type', valueCode: 'aws-s3' }] }]),
      /storageDetail is not used here/,
    ],
    ['of no Parameters', jsonBody({ resourceType: 'Patient' }), /not Parameters/],
    ['of nothing at all', ndjson(''), /body is empty/],
    [
      'of no JSON',
      { headers: { 'content-type': 'application/fhir+json' }, body: Buffer.from('{') },
      /not JSON/,
    ],
  ])('%s is refused', async (_what, ask, text) => {
    const answer = await world.ask('POST $import', { ...ask, headers: { ...ASYNC, ...ask.headers } });

    expect(answer.status, answer.text).toBe(400);
    expect(answer.json.issue.map((issue: Issue) => issue.details.text).join('\n')).toMatch(text);
  });

  it('is told of all that is wrong, with its place', async () => {
    const ask = parameters([{ type: 'Dragon', url: 'x' }, FILE], [{ name: 'mode', valueCode: 'merge' }]);

    const { json } = await world.ask('POST $import', { ...ask, headers: { ...ASYNC, ...ask.headers } });

    expect(json.issue.map((issue: Issue) => issue.expression?.[0])).toEqual([
      'Parameters.parameter[3]',
      'Parameters.parameter[1].part[0]',
      'Parameters.parameter[1].part[1]',
    ]);
  });

  it('that would wait, of another media type, or by GET, is refused', async () => {
    const xml = { headers: { ...ASYNC, 'content-type': 'application/xml' }, body: Buffer.from('<x/>') };

    expect((await world.ask('POST $import', parameters([FILE]))).text).toContain('Prefer: respond-async');
    expect((await world.ask('POST $import', xml)).status).toBe(415);
    expect((await world.ask('GET $import', { headers: ASYNC })).status).toBe(405);
  });

  it('may be one of so many', async () => {
    const ask = { ...parameters([FILE], [{ name: 'storageDetail' }]) };
    const all = { ...ask, headers: { ...ASYNC, ...ask.headers } };

    expect((await world.ask('POST $import', all)).status).toBe(202);
    const second = await world.ask('POST $import', {
      ...ndjson('{}'),
      headers: { ...ASYNC, ...ndjson('').headers },
    });

    expect([second.status, second.json.issue[0].code]).toEqual([429, 'throttled']);
    expect(second.json.issue[0].details.text).toContain('imports running');
  });
});

interface Issue {
  readonly details: { readonly text: string };
  readonly expression?: readonly string[];
}
