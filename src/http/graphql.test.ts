/** `$graphql` as GraphQL clients send it. */
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './testing.js';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await request(server.url)
    .put('/fhir/Patient/ada')
    .type('application/fhir+json')
    .send(JSON.stringify({ resourceType: 'Patient', id: 'ada', active: true }));
});

afterAll(() => server.stop());

const ADA = { data: { Patient: { active: true } } };
const QUERY = '{ Patient(id: "ada") { active } }';

describe('$graphql over HTTP', () => {
  it.each(['application/json', 'application/graphql-response+json, application/json;q=0.9', '*/*'])(
    'answers JSON to a client that accepts %s',
    async (accept) => {
      const answer = await request(server.url)
        .post('/fhir/$graphql')
        .set('accept', accept)
        .type('application/json')
        .send(JSON.stringify({ query: QUERY }));
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: ADA });
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    },
  );

  it('takes the document itself, and a query in the URL', async () => {
    const posted = await request(server.url).post('/fhir/$graphql').type('application/graphql').send(QUERY);
    expect(posted.body).toEqual(ADA);
    const got = await request(server.url).get('/fhir/Patient/ada/$graphql').query({ query: '{ active }' });
    expect(got.body).toEqual({ data: { active: true } });
  });

  it('answers what is wrong with an OperationOutcome', async () => {
    const answer = await request(server.url).get('/fhir/$graphql').query({ query: '{ Patient' });
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toMatch(/^application\/fhir\+json/);
    expect(JSON.parse(answer.text).resourceType).toBe('OperationOutcome');
  });
});
