/** `fairway export` as people run it: killed in the middle, with its exit statuses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.js';
import {
  type BulkOptions,
  type BulkServer,
  keyFile,
  patientLines,
  serveBulk,
} from '../jobs/bulk-client/testing.js';
import { fairway, serveProcess, until } from './testing.js';

let folder: string;
let server: BulkServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-export-'));
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const CONTENT = patientLines(20_000);
const FILES = {
  one: { kind: 'output', type: 'Patient', content: CONTENT },
  two: { kind: 'output', type: 'Patient', content: patientLines(5, 20_000) },
} as const;

async function serving(options: Partial<BulkOptions> = {}): Promise<BulkServer> {
  server = await serveBulk({ clock: systemClock, files: FILES, polls: 0, retryAfter: 1, ...options });
  return server;
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

describe('fairway export', () => {
  it('goes on with the same job where it was killed', async () => {
    const keys = await keyFile('ES384');
    const key = join(folder, 'key.json');
    writeFileSync(key, JSON.stringify(keys.jwk));
    const { base, faults, log, kickOffs, offences } = await serving({
      client: { id: 'night', jwk: keys.publicJwk, algorithm: 'ES384' },
    });
    const words = ['export', base, '--client-id', 'night', '--key', key, '--out', join(folder, 'out')];
    faults.set('one', [{ kind: 'stall', after: 200_000 }]);
    const child = spawn(process.execPath, ['dist/bundle/main.js', ...words], { stdio: 'ignore' });
    const part = (): string => {
      const [run = ''] = readdirSync(folder).includes('out')
        ? readdirSync(join(folder, 'out')).filter((name) => !name.startsWith('.'))
        : [];
      return join(folder, 'out', run, 'Patient.001.ndjson');
    };
    await until(async () => sizeOf(`${part()}.part`) >= 200_000 && sizeOf(part().replace('001', '002')) > 0);
    child.kill('SIGKILL');
    await once(child, 'exit');

    const { status, output, errors } = await fairway(words);

    expect(errors).toContain('going on with the export in');
    expect(output).toContain('20,005 resources in 2 files');
    expect(status).toBe(0);
    expect(readFileSync(part(), 'utf8')).toBe(CONTENT);
    expect(kickOffs).toHaveLength(1);
    expect(log.filter((line) => line.startsWith('GET /files/')).sort()).toEqual([
      'GET /files/one 200',
      'GET /files/one 206',
      'GET /files/two 200',
    ]);
    expect(log.at(-1)).toMatch(/^DELETE .* 202$/);
    expect(offences).toEqual([]);
  }, 120_000);

  it('says with 1 that something is missing and with 2 that it could not be done', async () => {
    const { base, faults } = await serving();
    faults.set('two', [{ kind: 'status', status: 410, issue: 'too old' }]);
    const out = ['--out', join(folder, 'out')];

    const partly = await fairway(['export', base, ...out]);
    const refused = await fairway(['export', base, '--type', 'Nonsense', '--out', join(folder, 'other')]);
    const confused = await fairway(['export', base, ...out, '--since', '2026', '--since-last']);
    const halfKey = await fairway(['export', base, ...out, '--client-id', 'night']);

    expect(partly).toMatchObject({
      status: 1,
      errors: expect.stringContaining('missing Patient.002.ndjson: could not be'),
    });
    expect(partly.output).toContain('1 file is missing');
    expect(refused).toMatchObject({
      status: 2,
      errors: expect.stringContaining('Nonsense is not a type of this server'),
    });
    expect(confused).toMatchObject({ status: 2, errors: expect.stringContaining('exclude each other') });
    expect(halfKey).toMatchObject({ status: 2, errors: expect.stringContaining('go together') });
  }, 120_000);

  it('writes what fairway load takes', async () => {
    const { base } = await serving({ files: { two: FILES.two } });
    const out = join(folder, 'out');
    await fairway(['export', base, '--out', out]);

    const loaded = await fairway(['load', '--dry-run', out], {
      FAIRWAY_AUTH: 'open',
      FAIRWAY_DATA_DIR: join(folder, 'data'),
    });

    expect(loaded).toMatchObject({ status: 0, output: expect.stringContaining('5 resources checked') });
  }, 120_000);

  it('pulls from a server of our own, and then what has changed', async () => {
    const settings = { FAIRWAY_AUTH: 'smart', FAIRWAY_DATA_DIR: join(folder, 'data') };
    const keys = await keyFile('RS384');
    const files = {
      key: join(folder, 'key.pem'),
      jwks: join(folder, 'jwks.json'),
      more: join(folder, 'more.ndjson'),
    };
    writeFileSync(files.key, keys.pem);
    writeFileSync(files.jwks, JSON.stringify({ keys: [{ ...keys.publicJwk, kid: 'one', alg: 'RS384' }] }));
    writeFileSync(files.more, patientLines(700));
    await fairway(['load', files.more], settings);
    const ours = await serveProcess(settings);
    try {
      const register = [
        'client',
        'add',
        '--type',
        'backend',
        '--jwks',
        files.jwks,
        '--scope',
        'system/*.rs',
        '--json',
      ];
      const { client_id: id } = JSON.parse((await fairway(register, settings)).output) as {
        client_id: string;
      };
      const signed = ['--client-id', id, '--key', files.key, '--kid', 'one'];
      const words = [
        'export',
        `${ours.url}/fhir`,
        ...signed,
        '--type',
        'Patient',
        '--out',
        join(folder, 'out'),
        '--since-last',
      ];

      const first = await fairway(words);
      writeFileSync(files.more, patientLines(3, 5_000));
      await fairway(['load', files.more], settings);
      const second = await fairway(words);

      expect(first).toMatchObject({ status: 0, output: expect.stringContaining('700 resources in 1 file') });
      expect(second).toMatchObject({ status: 0, output: expect.stringContaining('3 resources in 1 file') });
      expect(second.errors).toContain('asking for what has changed since');
    } finally {
      ours.child.kill('SIGTERM');
      await ours.end;
    }
  }, 240_000);

  it('explains itself', async () => {
    const { status, output } = await fairway(['export', '--help']);

    expect(status).toBe(0);
    for (const word of ['--since-last', '--type-filter', '--client-id', 'Examples:', 'Exit status']) {
      expect(output).toContain(word);
    }
  });
});
