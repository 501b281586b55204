/**
 * What is granted of the scopes that a client asks for: no more than it was registered for.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html#scopes
 *
 * Invariant: each scope that is granted lies within one that was asked for and within what was registered.
 */
import {
  isWithin,
  parseScopes,
  permissionsOf,
  type ResourceScope,
  type Scopes,
  writeResourceScope,
  writeScopes,
} from '../smart/scope.js';
import { ADMINISTRATOR, type RegisteredUser } from './users/user.js';

export type ScopeDecision =
  | { readonly granted: string }
  /** One sentence. */
  | { readonly problem: string };

/** For a client that acts for itself. Scopes that are none of its kind are refused; those beyond its own are narrowed. */
export function systemScopes(
  asked: string,
  registered: string,
  isResourceType: (type: string) => boolean,
): ScopeDecision {
  const { resources, launch, identity, admin, unknown } = parseScopes(asked, isResourceType);
  if (unknown.length > 0) return { problem: `not known here: ${unknown.join(' ')}` };
  const others = [...launch, ...identity, ...resources.filter(isNoSystemScope).map(writeResourceScope)];
  if (others.length > 0)
    return { problem: `only system/ scopes are for backend clients: ${others.join(' ')}` };
  if (resources.length + admin.length === 0) return { problem: 'scope is missing: ask for system/ scopes' };
  const held = parseScopes(registered);
  const granted = writeScopes({
    launch: [],
    identity: [],
    admin: admin.filter((scope) => held.admin.includes(scope)),
    resources: resources.flatMap((scope) => narrowed(scope, held.resources)),
  });
  return granted === '' ? { problem: 'none of these scopes is registered for this client' } : { granted };
}

/** Scopes that are about who somebody is: OpenID's own. All others are about our resources. */
export const IDENTITY_SCOPES = ['openid', 'fhirUser', 'profile', 'offline_access', 'online_access'] as const;

/** For a person: what is not known, not registered or not a person's is left out, and the answer shows it. */
export function personScopes(
  asked: string,
  registered: string,
  isResourceType: (type: string) => boolean,
): ScopeDecision {
  const granted = writeScopes(offeredScopes(asked, registered, isResourceType));
  return granted === '' ? { problem: 'none of these scopes is registered for this client' } : { granted };
}

/** Without those that are about who somebody is: they are for OpenID, not for our resources. */
export function resourceScopes(scope: string): string {
  return writeScopes({ ...parseScopes(scope), identity: [] });
}

/** What a person may be asked to grant; system/ scopes are for clients that act for themselves. */
export function offeredScopes(
  asked: string,
  registered: string,
  isResourceType: (type: string) => boolean,
): Omit<Scopes, 'unknown'> {
  const held = parseScopes(registered);
  const { launch, identity, admin, resources } = parseScopes(asked, isResourceType);
  const others = [...held.launch, ...held.identity];
  return {
    launch: launch.filter((scope) => others.includes(scope)),
    identity: identity.filter((scope) => others.includes(scope)),
    admin: admin.filter((scope) => held.admin.includes(scope)),
    resources: resources
      .filter(({ context }) => context !== 'system')
      .flatMap((scope) => narrowed(scope, held.resources)),
  };
}

/** Of these what this person may be asked for: the management of the server is for administrators alone. */
export function offeredTo(
  { roles }: Pick<RegisteredUser, 'roles'>,
  offered: Omit<Scopes, 'unknown'>,
): Omit<Scopes, 'unknown'> {
  return roles.includes(ADMINISTRATOR) ? offered : { ...offered, admin: [] };
}

/** The part of a scope that lies within those that are held. */
export function narrowed(asked: ResourceScope, held: readonly ResourceScope[]): readonly ResourceScope[] {
  if (isWithin(asked, held)) return [asked];
  const parts = new Map<string, ResourceScope>();
  for (const part of held.flatMap((each) => common(asked, each) ?? [])) {
    const place = `${part.type}?${part.constraint ?? ''}`;
    const permissions = permissionsOf(part.permissions + (parts.get(place)?.permissions ?? ''));
    parts.set(place, { ...part, permissions });
  }
  return [...parts.values()];
}

function common(asked: ResourceScope, held: ResourceScope): ResourceScope | undefined {
  const type = [asked, held].find((each) => each.type !== '*')?.type ?? '*';
  const fits = [asked, held].every((each) => each.type === '*' || each.type === type);
  const permissions = permissionsOf(
    [...asked.permissions].filter((letter) => held.permissions.includes(letter)),
  );
  if (asked.context !== held.context || !fits || permissions === '') return undefined;
  const { constraint: _, ...rest } = asked;
  const constraint = bothConstraints(asked.constraint, held.constraint);
  return { ...rest, type, permissions, ...(constraint === undefined ? {} : { constraint }) };
}

function bothConstraints(asked: string | undefined, held: string | undefined): string | undefined {
  if (asked === undefined || held === undefined || asked === held) return asked ?? held;
  return `${asked}&${held}`;
}

function isNoSystemScope({ context }: ResourceScope): boolean {
  return context !== 'system';
}
