/** An import over sockets, by a service with a token: what its scopes hold goes in, to others the job is not there. */
import { afterEach, describe, expect, it } from 'vitest';
import { jobRunner } from '../interactions/testing.js';
import { type Site, serveHttp } from '../net/testing.js';
import { addBackend, bearer, keyPair, type SmartServer, startSmartServer, tokenFor } from './testing.js';

const PATIENCE = 120_000;

let server: SmartServer | undefined;
let site: Site | undefined;
afterEach(async () => {
  await server?.stop();
  await site?.stop();
});

async function tokenOf(running: SmartServer, scope: string): Promise<string> {
  const keys = await keyPair();
  return tokenFor(running, await addBackend(running, keys, scope), keys, scope);
}

describe('an import by a service', { timeout: PATIENCE }, () => {
  it('stores what its scopes hold, and is nobody else’s', async () => {
    const running = await startSmartServer();
    server = running;
    const lines = ['{"resourceType":"Patient","id":"a"}', '{"resourceType":"Patient","id":"b"}'];
    site = await serveHttp((_request, response) => {
      response.end(lines.join('\n'));
    });
    const token = await tokenOf(running, 'system/Patient.cu');
    const headers = { ...bearer(token).headers, prefer: 'respond-async' };
    const kickOff = (type: string): Promise<Response> =>
      fetch(`${running.fhirBase}/$import`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [
            {
              name: 'input',
              part: [
                { name: 'type', valueCode: type },
                { name: 'url', valueUrl: `http://files.test:${site?.port}/patients.ndjson` },
              ],
            },
          ],
        }),
      });

    const refused = await kickOff('Observation');
    const accepted = await kickOff('Patient');
    const body = await fetch(`${running.fhirBase}/$import`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/fhir+ndjson' },
      body: '{"resourceType":"Patient","id":"c"}\n{"resourceType":"Observation","id":"o"}\n',
    });
    await allWork(running);

    expect([refused.status, accepted.status, body.status]).toEqual([403, 202, 202]);
    expect(refused.headers.get('www-authenticate')).toContain('system/Observation.c');
    const status = body.headers.get('content-location') ?? '';
    const stranger = await tokenOf(running, 'system/*.cruds');
    expect((await fetch(status, bearer(stranger))).status).toBe(404);
    expect((await fetch(status)).status).toBe(401);
    const first = await fetch(status, bearer(token));
    expect([first.status, first.headers.get('x-progress')]).toEqual([202, 'complete: ask once more']);
    const answer = await fetch(status, bearer(token));
    const manifest = (await answer.json()) as Manifest;
    expect(manifest).toMatchObject({
      requiresAccessToken: true,
      output: [{ type: 'Patient', count: 1 }],
      error: [{ type: 'OperationOutcome', count: 1 }],
    });
    const [{ url = '' } = {}] = manifest.error;
    expect((await fetch(url, bearer(stranger))).status).toBe(404);
    const errors = await fetch(url, bearer(token));
    expect(await errors.text()).toMatch(/"line 2: Observation\/o"/);
    const counts = await running.tenant.parts.backend.counts();
    expect([counts.get('Patient'), counts.get('Observation')]).toEqual([3, undefined]);
  });
});

interface Manifest {
  readonly error: readonly { readonly url: string }[];
}

async function allWork({ tenant }: SmartServer): Promise<void> {
  const runner = jobRunner(tenant.parts);
  while (await runner.step());
}
