import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, type World } from '../interactions/testing.js';
import { loadCommand } from './load.js';

let world: World;
let folder: string;
beforeEach(async () => {
  world = await openWorld();
  folder = mkdtempSync(join(tmpdir(), 'fairway-load-command-'));
});
afterEach(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

async function run(...words: readonly string[]) {
  const told = { output: '', status: '', exit: 0, closed: false };
  const command = loadCommand({
    openTenant: async () => ({
      context: world.context,
      ledger: world.ledger,
      close: async () => {
        told.closed = true;
      },
    }),
    input: Readable.from([Buffer.from('{"resourceType":"Patient","id":"from-input"}\n')]),
    output: { write: (text) => (told.output += text) },
    status: { write: (text) => (told.status += text) },
    exit: (status) => {
      told.exit = status;
    },
  });
  await command.parseAsync(words, { from: 'user' });
  return told;
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('fairway load', () => {
  it('tells what was stored by type, and ends with 0', async () => {
    const told = await run(
      file('p.ndjson', '{"resourceType":"Patient","id":"a"}\n{"resourceType":"Device","id":"b"}\n'),
    );

    expect(told).toMatchObject({
      output: '1 Device\n1 Patient\n2 resources stored\n',
      exit: 0,
      closed: true,
    });
    expect(told.status).toMatch(/^2 resources in /m);
  });

  it('lists what was refused and why, and ends with 1', async () => {
    const name = file(
      'p.ndjson',
      '{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","nom":"secret"}\n',
    );

    const told = await run(name);

    expect(told.exit).toBe(1);
    expect(told.status).toContain(`refused ${name}:2: `);
    expect(told.status).toContain('Patient.nom');
    expect(told.status).not.toContain('secret');
    expect(told.output).toContain('1 refused\n');
  });

  it('reads standard input', async () => {
    expect((await run('-')).output).toBe('1 Patient\n1 resource stored\n');
  });

  it('cannot run without its input: nothing is opened', async () => {
    await expect(run(join(folder, 'nothing.json'))).rejects.toThrow(
      'nothing.json: there is no such file or folder.',
    );
  });

  it('stores nothing in a dry run', async () => {
    const told = await run('--dry-run', file('p.ndjson', '{"resourceType":"Patient","id":"dry"}\n'));

    expect(told.output).toBe('1 Patient\n1 resource checked, none stored\n');
    expect((await world.ask('GET Patient/dry')).status).toBe(404);
  });

  it('says that a file is in already', async () => {
    const name = file('p.ndjson', '{"resourceType":"Patient","id":"a"}\n');
    await run(name);

    const told = await run(name);

    expect(told.status).toContain(`${name}: is in already`);
    expect(told.output).toBe('0 resources stored\n1 file was in already\n');
  });
});
