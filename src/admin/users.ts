/**
 * `/admin/users`: the people who may sign in; what `fairway user` does, by the same code.
 *
 * Invariant: URLs name people by their subjects, never by what they sign in with: URLs end in logs.
 */
import { Members } from '../authorization/members.js';
import type { RegisteredUser } from '../authorization/users/user.js';
import { userJson } from '../authorization/users/user-json.js';
import { Refusal } from '../fhir/outcome.js';
import {
  type AdminAnswer,
  type AdminCall,
  type AdminParts,
  type AdminRoute,
  checkMembers,
  pageBody,
  pageOf,
} from './route.js';

const ADDED = ['login', 'password', 'fhirUser', 'roles', 'patients'];
const collection = 'users';

export const USER_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', collection, path: [], act: 'list', run: list },
  { method: 'POST', collection, path: [], act: 'add', run: add },
  { method: 'GET', collection, path: [':id'], act: 'show', run: show },
  { method: 'POST', collection, path: [':id', 'disable'], act: 'disable', run: change('disabled') },
  { method: 'POST', collection, path: [':id', 'enable'], act: 'enable', run: change('active') },
  { method: 'POST', collection, path: [':id', 'password'], act: 'password', run: setPassword },
];

async function list({ query }: AdminCall, { users }: AdminParts): Promise<AdminAnswer> {
  const { after, count } = pageOf(query);
  const page = await users.page(after, count);
  const items = page.map((user) => ({ id: user.subject, json: userJson(user) }));
  return { status: 200, body: pageBody(collection, items, count) };
}

/** Without a password the person signs in by the hospital's identity provider alone. */
async function add({ body }: AdminCall, { users }: AdminParts): Promise<AdminAnswer> {
  const members = new Members(body);
  members.only(...ADDED);
  const wanted = {
    login: members.text('login') ?? '',
    password: members.text('password'),
    fhirUser: members.text('fhirUser') ?? '',
    roles: members.texts('roles') ?? [],
    patients: members.texts('patients') ?? [],
  };
  checkMembers(members);
  const user = await users.add(wanted);
  return { status: 201, body: userJson(user), location: `users/${user.subject}` };
}

async function show({ id }: AdminCall, { users }: AdminParts): Promise<AdminAnswer> {
  return { status: 200, body: userJson(await existing(id, users)) };
}

function change(status: RegisteredUser['status']): AdminRoute['run'] {
  return async ({ id, body, caller }, { users }) => {
    const members = new Members(body);
    members.only();
    checkMembers(members);
    const { login } = await existing(id, users);
    if (status === 'disabled' && caller.person?.subject === id) {
      throw new Refusal('version-conflict', 'This would lock you out: let another administrator do it.');
    }
    return { status: 200, body: userJson(await users.setStatus(login, status)) };
  };
}

async function setPassword({ id, body }: AdminCall, { users }: AdminParts): Promise<AdminAnswer> {
  const members = new Members(body);
  members.only('password');
  const password = members.text('password');
  if (password === undefined && members.problems.length === 0) members.say('password', 'this is missing');
  checkMembers(members);
  const { login } = await existing(id, users);
  return { status: 200, body: userJson(await users.setPassword(login, password ?? '')) };
}

async function existing(subject: string, users: AdminParts['users']): Promise<RegisteredUser> {
  const user = await users.get(subject);
  if (user !== undefined) return user;
  throw new Refusal(
    'not-found',
    `There is no person with the subject ${subject}: GET /admin/users lists them.`,
  );
}
