/** `/admin/clients`: the applications and services that may ask for access; what `fairway client` does, by the same code. */
import type { ClientStatus, RegisteredClient } from '../authorization/clients/client.js';
import { clientJson, madeClientJson } from '../authorization/clients/client-json.js';
import { UnknownClientError } from '../authorization/clients/clients.js';
import { Members } from '../authorization/members.js';
import type { JsonObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
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

const ADDED = [
  'type',
  'client_name',
  'redirect_uris',
  'post_logout_redirect_uris',
  'represents',
  'scope',
  'jwks',
  'jwks_uri',
];
const collection = 'clients';

export const CLIENT_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', collection, path: [], act: 'list', run: list },
  { method: 'POST', collection, path: [], act: 'add', run: add },
  { method: 'GET', collection, path: [':id'], act: 'show', run: show },
  { method: 'POST', collection, path: [':id', 'disable'], act: 'disable', run: change('disabled') },
  { method: 'POST', collection, path: [':id', 'enable'], act: 'enable', run: change('active') },
  { method: 'POST', collection, path: [':id', 'approve'], act: 'approve', run: change('active', 'pending') },
  { method: 'POST', collection, path: [':id', 'rotate'], act: 'rotate', run: rotate },
];

async function list({ query }: AdminCall, { clients }: AdminParts): Promise<AdminAnswer> {
  const { after, count } = pageOf(query);
  const page = await clients.page(after, count);
  const items = page.map((client) => ({ id: client.id, json: clientJson(client) }));
  return { status: 200, body: pageBody(collection, items, count) };
}

async function add({ body }: AdminCall, { clients, newClients }: AdminParts): Promise<AdminAnswer> {
  const members = new Members(body);
  members.only(...ADDED);
  const wanted = {
    type: members.text('type') ?? '',
    name: members.text('client_name'),
    redirectUris: members.texts('redirect_uris') ?? [],
    postLogoutRedirectUris: members.texts('post_logout_redirect_uris'),
    represents: members.texts('represents'),
    scope: members.text('scope') ?? '',
    jwks: keySetText(body),
    jwksUrl: members.text('jwks_uri'),
  };
  checkMembers(members);
  const made = await clients.add(wanted, newClients);
  return { status: 201, body: madeClientJson(made), location: `clients/${made.client.id}` };
}

async function show({ id }: AdminCall, { clients }: AdminParts): Promise<AdminAnswer> {
  return { status: 200, body: clientJson(await existing(id, clients)) };
}

/** `from`: the only status that it may have before. */
function change(status: ClientStatus, from?: ClientStatus): AdminRoute['run'] {
  return async ({ id, body, caller }, { clients }) => {
    const members = new Members(body);
    members.only();
    checkMembers(members);
    const before = await existing(id, clients);
    if (from !== undefined && before.status !== from) {
      throw new Refusal(
        'version-conflict',
        `This client is ${before.status}: only one that is ${from} takes this.`,
      );
    }
    if (status === 'disabled' && caller.client === id) {
      throw new Refusal('version-conflict', 'This would lock you out: let another client disable this one.');
    }
    return { status: 200, body: clientJson(await clients.setStatus(id, status)) };
  };
}

async function rotate({ id, body }: AdminCall, { clients }: AdminParts): Promise<AdminAnswer> {
  const members = new Members(body);
  members.only('jwks');
  checkMembers(members);
  return { status: 200, body: madeClientJson(await clients.rotate(id, keySetText(body))) };
}

async function existing(id: string, clients: AdminParts['clients']): Promise<RegisteredClient> {
  const client = await clients.get(id);
  if (client === undefined) throw new UnknownClientError(id);
  return client;
}

function keySetText({ jwks }: JsonObject): string | undefined {
  return jwks === undefined ? undefined : serialise(jwks);
}
