/** People of the built-in store: how they are added, known again, and how guessing is slowed down. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contractWorld, HandClock } from '../../ports/contract-world.js';
import type { SqliteStore } from '../../stores/sqlite/store.js';
import { freshFolder, openStore } from '../../stores/sqlite/testing.js';
import { Users } from './users.js';

const PASSWORD = 'a long enough pass phrase';
const folder = freshFolder();
const clock = new HandClock();
let store: SqliteStore;
let users: Users;
let last = 0;

beforeAll(async () => {
  store = await openStore(join(folder, 'store.db'), contractWorld(clock));
  users = new Users({ records: store.records, clock, newId: () => `subject-${++last}` });
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function add(login: string, fhirUser = 'Patient/p1', password = PASSWORD): ReturnType<Users['add']> {
  return users.add({ login, fhirUser, password });
}

it('knows a person again, however the login is written, and keeps no password', async () => {
  const added = await add('Anna@Example.org');

  expect(added).toMatchObject({
    fhirUser: { type: 'Patient', id: 'p1' },
    roles: ['patient'],
    patients: ['p1'],
  });
  expect(await users.signIn(' anna@example.ORG', PASSWORD)).toEqual({ kind: 'known', user: added });
  expect(await users.bySubject(added.subject)).toEqual(added);
  expect(JSON.stringify(await store.records.list('user', '', 100))).not.toContain(PASSWORD);
});

it('refuses a wrong password and an unknown login alike', async () => {
  await add('bert');

  expect(await users.signIn('bert', 'wrong')).toEqual({ kind: 'refused' });
  expect(await users.signIn('nobody', PASSWORD)).toEqual({ kind: 'refused' });
});

it('makes a login wait longer with each failure, the right password too, until it was waited', async () => {
  await add('carla');
  for (let index = 0; index < 5; index++) await users.signIn('carla', 'wrong');

  const waiting = await users.signIn('carla', PASSWORD);
  expect(waiting).toEqual({ kind: 'wait', until: clock.now() + 1000 });
  clock.time += 1000;
  expect(await users.signIn('carla', 'wrong')).toEqual({ kind: 'refused' });
  expect(await users.signIn('carla', PASSWORD)).toEqual({ kind: 'wait', until: clock.now() + 2000 });
  clock.time += 2000;
  expect(await users.signIn('carla', PASSWORD)).toMatchObject({ kind: 'known' });
  expect(await users.signIn('carla', 'wrong')).toEqual({ kind: 'refused' });
});

it('counts tries that come at once', async () => {
  await add('dora');

  const tries = await Promise.all(Array.from({ length: 12 }, () => users.signIn('dora', 'wrong')));

  expect(tries.filter(({ kind }) => kind === 'refused')).toHaveLength(5);
});

it('says what is wrong with a new user, all of it', async () => {
  await expect(add('', 'Dragon/1', 'short')).rejects.toThrow(/login[\s\S]*fhir-user[\s\S]*password/);
  await add('emil');
  await expect(add('EMIL')).rejects.toThrow('There is a user emil already.');
});
