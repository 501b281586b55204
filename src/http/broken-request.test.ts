import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAnswer, raw, startServer, type TestServer } from './testing.js';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ headTimeLimit: 1_000, receiveTimeLimit: 2_000, requestTimeLimit: 60_000 });
});

afterAll(() => server.stop());

describe('what is no HTTP', () => {
  it.each([
    ['garbage', '\0\0\0\0\r\n\r\n'],
    ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
    ['another version', 'GET / HTTP/9.9\r\n\r\n'],
    ['an unknown method', 'G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    [
      'a second length',
      'POST /fhir HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'a length beside chunks',
      'POST /fhir HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a broken chunk', 'POST /fhir HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a line break in a header', 'GET /fhir HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n'],
  ])('is answered with 400 and the connection closed: %s', async (_case, bytes) => {
    const answer = parseAnswer(await raw(server.port, Buffer.from(bytes, 'latin1')));

    expect(answer.status).toBe(400);
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.body).toContain('"resourceType":"OperationOutcome"');
  });
});

describe('what a FHIR server does not do', () => {
  it.each([
    ['CONNECT localhost:443 HTTP/1.1', 405],
    ['TRACE /fhir/Patient HTTP/1.1', 405],
    ['PROPFIND /fhir/Patient HTTP/1.1', 405],
    ['OPTIONS * HTTP/1.1', 400],
    ['GET * HTTP/1.1', 400],
  ])('is refused: %s', async (line, status) => {
    const answer = parseAnswer(
      await raw(server.port, `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
    );

    expect(answer.status).toBe(status);
    expect(answer.body).toContain('"resourceType":"OperationOutcome"');
  });
});

describe('a slow sender', () => {
  it('of headers is answered with 408', async () => {
    const answer = parseAnswer(await raw(server.port, 'GET /fhir HTTP/1.1\r\nHost: localhost\r\nX-'));

    expect(answer.status).toBe(408);
    expect(answer.body).toContain('"code":"timeout"');
  });

  it('of a body is answered with 408', async () => {
    const head = 'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{';

    expect(parseAnswer(await raw(server.port, head)).status).toBe(408);
  });
});

describe('a sender that goes away', () => {
  it('in the middle of its body leaves the server well', async () => {
    const socket = connect(server.port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.write('POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{', () =>
        resolve(),
      );
    });
    socket.resetAndDestroy();

    expect((await fetch(`${server.url}/fhir/Patient?_count=1`)).status).toBe(200);
  });
});

describe('requests in a row on one connection', () => {
  it('are answered in their order', async () => {
    const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

    const answers = await raw(
      server.port,
      get('/fhir/Patient?_count=1') + get('/nothing') + get('/fhir/Patient/none', 'Connection: close\r\n'),
    );

    expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual([
      '200',
      '404',
      '404',
    ]);
  });
});
