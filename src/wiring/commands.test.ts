import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fairway, fairwayUnread, serveProcess } from './testing.js';

let folder: string;
let settings: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-commands-'));
  settings = { FAIRWAY_AUTH: 'open', FAIRWAY_PORT: '0', FAIRWAY_DATA_DIR: join(folder, 'data') };
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function put(url: string, id: string): Promise<number> {
  const answer = await fetch(`${url}/fhir/Patient/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: `{"resourceType":"Patient","id":"${id}"}`,
  });
  await answer.arrayBuffer();
  return answer.status;
}

describe('backup and restore', () => {
  it('bring back what a running server had, and not what it got afterwards', async () => {
    const file = join(folder, 'backup.db');
    const server = await serveProcess(settings);
    await put(server.url, 'before');
    const backup = await fairway(['backup', file], settings);
    await put(server.url, 'after');
    const tooEarly = await fairway(['restore', '--force', file], settings);
    server.child.kill('SIGTERM');
    await server.end;

    const restored = await fairway(['restore', '--force', file], settings);
    const again = await serveProcess(settings);
    const statuses = await Promise.all(
      ['before', 'after'].map(async (id) => (await fetch(`${again.url}/fhir/Patient/${id}`)).status),
    );
    again.child.kill('SIGTERM');
    await again.end;

    expect(backup).toMatchObject({
      status: 0,
      output: expect.stringMatching(/backup\.db: [\d.]+ MB, verified/),
    });
    expect(tooEarly).toMatchObject({ status: 2, errors: expect.stringContaining('stop the server first') });
    expect(restored).toMatchObject({ status: 0, output: expect.stringContaining('restored from') });
    expect(statuses).toEqual([200, 404]);
  });

  it('replace nothing unasked', async () => {
    const file = join(folder, 'backup.db');
    const server = await serveProcess(settings);
    server.child.kill('SIGTERM');
    await server.end;
    await fairway(['backup', file], settings);

    const secondBackup = await fairway(['backup', file], settings);
    const restore = await fairway(['restore', file], settings);

    expect(secondBackup).toMatchObject({ status: 2, errors: expect.stringContaining('--force') });
    expect(restore).toMatchObject({ status: 2, errors: expect.stringContaining('--force') });
  });

  it('refuse a damaged backup and leave the store as it is', async () => {
    const file = join(folder, 'backup.db');
    const server = await serveProcess(settings);
    await put(server.url, 'kept');
    server.child.kill('SIGTERM');
    await server.end;
    await fairway(['backup', file], settings);
    truncateSync(file, 20_000);

    const restore = await fairway(['restore', '--force', file], settings);
    const doctor = await fairway(['doctor'], settings);

    expect(restore.status).toBe(2);
    expect(doctor.output).toContain('is sound');
  });
});

describe('doctor', () => {
  it('finds nothing wrong with a good set-up', async () => {
    const { status, output } = await fairway(['doctor'], settings);

    expect(output).toContain('All is well.');
    expect(output.match(/^ok /gm)?.length).toBeGreaterThanOrEqual(9);
    expect(status).toBe(0);
  });

  it('says all that is wrong, with the way out', async () => {
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'fairway.db'), 'this is no database');
    const other = createServer((socket) => {
      socket.on('error', () => socket.destroy()); // who only wants to know whether it is in use may hang up at once
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    });
    await once(other.listen(0, '127.0.0.1'), 'listening');

    const { status, output } = await fairway(['doctor'], {
      ...settings,
      FAIRWAY_PORT: String((other.address() as AddressInfo).port), // it listens on a port
      FAIRWAY_WORKER: '2',
    });
    other.close();

    expect(status).toBe(1);
    expect(output).toMatch(
      /^problem +configuration: FAIRWAY_WORKER is no setting: did you mean FAIRWAY_WORKERS\?/m,
    );
    expect(output).toMatch(/^problem +store: .*not a database/m);
    expect(output).toMatch(/^problem +port: .*in use/m);
    expect(output).toContain('3 problems.');
  });

  it('finds types that there are not in the access policies, and so does a start', async () => {
    const access = '{"clients": {"rules": [{"types": ["Observatio"], "permissions": "rs"}]}}';
    const misspelt = { ...settings, FAIRWAY_ACCESS: access };
    const told = 'access.clients.rules[0].types: there is no type Observatio; did you mean Observation?';

    const doctor = await fairway(['doctor'], misspelt);
    const serve = await fairway(['serve'], misspelt);

    expect(doctor).toMatchObject({ status: 1, output: expect.stringContaining(`access: ${told}`) });
    expect([serve.status, serve.output + serve.errors]).toEqual([2, expect.stringContaining(told)]);
  });

  it('finds conditions in the access policies that are none, all of them, and so does a start', async () => {
    const when = (text: string) => ({ types: ['record'], permissions: 'rs', when: text });
    const rules = [when('active and'), when('practitioner.resolve().active'), when('active')];
    const wrong = {
      ...settings,
      FAIRWAY_AUTH: 'smart',
      FAIRWAY_ACCESS: JSON.stringify({ roles: { ward: { rules } } }),
    };

    const doctor = await fairway(['doctor'], wrong);
    const serve = await fairway(['serve'], wrong);

    expect([doctor.status, serve.status]).toEqual([1, 2]);
    for (const told of [doctor.output, serve.output + serve.errors]) {
      expect(told).toMatch(/access\.roles\.ward\.rules\[0\]\.when: it is no FHIRPath/);
      expect(told).toMatch(/rules\[1\]\.when: conditions do not have the function resolve\(\)/);
      expect(told).not.toContain('rules[2]');
    }
  });

  it('finds searches in the access policies that grant nothing', async () => {
    const rules = [
      { types: ['Observation'], permissions: 'rs', where: 'statos=final' },
      { types: ['record'], permissions: 'rs', patients: 'general-practitioner={fhirUser}' },
      { types: ['record'], permissions: 'rs', patients: 'birthdate=gestern' },
      { types: ['*'], permissions: 'rs', where: 'status=final' },
    ];
    const FAIRWAY_ACCESS = JSON.stringify({ roles: { nurse: { rules } } });

    const { status, output } = await fairway(['doctor'], { ...settings, FAIRWAY_ACCESS });

    expect(status).toBe(1);
    expect(output).toMatch(/access\.roles\.nurse\.rules\[0\]\.where grants nothing: .*statos/);
    expect(output).toMatch(
      /access\.roles\.nurse\.rules\[2\]\.patients grants nothing: .*birthdate is no date/,
    );
    expect(output).not.toMatch(/rules\[[13]\]/);
  });

  it('takes a port for good that a running Fairway listens on', async () => {
    const server = await serveProcess(settings);

    const { output } = await fairway(['doctor'], { ...settings, FAIRWAY_PORT: String(server.port) });
    server.child.kill('SIGTERM');
    await server.end;

    expect(output).toMatch(/^ok +port: .*a Fairway that runs/m);
  });

  it('ends quietly when its reader has read enough', async () => {
    const { status, errors } = await fairwayUnread(['doctor', '--schema']);

    expect(status).toBe(0);
    expect(errors).toBe('');
  });

  it('prints the JSON Schema of the configuration', async () => {
    const { output } = await fairway(['doctor', '--schema']);

    expect(JSON.parse(output)).toMatchObject({ title: 'Fairway configuration', additionalProperties: false });
  });
});

describe('demo-data and load', () => {
  it('write a population and put it into the store', async () => {
    const out = join(folder, 'population');
    const made = await fairway(['demo-data', '--patients', '2', '--seed', '3', '--out', out]);
    const loaded = await fairway(['load', out], settings);

    expect(made.status).toBe(0);
    expect(readdirSync(out)).toContain('Patient.ndjson');
    expect(loaded).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, 'data', 'fairway.db'))).toBe(true);
  });

  it('load while the server runs', async () => {
    const server = await serveProcess(settings);
    const file = join(folder, 'one.json');
    writeFileSync(file, '{"resourceType":"Patient","id":"loaded"}');

    const { status } = await fairway(['load', file], settings);
    const answer = await fetch(`${server.url}/fhir/Patient/loaded`);
    server.child.kill('SIGTERM');
    await server.end;

    expect(status).toBe(0);
    expect(answer.status).toBe(200);
  });
});
