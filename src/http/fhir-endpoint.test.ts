import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAnswer, raw, startServer, type TestServer } from './testing.js';

const LIMIT = 20_000;
const JSON_TYPE = 'application/fhir+json';
const PATIENT = { resourceType: 'Patient', active: true };
const LONG = { ...PATIENT, address: [{ text: 'Long Street '.repeat(400) }] };

let server: TestServer;
let path: string;
let longPath: string;

beforeAll(async () => {
  server = await startServer({ bodyLimit: LIMIT, headerLimit: 8192 });
  path = await create(PATIENT);
  longPath = await create(LONG);
});

afterAll(() => server.stop());

async function create(resource: object): Promise<string> {
  const answer = await request(server.url)
    .post('/fhir/Patient')
    .type(JSON_TYPE)
    .send(JSON.stringify(resource));
  expect(answer.status).toBe(201);
  return new URL(answer.headers.location ?? '').pathname.replace(/\/_history.*/, '');
}

const send = (body: Buffer, headers: Record<string, string> = {}): Promise<Exchange> =>
  exchange('POST', '/fhir/Patient', { 'content-type': JSON_TYPE, ...headers }, body);

const bytes = (target: string, headers: Record<string, string>): Promise<Exchange> =>
  exchange('GET', target, headers);

const issueOf = (answer: { readonly text: string }): { code: string; text: string } => {
  const { issue } = JSON.parse(answer.text) as { issue: [{ code: string; details: { text: string } }] }; // an OperationOutcome
  return { code: issue[0].code, text: issue[0].details.text };
};

describe('an answer', () => {
  it('carries type, length, version and request id, and is kept by no cache', async () => {
    const answer = await request(server.url).get(path);

    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/fhir+json; charset=utf-8',
      'content-length': String(Buffer.byteLength(answer.text)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      etag: 'W/"1"',
      'last-modified': expect.stringMatching(/GMT$/),
      'x-request-id': expect.stringMatching(/^[a-z0-9-]+$/),
    });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  });

  it('carries the request id that was sent, if it is a sound one', async () => {
    const own = await request(server.url).get(path).set('X-Request-Id', 'client:42.a_b-c');
    const strange = await request(server.url).get(path).set('X-Request-Id', '"><script>');

    expect(own.headers['x-request-id']).toBe('client:42.a_b-c');
    expect(strange.headers['x-request-id']).not.toContain('script');
  });

  it('to HEAD has the headers of GET and no body', async () => {
    const head = parseAnswer(await raw(server.port, lines(`HEAD ${path} HTTP/1.1`, 'Connection: close')));
    const get = parseAnswer(await raw(server.port, lines(`GET ${path} HTTP/1.1`, 'Connection: close')));

    expect(head.status).toBe(200);
    expect(head.body).toBe('');
    for (const name of ['content-length', 'content-type', 'etag', 'last-modified'])
      expect(head.headers.get(name)).toBe(get.headers.get(name));
  });

  it('without a body says so', async () => {
    const notModified = await request(server.url).get(path).set('If-None-Match', 'W/"1"');
    const deleted = await request(server.url).delete(await create(PATIENT));

    expect(notModified.status).toBe(304);
    expect(notModified.headers).not.toHaveProperty('content-length');
    expect(deleted.status).toBe(204);
    expect(deleted.headers).not.toHaveProperty('content-type');
  });

  it('to what the table of routes has not is an OperationOutcome with Allow', async () => {
    const answer = await request(server.url).post(path).type(JSON_TYPE).send('{}');

    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toContain('GET, HEAD');
    expect(issueOf(answer).code).toBe('not-supported');
  });

  it('to a URL that cannot be decoded says how it should be', async () => {
    const answer = await request(server.url).get('/fhir/Patient?name=%zz');

    expect(answer.status).toBe(400);
    expect(issueOf(answer)).toMatchObject({ code: 'invalid', text: expect.stringContaining('percent') });
  });

  it('of many pieces arrives whole', async () => {
    for (let count = 0; count < 60; count++) await create({ ...LONG, gender: 'other' });

    const answer = await request(server.url)
      .get('/fhir/Patient?gender=other&_count=100')
      .set('Accept-Encoding', '');

    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
    expect((JSON.parse(answer.text) as { entry: unknown[] }).entry).toHaveLength(60); // a Bundle
  });
});

describe('compression of answers', () => {
  it.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ] as const)('as %s gives the same bytes', async (coding, decompress) => {
    const plain = await bytes(longPath, {});
    const packed = await bytes(longPath, { 'accept-encoding': coding });

    expect(packed.headers).toMatchObject({
      'content-encoding': coding,
      vary: 'Accept-Encoding',
      'content-length': String(packed.body.length),
    });
    expect(packed.body.length).toBeLessThan(plain.body.length);
    expect(decompress(packed.body)).toEqual(plain.body);
  });

  it('leaves short answers as they are', async () => {
    const { headers } = await bytes(path, { 'accept-encoding': 'br, gzip' });

    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('vary');
  });

  it('says without it too that the answer varies', async () => {
    expect((await bytes(longPath, {})).headers.vary).toBe('Accept-Encoding');
  });
});

