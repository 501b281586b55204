/**
 * What an interaction asks of the access decision before it begins: is anything of this kind granted at all, and may the
 * resource that a write names be known to be there?
 *
 *   nothing of the type may be done so                     403, with the scope that would be needed
 *   there, may be read, may not be changed                 403
 *   not there, or there and hidden                         404, the same for both
 *
 * Invariant: where anything of a type may be hidden from the asker, no answer depends on whether something hidden is there.
 * So whoever may not see all of a type cannot choose the id of a new resource: it could be taken.
 */
import { Refusal } from '../fhir/outcome.js';
import { type AccessDecision, hidesNothing, holds, type Permission } from '../ports/access-filter.js';
import type { ResourceKey } from '../ports/backend.js';
import type { Context } from './context.js';

type Deciding = Pick<Context, 'access'>;

/** The letter of a scope that holds a permission. */
const LETTERS: Readonly<Record<Permission, string>> = {
  create: 'c',
  read: 'r',
  update: 'u',
  delete: 'd',
  search: 's',
};

/** Refuses where not one of the permissions is held for the type. */
export function permit({ access }: Deciding, type: string, ...anyOf: readonly Permission[]): void {
  if (!anyOf.some((permission) => holds(access[permission], type))) throw notGranted(access, type, anyOf);
}

/** Of several types, those that may be searched; those that were named must be. */
export function searchableTypes(
  { access }: Deciding,
  types: readonly string[],
  named: readonly string[],
): ReadonlySet<string> {
  const held = types.filter((type) => holds(access.search, type));
  const missing = named.find((type) => !holds(access.search, type));
  if (missing !== undefined) throw notGranted(access, missing, ['search']);
  if (held.length === 0)
    throw notGranted(access, types.length === 1 ? (types[0] as string) : '*', ['search']);
  return new Set(held);
}

function notGranted(access: AccessDecision, type: string, permissions: readonly Permission[]): Refusal {
  const verbs = permissions.join(' or ');
  const letters = permissions.map((permission) => LETTERS[permission]).join(' or .');
  const what = type === '*' ? 'any resources' : `${type} resources`;
  return new Refusal(
    'forbidden',
    `Nothing that you were granted lets you ${verbs} ${what}: a scope for ${type}.${letters} would be needed.`,
    {
      'www-authenticate': `Bearer error="insufficient_scope", scope="${scopeFor(access, type, permissions)}"`,
    },
  );
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3: in the context that the holder's other scopes have. */
function scopeFor({ agent }: AccessDecision, type: string, permissions: readonly Permission[]): string {
  const letters = 'cruds'.replace(/./g, (each) =>
    permissions.some((permission) => LETTERS[permission] === each) ? each : '',
  );
  const isPatients = agent?.scope?.includes('patient/') === true;
  const context = isPatients ? 'patient' : agent?.user === undefined ? 'system' : 'user';
  return `${context}/${type}.${letters}`;
}

/**
 * Before an update, patch or delete of what the client names: passes where it may be changed, and where nothing is there
 * and that is no secret. The commit looks again.
 */
export async function permitChange(
  target: ResourceKey,
  permission: 'update' | 'delete',
  { access, backend }: Pick<Context, 'access' | 'backend'>,
): Promise<void> {
  const { type } = target;
  if (hidesNothing(access[permission], type)) return;
  if ((await backend.read(target, access[permission])).kind !== 'absent') return;
  const seen = await backend.read(target, access.read);
  if (seen.kind === 'found') throw mayNotChange(type);
  if (seen.kind === 'absent' && !hidesNothing(access.read, type)) throw hiddenOrAbsent(type);
}

/** 403: it may be read, so that it is there is no secret. */
export function mayNotChange(type: string): Refusal {
  return new Refusal(
    'forbidden',
    `You may read this ${type}, but what you were granted does not let you change it.`,
  );
}

/** 404: said of what is not there and of what is hidden alike. */
export function hiddenOrAbsent(type: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no ${type} with this id that you may change. A new one is made by POST, and the server gives the id.`,
  );
}
