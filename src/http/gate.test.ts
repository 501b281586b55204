import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAnswer, raw, startServer, type TestServer } from './testing.js';

const PATIENT = '{"resourceType":"Patient"}';
const JSON_TYPE = 'application/fhir+json';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ publicUrl: 'https://fhir.example.org' });
});

afterAll(() => server.stop());

const get = (headers: Record<string, string>): request.Test =>
  request(server.url).get('/fhir/Patient').set(headers);

const post = (headers: Record<string, string>): request.Test =>
  request(server.url).post('/fhir/Patient').type(JSON_TYPE).set(headers).send(PATIENT);

describe('Host', () => {
  it.each([
    'localhost',
    'localhost:1',
    '127.0.0.1',
    '127.0.0.1:9',
    '[::1]:80',
    'a.localhost',
    'fhir.example.org',
  ])('may be %s', async (host) => {
    expect((await get({ Host: host })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    '[fe80::1]',
    'a@localhost',
  ])('may not be %s', async (host) => {
    const answer = await get({ Host: host });

    expect(answer.status).toBe(421);
    expect(answer.text).toContain('"code":"security"');
  });

  it('must not be another for pages and probes either', async () => {
    const statuses = await Promise.all(
      ['/', '/healthz', '/metrics', '/fhir/metadata'].map(
        async (path) => (await request(server.url).get(path).set('Host', 'evil.example')).status,
      ),
    );

    expect(statuses).toEqual([421, 421, 421, 421]);
  });

  it('must be there, and once', async () => {
    const none = await raw(server.port, 'GET /fhir/Patient HTTP/1.1\r\nConnection: close\r\n\r\n');
    const two = await raw(
      server.port,
      'GET /fhir HTTP/1.1\r\nHost: localhost\r\nHost: b\r\nConnection: close\r\n\r\n',
    );

    expect(parseAnswer(none).status).toBe(421);
    expect(parseAnswer(two).status).toBe(400);
  });

  it('is outweighed by the URL of a request as to a proxy', async () => {
    const close = 'Host: localhost\r\nConnection: close\r\n\r\n';
    const foreign = await raw(server.port, `GET http://evil.example/fhir/Patient HTTP/1.1\r\n${close}`);
    const ours = await raw(server.port, `GET http://localhost/fhir/Patient?_count=1 HTTP/1.1\r\n${close}`);

    expect(parseAnswer(foreign).status).toBe(421);
    expect(parseAnswer(ours).status).toBe(200);
  });

  it('of a proxy in front is not believed unasked', async () => {
    expect((await get({ 'X-Forwarded-Host': 'evil.example' })).status).toBe(200);
  });
});

describe('a write', () => {
  it.each<[string, Record<string, string>]>([
    ['of a program', {}],
    ['of our own page', { Host: 'localhost:8080', Origin: 'http://localhost:8080' }],
    ['of our own page by the public URL', { Origin: 'https://fhir.example.org' }],
    ['of our own page, as a browser says', { 'Sec-Fetch-Site': 'same-origin' }],
  ])('%s is taken', async (_case, headers) => {
    expect((await post(headers)).status).toBe(201);
  });

  it.each<[string, Record<string, string>]>([
    ['of another site', { Origin: 'https://evil.example' }],
    ['of another port', { Host: 'localhost:8080', Origin: 'http://localhost:3000' }],
    ['of another scheme', { Host: 'localhost:8080', Origin: 'https://localhost:8080' }],
    ['of a page without origin', { Origin: 'null' }],
    ['of another site, as a browser says', { 'Sec-Fetch-Site': 'cross-site' }],
    ['of a neighbour, as a browser says', { 'Sec-Fetch-Site': 'same-site' }],
  ])('%s is refused', async (_case, headers) => {
    const answer = await post(headers);

    expect(answer.status).toBe(403);
    expect(answer.text).toContain('"code":"forbidden"');
  });
});

describe('a read across origins', () => {
  it('is shown to pages of this machine', async () => {
    const answer = await get({ Origin: 'http://localhost:3000' });

    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'http://localhost:3000',
      'access-control-expose-headers': expect.stringContaining('ETag'),
      vary: expect.stringContaining('Origin'),
    });
  });

  it('is not shown to others', async () => {
    const answer = await get({ Origin: 'https://evil.example' });

    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it.each([
    ['http://localhost:3000', 'GET', 204],
    ['http://localhost:3000', 'POST', 403],
    ['https://evil.example', 'GET', 403],
  ])('asked for beforehand from %s for %s is answered with %i', async (origin, method, status) => {
    const answer = await request(server.url)
      .options('/fhir/Patient')
      .set({ Origin: origin, 'Access-Control-Request-Method': method });

    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-methods']).toBe(status === 204 ? 'GET, HEAD' : undefined);
  });
});

describe('a proxy that is trusted', () => {
  let behind: TestServer;

  beforeAll(async () => {
    behind = await startServer({ trustProxy: true });
  });

  afterAll(() => behind.stop());

  it('names host and scheme of the links', async () => {
    const answer = await request(behind.url)
      .post('/fhir/Patient')
      .type(JSON_TYPE)
      .set({ 'X-Forwarded-Host': 'app.localhost', 'X-Forwarded-Proto': 'https' })
      .send(PATIENT);

    expect(answer.headers.location).toMatch(/^https:\/\/app\.localhost\/fhir\/Patient\//);
  });

  it('does not make an open server answer to other names', async () => {
    const answer = await request(behind.url).get('/fhir/Patient').set('X-Forwarded-Host', 'evil.example');

    expect(answer.status).toBe(421);
  });
});
