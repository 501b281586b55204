import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/log.js';
import { renderRefusal } from './render.js';
import { interactionName, located } from './router.js';
import { openWorld, requestOf, type World } from './testing.js';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await world.ask('PUT Patient/1', { body: { resourceType: 'Patient', id: '1' } });
});
afterAll(() => world.close());

describe('methods', () => {
  it.each([
    ['DELETE metadata', 'GET, HEAD'],
    ['POST Patient/1', 'GET, HEAD, PUT, PATCH, DELETE'],
    ['PUT Patient/1/_history/1', 'GET, HEAD'],
    ['GET Patient/_search', 'POST'],
    ['PUT ', 'GET, HEAD, POST'],
    ['TRACE Patient', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
    ['constructor Patient', 'GET, HEAD, POST, PUT, PATCH, DELETE'],
  ])('%s is 405 and says which there are', async (line, allow) => {
    const answer = await world.ask(line);
    expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
    expect(answer.json.issue[0].code).toBe('not-supported');
  });
});

describe('paths', () => {
  it.each([
    ['GET Patient/1/2/3/4', 'not-found'],
    ['GET Patient/1/_history/1/2', 'not-found'],
    ['GET _nothing', 'not-found'],
    ['GET Patient/_nothing', 'not-found'],
    ['GET Observation/1/Patient', 'not-found'],
    ['GET nothing', 'not-supported'],
    ['GET Resource/1', 'not-supported'],
    ['GET __proto__/1', 'not-found'],
    ['GET Patient/1/Nothing', 'not-found'],
  ])('%s is 404', async (line, code) => {
    const answer = await world.ask(line);
    expect([answer.status, answer.json.issue[0].code]).toEqual([404, code]);
  });

  it.each(['POST $improve', 'GET Patient/$improve', 'GET Patient/1/$improve'])(
    '%s is 404 and names the operation',
    async (line) => {
      const answer = await world.ask(line);
      expect([answer.status, answer.json.issue[0].code]).toEqual([404, 'not-supported']);
      expect(answer.json.issue[0].details.text).toMatch(/operation "\$/);
    },
  );
});

describe('forms', () => {
  it.each([
    ['application/fhir+xml', ''],
    ['text/turtle', ''],
    ['application/fhir+json;q=0, text/html', ''],
    ['application/fhir+json; fhirVersion=5.0', ''],
    ['*/*', '?_format=xml'],
    ['application/fhir+json', '?_format=application/fhir%2Bxml'],
  ])('Accept: %s with %s is 406', async (accept, query) => {
    const answer = await world.ask(`GET Patient/1${query}`, { headers: { accept } });
    expect([answer.status, answer.json.resourceType]).toEqual([406, 'OperationOutcome']);
  });

  it.each([
    ['application/fhir+xml, application/fhir+json;q=0.5', ''],
    ['text/html,application/xhtml+xml,*/*;q=0.8', ''],
    ['application/json; fhirVersion=4.0', ''],
    ['application/*', ''],
    ['', ''],
    ['application/fhir+xml', '?_format=json'],
    ['application/fhir+xml', '?_format=application/fhir+json'],
    ['application/fhir+xml', '?_format=text/json'],
  ])('Accept: %s with %s is answered', async (accept, query) => {
    expect((await world.ask(`GET Patient/1${query}`, { headers: { accept } })).status).toBe(200);
  });

  it('refuses the form before anything is written', async () => {
    const answer = await world.ask('PUT Patient/2', {
      body: { resourceType: 'Patient', id: '2' },
      headers: { accept: 'application/fhir+xml' },
    });
    expect(answer.status).toBe(406);
    expect((await world.ask('GET Patient/2')).status).toBe(404);
  });
});

describe('unexpected errors', () => {
  it('answer 500 with the request id alone; the log has class and place, no message', () => {
    const lines: object[] = [];
    const log = { ...silentLogger, error: (fields: object) => void lines.push(fields) };
    const answer = renderRefusal(new TypeError('Ada Example, born 1815'), { requestId: 'r-17', log });
    const text = Buffer.concat(answer.body ?? []).toString('utf8');
    expect(answer.status).toBe(500);
    expect(text).toContain('r-17');
    expect(text).not.toMatch(/Ada| at /);
    expect(lines).toEqual([
      { requestId: 'r-17', error: 'TypeError', stack: expect.stringContaining('router.test') },
    ]);
    expect(JSON.stringify(lines)).not.toContain('Ada');
  });
});

describe('interactionName', () => {
  it.each([
    ['GET Patient/1', 'read'],
    ['POST ', 'bundle'],
    ['POST Patient/_search', 'search-type'],
    ['GET Patient/1/Condition', 'search-compartment'],
    ['GET nothing/1', undefined],
    ['TRACE Patient', undefined],
  ])('%s is %s', (line, name) => {
    expect(interactionName(located(requestOf(line), world.context))).toBe(name);
  });
});
