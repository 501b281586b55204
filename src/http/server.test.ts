import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseAnswer, startServer, type TestServer } from './testing.js';

const HEAD = 'POST /fhir/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\n';
const PATIENT = '{"resourceType":"Patient"}';

async function opened(server: TestServer, bytes: string): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay().write(bytes);
  return socket;
}

async function restOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return text;
}

describe('a server that stops', () => {
  it('finishes the request in flight, closes idle connections and takes no new ones', async () => {
    const server = await startServer({ shutdownTimeLimit: 60_000 });
    const idle = await opened(server, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const busy = await opened(
      server,
      `${HEAD}Content-Length: ${PATIENT.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await once(busy, 'data'); // 100 Continue: the request has begun

    const stopped = server.stop();
    await once(idle, 'close');
    await expect(opened(server, '')).rejects.toThrow('ECONNREFUSED');
    busy.write(PATIENT);
    const answer = parseAnswer(await restOf(busy));
    await stopped;

    expect(answer.status).toBe(201);
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('cuts off what is not finished at the limit', async () => {
    const server = await startServer({ shutdownTimeLimit: 50 });
    const busy = await opened(server, `${HEAD}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n`);
    await once(busy, 'data');

    await Promise.all([server.stop(), restOf(busy)]);

    expect(busy.destroyed).toBe(true);
  });
});

describe('a client that takes nothing', () => {
  it('is cut off: a stopping server does not wait for it', async () => {
    const server = await startServer({ sendTimeLimit: 200, shutdownTimeLimit: 600_000 });
    // Far more than the buffers of both ends hold.
    const socket = await opened(server, 'GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(40));
    await once(socket, 'readable');

    await server.stop();

    socket.on('error', () => undefined).destroy();
  });
});

describe('an answer that takes too long', () => {
  it('is replaced by a refusal that says what may have happened', async () => {
    const server = await startServer({ requestTimeLimit: 100 });
    const { backend } = server.tenant.parts;
    // The store is real; only this answer of it never comes.
    Object.defineProperty(backend, 'read', { value: () => new Promise(() => undefined) });

    const answer = await fetch(`${server.url}/fhir/Patient/1`);
    const body = await answer.text();
    await server.stop();

    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(body).toContain('"code":"timeout"');
  });
});

describe('a defect', () => {
  it('is answered with an id that the log carries, and with nothing of its own', async () => {
    const server = await startServer();
    Object.defineProperty(server.tenant.parts.backend, 'read', {
      value: () => {
        throw new Error('secret of a patient');
      },
    });

    const answer = await fetch(`${server.url}/fhir/Patient/1`);
    const body = await answer.text();
    await server.stop();

    expect(answer.status).toBe(500);
    expect(body).toContain(answer.headers.get('x-request-id') ?? 'none');
    expect(body).not.toContain('secret');
  });
});
