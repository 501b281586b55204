import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './testing.js';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

describe('the landing page', () => {
  it('says where everything is, and every local link leads there', async () => {
    const page = await request(server.url).get('/');

    const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, href = '']) =>
      href.replaceAll('&amp;', '&'),
    );
    const local = links.filter((href) => !/^(https|data):/.test(href));
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(local).toEqual(expect.arrayContaining(['fhir/metadata', 'healthz', 'readyz', 'metrics']));
    for (const href of local) expect((await request(server.url).get(`/${href}`)).status, href).toBe(200);
  });

  it('runs no script and loads nothing', async () => {
    const page = await request(server.url).get('/');

    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.text).not.toMatch(/<script|<link rel="stylesheet"|@import|url\(/);
    expect(page.text).toContain('width=device-width');
  });
});

describe('probes', () => {
  it.each([
    ['/healthz', 'alive'],
    ['/readyz', 'ready'],
  ])('%s says %s', async (path, status) => {
    const answer = await request(server.url).get(path);

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status });
  });

  it('are for reading alone', async () => {
    expect((await request(server.url).post('/healthz')).status).toBe(405);
  });
});

describe('metrics', () => {
  it('count requests by interaction and class of status, and name no patient', async () => {
    await request(server.url).get('/fhir/Patient/somebody');
    await request(server.url).get('/fhir/Patient?name=somebody');

    const { text, headers } = await request(server.url).get('/metrics');

    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toContain('fairway_http_request_duration_seconds_count{interaction="read",status="4xx"} 1');
    expect(text).toMatch(/_count\{interaction="search-type",status="2xx"\} [1-9]/);
    expect(text).toMatch(/_bucket\{le="\+Inf",interaction="read",status="4xx"\} 1/);
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('somebody');
  });
});

describe('elsewhere', () => {
  it.each(['/nothing', '/fhirx', '/t/other/fhir/Patient', '/t/default/fhir/Patient', '/t/', '/%zz'])(
    'is nothing: %s',
    async (path) => {
      const answer = await request(server.url).get(path);

      expect([400, 404]).toContain(answer.status);
      expect(answer.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
      expect(answer.headers).toHaveProperty('x-request-id');
      expect(answer.headers).not.toHaveProperty('x-powered-by');
    },
  );

  it('is told what it is for', async () => {
    const answer = await request(server.url).delete('/');

    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });
});
