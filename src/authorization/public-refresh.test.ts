/**
 * Refreshing without naming the client: for clients that could prove nothing anyway.
 * https://www.rfc-editor.org/rfc/rfc6749#section-6
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeClient } from './clients/clients.js';
import { addApp, ask, OneApp, PASSWORD } from './one-app/testing.js';
import { bearer, type SmartServer, startSmartServer } from './testing.js';

const SCOPE = 'offline_access user/Patient.rs';

let server: SmartServer;
let app: MadeClient;

beforeAll(async () => {
  server = await startSmartServer();
  const { users } = server.authorization;
  const grey = { fhirUser: 'Practitioner/grey', roles: [], patients: [] };
  await users.add({ ...grey, login: 'grey', password: PASSWORD });
  app = await addApp(server, 'public', SCOPE);
});

afterAll(() => server.stop());

async function refreshToken(made: MadeClient): Promise<string> {
  const one = new OneApp(server, made);
  await one.start(SCOPE);
  await one.signIn('grey');
  const { body } = await one.exchange(await one.allow('user/Patient.rs'));
  return String(body.refresh_token);
}

function refresh(token: string, more: Readonly<Record<string, string>> = {}): ReturnType<typeof ask> {
  return ask(server, { grant_type: 'refresh_token', refresh_token: token, ...more });
}

async function reads(token: unknown): Promise<number> {
  return (await fetch(`${server.fhirBase}/Patient?_summary=count`, bearer(String(token)))).status;
}

describe('a public client', () => {
  it('refreshes by its token alone, and again by the next one', async () => {
    const first = await refreshToken(app);
    const second = await refresh(first);
    const third = await refresh(String(second.body.refresh_token));

    expect([second.status, third.status]).toEqual([200, 200]);
    expect(third.body).toMatchObject({
      token_type: 'Bearer',
      scope: expect.stringContaining('user/Patient.rs'),
    });
    expect(await reads(third.body.access_token)).toBe(200);
  });

  it('whose token is used twice loses all that it led to', async () => {
    const stolen = await refreshToken(app);
    const first = await refresh(stolen);
    const second = await refresh(stolen);

    expect(second).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await reads(first.body.access_token)).toBe(401);
    expect(await refresh(String(first.body.refresh_token))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('may send its form in pieces', async () => {
    const body = `grant_type=refresh_token&refresh_token=${await refreshToken(app)}`;
    const pieces = [
      `POST /auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n`,
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body.slice(0, 20)}`,
      body.slice(20, 50),
      body.slice(50),
    ];

    expect(await inPieces(server.port, pieces)).toMatch(/^HTTP\/1\.1 200 [\s\S]*"access_token"/);
  });

  it('is told that its token is not good, and what to do', async () => {
    expect(await refresh('guessed')).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant', error_description: expect.stringContaining('sign in again') },
    });
  });

  it.each([
    ['the id of nobody', { client_id: 'nobody' }, 'invalid_client'],
    ['a secret that it does not have', { client_secret: 'x' }, 'invalid_grant'],
    ['no token', { refresh_token: '' }, 'invalid_request'],
  ])('with %s is not known by its token', async (_which, more, error) => {
    expect(await refresh(await refreshToken(app), more)).toMatchObject({ status: 400, body: { error } });
  });
});

describe('a client with a secret', () => {
  it('must show it', async () => {
    const confidential = await addApp(server, 'confidential', SCOPE);
    const token = await refreshToken(confidential);
    const without = await refresh(token);
    const named = await refresh(token, { client_id: confidential.client.id });
    const proven = await new OneApp(server, confidential).token({
      grant_type: 'refresh_token',
      refresh_token: token,
    });

    expect(without).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(named).toMatchObject({ status: 400, body: { error: 'invalid_client' } });
    expect(proven.status).toBe(200);
  });

  it('is not to be had for the token of another', async () => {
    const other = await addApp(server, 'public', SCOPE);
    const token = await refreshToken(app);

    expect(await refresh(token, { client_id: other.client.id })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });
});

/** The answer to what is sent piece by piece, each when the one before has left this process. */
function inPieces(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, async () => {
      for (const piece of pieces) {
        await new Promise<void>((sent) => socket.write(piece, () => setImmediate(sent)));
      }
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
}
