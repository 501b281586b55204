/**
 * Bulk Data exports by services with tokens, over real sockets and with a job process of its own.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobRunner } from '../interactions/testing.js';
import type { RegisteredClient } from './clients/client.js';
import {
  addBackend,
  bearer,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

const ASYNC = { accept: 'application/fhir+json', prefer: 'respond-async' };

interface Manifest {
  readonly requiresAccessToken: boolean;
  readonly output: readonly { readonly type: string; readonly url: string; readonly count: number }[];
}

let server: SmartServer;
let keys: KeyPair;
let client: RegisteredClient;
let other: RegisteredClient;
let token: string;

beforeAll(async () => {
  server = await startSmartServer();
  keys = await keyPair();
  client = await addBackend(server, keys, 'system/*.cruds');
  other = await addBackend(server, keys, 'system/*.rs');
  token = await tokenFor(server, client, keys);
  const writer = await tokenFor(server, client, keys, 'system/*.cruds');
  for (let index = 0; index < 50; index++) {
    const answer = await fetch(`${server.fhirBase}/Patient`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', ...bearer(writer).headers },
      body: JSON.stringify({ resourceType: 'Patient', name: [{ family: `Example ${index}` }] }),
    });
    expect(answer.status).toBe(201);
  }
});
afterAll(() => server.stop());

const ask = (url: string, by: string | undefined, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(url, { method, headers: { ...headers, ...(by === undefined ? {} : bearer(by).headers) } });

async function work(): Promise<void> {
  const { parts } = server.tenant;
  const runner = jobRunner(parts, { kept: 60_000 });
  while (await runner.step());
}

async function exported(by: string): Promise<{ readonly status: string; readonly manifest: Manifest }> {
  const begun = await ask(`${server.fhirBase}/$export`, by, ASYNC);
  expect(begun.status).toBe(202);
  const status = begun.headers.get('content-location') ?? '';
  await work();
  expect((await ask(status, by)).status).toBe(202);
  const complete = await ask(status, by);
  expect(complete.status).toBe(200);
  return { status, manifest: (await complete.json()) as Manifest };
}

async function written(type: string, id: string, more: object): Promise<void> {
  const writer = await tokenFor(server, client, keys, 'system/*.cruds');
  const answer = await fetch(`${server.fhirBase}/${type}/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json', ...bearer(writer).headers },
    body: JSON.stringify({ resourceType: type, id, ...more }),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

describe('a bulk export', () => {
  it.each(['GET', 'POST'])(
    'is begun by %s of the system, of Patient and of a Group, with a token alone',
    async (method) => {
      if (method === 'GET') await written('Group', 'g', { type: 'person', actual: true });
      const begin = (path: string, headers: Record<string, string>): Promise<Response> =>
        fetch(`${server.fhirBase}/${path}`, {
          method,
          headers: { ...ASYNC, 'content-type': 'application/fhir+json', ...headers },
          ...(method === 'POST' ? { body: '{"resourceType":"Parameters"}' } : {}),
        });
      for (const path of ['$export', 'Patient/$export', 'Group/g/$export']) {
        const refused = await begin(path, {});
        expect(refused.status, path).toBe(401);
        expect(await refused.json()).toMatchObject({ resourceType: 'OperationOutcome' });

        const accepted = await begin(path, bearer(token).headers);
        expect(accepted.status, await accepted.text()).toBe(202);
        expect(accepted.headers.get('content-location')).toMatch(`${server.fhirBase}/_jobs/`);
      }
      await work();
    },
  );

  it('names attachments by URLs that open to the same tokens, and to nobody without one', async () => {
    await written('Binary', 'scan', { contentType: 'text/plain', data: 'c2Nhbg==' });
    const attachment = { contentType: 'text/plain', url: 'Binary/scan' };
    await written('DocumentReference', 'd', { status: 'current', content: [{ attachment }] });
    const { manifest } = await exported(token);
    const file = manifest.output.find(({ type }) => type === 'DocumentReference');
    const line = (await (await ask(file?.url ?? '', token)).text()).trim();
    const [content] = (JSON.parse(line) as { content: { attachment: { url: string } }[] }).content;
    const url = content?.attachment.url ?? '';

    expect(url).toBe(`${server.fhirBase}/Binary/scan`);
    expect((await ask(url, undefined)).status).toBe(401);
    const narrow = await tokenFor(server, client, keys, 'system/DocumentReference.rs');
    expect((await ask(url, narrow)).status).toBe(403);
    const opened = await ask(url, token, { accept: 'text/plain' });
    expect(opened.status).toBe(200);
    expect(await opened.text()).toBe('scan');
    const writer = await tokenFor(server, client, keys, 'system/*.cruds');
    for (const key of ['Binary/scan', 'DocumentReference/d', 'Group/g'])
      expect((await ask(`${server.fhirBase}/${key}`, writer, {}, 'DELETE')).status).toBeLessThan(300);
  });

  it('goes on to its files with tokens of the same client', async () => {
    const { status, manifest } = await exported(token);
    const again = await tokenFor(server, client, keys);
    const [file] = manifest.output;

    expect(status).toMatch(`${server.fhirBase}/_jobs/`);
    expect(manifest.requiresAccessToken).toBe(true);
    expect(manifest.output).toEqual([{ type: 'Patient', url: expect.any(String), count: 50 }]);
    const answer = await ask(file?.url ?? '', again);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/fhir+ndjson');
    expect((await answer.text()).trim().split('\n')).toHaveLength(50);
    const asked = await ask(file?.url ?? '', again, { accept: 'application/fhir+ndjson' });
    expect(asked.status).toBe(200);
    await asked.arrayBuffer();
  });

  it('has files for its client and its scopes alone', async () => {
    const { status, manifest } = await exported(token);
    const url = manifest.output[0]?.url ?? '';
    const narrow = await tokenFor(server, client, keys, 'system/Observation.rs');
    const narrower = await tokenFor(server, client, keys, 'system/Patient.rs?gender=female');
    const strange = await tokenFor(server, other, keys);

    expect((await ask(url, undefined)).status).toBe(401);
    expect((await ask(url, narrow)).status).toBe(403);
    expect((await ask(url, narrower)).status).toBe(403);
    expect((await ask(url, strange)).status).toBe(404);
    expect((await ask(status, strange)).status).toBe(404);
    expect((await ask(status, undefined)).status).toBe(401);
    expect((await ask(status, strange, {}, 'DELETE')).status).toBe(404);
    expect((await ask(url, token)).status).toBe(200);
  });

  it('has no files for a client that is disabled, and has them again', async () => {
    const { status, manifest } = await exported(token);
    const url = manifest.output[0]?.url ?? '';
    const { clients } = server.authorization;

    await clients.setStatus(client.id, 'disabled');
    const disabled = [await ask(url, token), await ask(status, token)];
    await clients.setStatus(client.id, 'active');

    for (const answer of disabled) {
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome' });
    }
    expect((await ask(url, token)).status).toBe(200);
  });

  it('holds what its scopes hold', async () => {
    const scope = 'system/Patient.rs?name=Example 7';
    const narrow = await tokenFor(server, client, keys, scope.replaceAll(' ', '%20'));

    const { manifest } = await exported(narrow);

    expect(manifest.output).toEqual([{ type: 'Patient', url: expect.any(String), count: 1 }]);
  });

  it('refuses types that no scope holds, where they are named', async () => {
    const narrow = await tokenFor(server, client, keys, 'system/Observation.rs');
    const answer = await ask(`${server.fhirBase}/$export?_type=Patient`, narrow, ASYNC);

    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toContain('system/Patient.s');
    expect((await ask(`${server.fhirBase}/Patient/$export`, narrow, ASYNC)).status).toBe(403);
  });

  it('sends files compressed, in ranges, and their heads', async () => {
    const { manifest } = await exported(token);
    const url = manifest.output[0]?.url ?? '';
    const plain = await ask(url, token, { 'accept-encoding': 'identity' });
    const bytes = Buffer.from(await plain.arrayBuffer());
    expect(plain.headers.get('content-length')).toBe(String(bytes.length));

    const zipped = await ask(url, token, { 'accept-encoding': 'gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.headers.get('vary')).toBe('Accept-Encoding');
    expect(Buffer.from(await zipped.arrayBuffer()).equals(bytes)).toBe(true); // fetch unpacks it

    const range = await ask(url, token, { range: 'bytes=10-19', 'accept-encoding': 'gzip' });
    expect(range.status).toBe(206);
    expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true);
    const head = await ask(url, token, { 'accept-encoding': 'identity' }, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
  });

  it('is recorded in the audit log, and so is each file that was fetched', async () => {
    const { status, manifest } = await exported(token);
    const url = manifest.output[0]?.url ?? '';
    await (await ask(url, token)).arrayBuffer();
    const job = status.split('/').at(-1) ?? '';

    const { auditing, backend } = server.tenant.parts;
    while ((await auditing?.follow(10_000)) === false); // a busy machine takes its time
    const { matches } = await backend.search({
      query: { parts: [{ type: 'AuditEvent', where: { op: 'everything' } }], sort: [] },
      access: { kind: 'unrestricted', reason: 'test' },
      count: 1000,
      total: 'none',
      includes: [],
      deadline: 10_000,
    });
    const events = matches.map(({ bytes }) => bytes.toString());

    const named = Buffer.from('$export').toString('base64');
    expect(events.some((event) => event.includes(`"query":"${named}`))).toBe(true);
    expect(events.some((event) => event.includes(`${job}/${url.split('/').at(-1)}`))).toBe(true);
    expect(events.some((event) => event.includes(`"value":"${job}"`))).toBe(false);
  });

  it('is never told to wait for a few kick-offs in a row', async () => {
    for (let turn = 0; turn < 5; turn++) {
      expect((await ask(`${server.fhirBase}/$export`, token, ASYNC)).status).toBe(202);
    }
    await work();
  });
});
