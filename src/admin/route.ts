/** What a route of the management API is asked, and what it answers: plain values, no HTTP types. */
import type { Administrator } from '../authorization/administrator.js';
import type { ClientStatus } from '../authorization/clients/client.js';
import type { Clients } from '../authorization/clients/clients.js';
import type { Members } from '../authorization/members.js';
import type { Users } from '../authorization/users/users.js';
import type { JsonObject } from '../fhir/format/json.js';

export interface AdminParts {
  readonly clients: Clients;
  readonly users: Users;
  /** What clients are until somebody approves them. */
  readonly newClients: Extract<ClientStatus, 'active' | 'pending'>;
}

export interface AdminCall {
  readonly caller: Administrator;
  /** Of the client, or the subject of the person; empty where the path names none. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
}

export interface AdminAnswer {
  readonly status: 200 | 201;
  readonly body: JsonObject;
  /** The path of what was made, below `/admin`. */
  readonly location?: string;
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly collection: 'clients' | 'users';
  /** `:id` in its place: the route is about one. */
  readonly path: readonly string[];
  /** How the audit log calls it. */
  readonly act: string;
  /** Throws Refusal, or an error of the rooms that it asks (refusals.ts). */
  readonly run: (call: AdminCall, parts: AdminParts) => Promise<AdminAnswer>;
}

/** Throws Refusal with all that was found wrong. */
export function checkMembers(members: Members): void {
  if (members.problems.length > 0) throw new MembersError(members.problems);
}

export class MembersError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join(' '));
  }
}

/** `?after` and `?count` of a list. */
export function pageOf(query: URLSearchParams): { readonly after: string; readonly count: number } {
  const text = query.get('count') ?? String(PAGE);
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > LARGEST_PAGE)
    throw new MembersError([`count: this has to be a whole number from 1 to ${LARGEST_PAGE}.`]);
  return { after: query.get('after') ?? '', count };
}

const PAGE = 100;
const LARGEST_PAGE = 1000;

/** The members of a page; `next`: the path of the page behind it, where there may be one. */
export function pageBody(
  collection: AdminRoute['collection'],
  items: readonly { readonly id: string; readonly json: JsonObject }[],
  count: number,
): JsonObject {
  const last = items.length === count ? items.at(-1) : undefined;
  return {
    [collection]: items.map(({ json }) => json),
    ...(last === undefined
      ? {}
      : { next: `/admin/${collection}?after=${encodeURIComponent(last.id)}&count=${count}` }),
  };
}
