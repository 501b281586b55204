/** Breaking the glass by the header of a request, with tokens of a trusted issuer's people and with those of services. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  addBackend,
  bearer,
  type KeyPair,
  keyPair,
  type SmartServer,
  startSmartServer,
  tokenFor,
} from './testing.js';

let server: SmartServer;
let keys: KeyPair;

beforeAll(async () => {
  server = await startSmartServer();
  keys = await keyPair();
}, 60_000);
afterAll(() => server.stop());

it('is refused to a service, and recorded with who tried and why', async () => {
  const client = await addBackend(server, keys, 'system/*.rs');
  const token = await tokenFor(server, client, keys);
  const headers = { ...bearer(token).headers, 'x-fairway-emergency': 'we would like to see it' };

  const answer = await fetch(`${server.fhirBase}/Patient`, { headers });
  const plain = await fetch(`${server.fhirBase}/Patient`, bearer(token));
  const records = (await server.tenant.store.audit.read(0, 1_000)).flatMap((batch) => batch.records);

  expect([answer.status, plain.status]).toEqual([403, 200]);
  expect(records).toContainEqual(
    expect.objectContaining({
      outcome: 'refused',
      status: 403,
      client: client.id,
      emergency: 'we would like to see it',
    }),
  );
});
