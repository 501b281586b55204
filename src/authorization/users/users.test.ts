/** People are added once, sign in by their password, and wait after wrong ones. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { uuidV7 } from '../../base/ids.js';
import { contractWorld } from '../../ports/contract-world.js';
import { Dice } from '../../ports/dice.js';
import type { SqliteStore } from '../../stores/sqlite/store.js';
import { freshFolder, openStore } from '../../stores/sqlite/testing.js';
import { type HashCost, PASSWORD_COST } from '../clients/secret.js';
import { Users } from './users.js';

const ADA = { login: 'ada', password: 'correct horse', fhirUser: 'Patient/ada', roles: [], patients: [] };
const MINUTE = 60_000;

let folder: string;
let store: SqliteStore;
let now: number;
let users: Users;

beforeEach(async () => {
  folder = freshFolder();
  now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now };
  store = await openStore(join(folder, 'store.db'), { ...contractWorld(), clock });
  users = usersWith({ memory: 1_024, rounds: 1 });
});

function usersWith(passwordCost: HashCost): Users {
  const clock = { now: () => now };
  const dice = new Dice(1);
  return new Users({
    records: store.records,
    clock,
    newId: uuidV7(clock, () => Uint8Array.from({ length: 10 }, () => dice.below(256))),
    passwordCost,
  });
}

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function fail(times: number, login = 'ada'): Promise<void> {
  for (let at = 0; at < times; at++) await users.signIn(login, `wrong ${at}`);
}

describe('a person', () => {
  it('is a patient with the own record, or a practitioner, unless said otherwise', async () => {
    const ada = await users.add(ADA);
    const grey = await users.add({ ...ADA, login: 'grey', fhirUser: 'Practitioner/grey' });
    const mum = await users.add({
      ...ADA,
      login: 'mum',
      fhirUser: 'RelatedPerson/7',
      patients: ['ada', 'ben'],
    });

    expect(ada).toMatchObject({ roles: ['patient'], patients: ['ada'], status: 'active' });
    expect(grey).toMatchObject({ roles: ['practitioner'], patients: [] });
    expect(mum).toMatchObject({ roles: ['patient'], patients: ['ada', 'ben'] });
    expect((await users.list()).map(({ login }) => login).sort()).toEqual(['ada', 'grey', 'mum']);
  });

  it('is added with all that is wrong said at once', async () => {
    const wrong = {
      login: ' ',
      password: 'short',
      fhirUser: 'Device/1',
      roles: ['Boss!'],
      patients: ['a/b'],
    };
    await expect(users.add(wrong)).rejects.toMatchObject({
      problems: [
        expect.stringContaining('The login must'),
        expect.stringContaining('8 to 256'),
        expect.stringContaining('The patient a/b'),
        expect.stringContaining('Who the person is'),
        expect.stringContaining('The role Boss!'),
      ],
    });
  });

  it('has the login alone, whatever case it is written in', async () => {
    const outcomes = await Promise.allSettled([users.add(ADA), users.add({ ...ADA, login: 'ADA' })]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('signing in', () => {
  it('is not for whoever has no password here', async () => {
    await users.add({ ...ADA, password: undefined });

    for (const guess of ['', 'undefined', 'nobody']) {
      expect(await users.signIn('ada', guess)).toEqual({ kind: 'refused' });
    }
  });

  it('takes the password, and nothing else', async () => {
    const ada = await users.add(ADA);

    expect(await users.signIn('Ada', 'correct horse')).toMatchObject({
      kind: 'signed-in',
      user: { subject: ada.subject },
    });
    expect(await users.signIn('ada', 'Correct horse')).toEqual({ kind: 'refused' });
    expect(await users.signIn('nobody', 'correct horse')).toEqual({ kind: 'refused' });
    expect(await users.signIn('ada', 'x'.repeat(100_000))).toEqual({ kind: 'refused' });
  });

  it('is by a password whose hash is dear, more so than that of a secret which cannot be guessed', async () => {
    const careful = usersWith(PASSWORD_COST);
    const { password } = await careful.add(ADA);

    expect(password).toMatch(/^scrypt\$32768\$3\$/);
    expect(await careful.signIn('ada', 'correct horse')).toMatchObject({ kind: 'signed-in' });
    expect(await careful.signIn('ada', 'correct horses')).toEqual({ kind: 'refused' });
  });

  it('is no more for who was disabled', async () => {
    await users.add(ADA);
    await users.setStatus('ada', 'disabled');
    expect(await users.signIn('ada', 'correct horse')).toEqual({ kind: 'refused' });
    await users.setStatus('ada', 'active');
    expect(await users.signIn('ada', 'correct horse')).toMatchObject({ kind: 'signed-in' });
  });

  it('waits after five wrong passwords, each time longer, with the right one too', async () => {
    await users.add(ADA);
    await fail(5);
    expect(await users.signIn('ada', 'correct horse')).toEqual({ kind: 'waiting', until: now + MINUTE });

    now += MINUTE;
    await fail(1);
    expect(await users.signIn('ada', 'correct horse')).toEqual({ kind: 'waiting', until: now + 2 * MINUTE });

    now += 2 * MINUTE;
    expect(await users.signIn('ada', 'correct horse')).toMatchObject({ kind: 'signed-in' });
    await fail(4);
    expect(await users.signIn('ada', 'correct horse')).toMatchObject({ kind: 'signed-in' });
  });

  it('never waits longer than an hour', async () => {
    await users.add(ADA);
    for (let at = 0; at < 20; at++) {
      await fail(1);
      now += 60 * MINUTE;
    }
    await fail(1);
    expect(await users.signIn('ada', 'x')).toEqual({ kind: 'waiting', until: now + 60 * MINUTE });
  });

  it('waits likewise for a login that nobody has', async () => {
    await fail(5, 'nobody');
    expect(await users.signIn('nobody', 'x')).toEqual({ kind: 'waiting', until: now + MINUTE });
  });

  it('tries the passwords of one login one after the other, however many come at once', async () => {
    await users.add(ADA);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => users.signIn('ada', `wrong ${at}`)),
    );
    expect(outcomes.filter(({ kind }) => kind === 'refused').length).toBeLessThanOrEqual(5);
    expect(outcomes.some(({ kind }) => kind === 'waiting')).toBe(true);
  });

  it('goes on at once with a new password', async () => {
    await users.add(ADA);
    await fail(5);
    await users.setPassword('ada', 'battery staple');
    expect(await users.signIn('ada', 'battery staple')).toMatchObject({ kind: 'signed-in' });
    expect(await users.signIn('ada', 'correct horse')).toEqual({ kind: 'refused' });
  });
});

describe('who somebody is', () => {
  it('is found by one look, and not where there are several', async () => {
    const ada = await users.add(ADA);
    await users.add({ ...ADA, login: 'twin-1', fhirUser: 'Patient/twin' });
    await users.add({ ...ADA, login: 'twin-2', fhirUser: 'Patient/twin' });
    await users.add({ ...ADA, login: 'other', fhirUser: 'Patient/ad' });
    expect((await users.byFhirUser('Patient/ada'))?.subject).toBe(ada.subject);
    const list = vi.spyOn(store.records, 'list');

    const found = await Promise.all(
      ['Patient/ada', 'Patient/twin', 'Patient/a', 'Patient/'].map((one) => users.byFhirUser(one)),
    );

    expect(found.map((user) => user?.subject)).toEqual([ada.subject, undefined, undefined, undefined]);
    expect(list.mock.calls.map(([kind]) => kind)).not.toContain('user');
  });

  it('is found of people of before there was a list of them', async () => {
    const ada = await users.add(ADA);
    await store.records.remove('user-of-resource', `Patient/ada ${ada.subject}`);

    expect((await users.byFhirUser('Patient/ada'))?.subject).toBe(ada.subject);
    expect(await store.records.get('user-of-resource', `Patient/ada ${ada.subject}`)).toBe('');
  });
});