describe('a body', () => {
  const text = Buffer.from(JSON.stringify(PATIENT));

  it.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', text],
  ])('with Content-Encoding %s is understood', async (coding, packed) => {
    const answer = await send(packed, { 'Content-Encoding': coding });

    expect(answer.status).toBe(201);
  });

  it('with another Content-Encoding is refused with those that are understood', async () => {
    const answer = await send(text, { 'Content-Encoding': 'zstd' });

    expect(answer.status).toBe(415);
    expect(answer.headers['accept-encoding']).toBe('gzip, deflate, br');
  });

  it('that is not what its Content-Encoding says is refused', async () => {
    const answer = await send(text, { 'Content-Encoding': 'gzip' });

    expect(answer.status).toBe(400);
  });

  it('that grows past the limit when it is decompressed is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(10 * LIMIT, ' '));

    const answer = await send(bomb, { 'Content-Encoding': 'gzip' });

    expect(bomb.length).toBeLessThan(LIMIT);
    expect(answer.status).toBe(413);
    expect(issueOf(answer).code).toBe('too-long');
  });

  it('that says it is too large is refused before it is sent', async () => {
    const head = lines('POST /fhir/Patient HTTP/1.1', `Content-Length: ${LIMIT + 1}`, 'Expect: 100-continue');

    const answer = parseAnswer(await raw(server.port, head));

    expect(answer.status).toBe(413);
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('that is too large is refused with an answer that its sender gets to read', async () => {
    const answer = await send(Buffer.alloc(5_000_000, ' '));

    expect(answer.status).toBe(413);
    expect(issueOf(answer).text).toContain('FAIRWAY_BODY_LIMIT');
  });

  it('finds no room while others take it all, and finds it again when they are answered', async () => {
    const small = await startServer({ bodyLimit: LIMIT, bodyBudget: 1024 });
    const head = (length: number) =>
      lines(
        'POST /fhir/Patient HTTP/1.1',
        'Connection: close',
        `Content-Type: ${JSON_TYPE}`,
        `Content-Length: ${length}`,
      );
    const filling = connect(small.port, '127.0.0.1').on('error', () => undefined);
    filling.write(`${head(1100)}${' '.repeat(1000)}`);
    const other = async (): Promise<number> => {
      const answer = parseAnswer(await raw(small.port, `${head(text.length)}${text}`));
      return answer.status;
    };

    await expect.poll(other).toBe(503);
    filling.destroy();

    await expect.poll(other).toBe(201);
    await small.stop();
  });

  it('in chunks that grow past the limit is refused', async () => {
    const head = lines('POST /fhir/Patient HTTP/1.1', 'Transfer-Encoding: chunked');
    const chunk = `${(LIMIT + 1).toString(16)}\r\n${' '.repeat(LIMIT + 1)}\r\n0\r\n\r\n`;

    expect(
      parseAnswer(await raw(server.port, head + chunk, (answer) => answer.includes('too-long'))).status,
    ).toBe(413);
  });

  it('is asked for with 100 Continue where the sender waits for that', async () => {
    const head = lines(
      'POST /fhir/Patient HTTP/1.1',
      `Content-Length: ${text.length}`,
      `Content-Type: ${JSON_TYPE}`,
      'Expect: 100-continue',
    );

    const answer = await raw(server.port, head + text, (all) => all.includes('201 Created'));

    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201/);
  });

  it('of a search is a form', async () => {
    const form = await request(server.url)
      .post('/fhir/Patient/_search?_count=1')
      .type('application/x-www-form-urlencoded')
      .send('active=true&_sort=_id');
    const json = await request(server.url).post('/fhir/Patient/_search').type(JSON_TYPE).send('{}');

    expect(form.status).toBe(200);
    expect(form.text).toContain('active=true');
    expect(form.text).toContain('_count=1');
    expect(json.status).toBe(415);
  });
});

describe('the head of a request', () => {
  it('with a URL that is too long is refused', async () => {
    const answer = await request(server.url).get(`/fhir/Patient?name=${'x'.repeat(4096)}`);

    expect(answer.status).toBe(414);
    expect(issueOf(answer).text).toContain('_search');
  });

  it('that is too large is refused', async () => {
    const answer = parseAnswer(
      await raw(server.port, lines(`GET ${path} HTTP/1.1`, `X-Long: ${'x'.repeat(9000)}`)),
    );

    expect(answer.status).toBe(431);
    expect(answer.body).toContain('OperationOutcome');
  });
});

function lines(...head: readonly string[]): string {
  return `${[head[0], 'Host: localhost', ...head.slice(1)].join('\r\n')}\r\n\r\n`;
}

interface Exchange {
  readonly status: number | undefined;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly text: string;
}

/** Bytes as they are given and as they come, neither packed nor unpacked. */
function exchange(
  method: string,
  target: string,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(server.url + target, { method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const received = Buffer.concat(chunks);
        resolve({
          status: answer.statusCode,
          headers: answer.headers,
          body: received,
          text: received.toString(),
        });
      });
    });
    sent.on('error', reject).end(body);
  });
}
