/**
 * SMART scopes: `patient/Observation.rs?category=laboratory` (version 2), `patient/Observation.read` (version 1) and those
 * that are about no resource. Read once, here; everything else works with what this makes of them.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 *
 * Invariants
 * - What is not understood wholly is listed as unknown and grants nothing.
 * - A scope is written in the notation that it was asked in, as long as that notation can say it.
 */

/** A subset of `cruds`, in that order: create, read, update, delete, search. */
export type Permissions = string;

export type ScopeContext = 'patient' | 'user' | 'system';

export interface ResourceScope {
  readonly context: ScopeContext;
  /** `*` or a resource type. */
  readonly type: string;
  readonly permissions: Permissions;
  /** Granular: the search string behind `?`, as written. */
  readonly constraint?: string;
  /** The notation that it was asked in. */
  readonly version: 1 | 2;
}

export interface Scopes {
  readonly resources: readonly ResourceScope[];
  /** `launch`, `launch/patient`, `launch/encounter`. */
  readonly launch: readonly string[];
  /** `openid`, `fhirUser`, `profile`, `offline_access`, `online_access`. */
  readonly identity: readonly string[];
  /** `fairway/admin`: about this server itself. */
  readonly admin: readonly string[];
  /** As written: refused or dropped by the caller, never granted. */
  readonly unknown: readonly string[];
}

const ALL = 'cruds';
const LAUNCH: ReadonlySet<string> = new Set(['launch', 'launch/patient', 'launch/encounter']);
const IDENTITY: ReadonlySet<string> = new Set([
  'openid',
  'fhirUser',
  'profile',
  'offline_access',
  'online_access',
]);
/** The management of clients and people. A person must be an administrator besides. No scope of SMART means this. */
export const ADMIN_SCOPE = 'fairway/admin';
/** https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources */
const VERSION_1: Readonly<Record<string, Permissions>> = { read: 'rs', write: 'cud', '*': ALL };
const RESOURCE_SCOPE = /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.([a-z]+|\*)(?:\?(.*))?$/;
const LETTERS = /^c?r?u?d?s?$/;
/** The characters that a scope may have: https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Reads a `scope` parameter. With `isType`, scopes of types that it does not know are unknown too. */
export function parseScopes(text: string, isType: (type: string) => boolean = () => true): Scopes {
  const resources: ResourceScope[] = [];
  const launch: string[] = [];
  const identity: string[] = [];
  const admin: string[] = [];
  const unknown: string[] = [];
  for (const written of new Set(text.split(' ').filter((each) => each !== ''))) {
    const resource = parseResourceScope(written);
    if (LAUNCH.has(written)) launch.push(written);
    else if (IDENTITY.has(written)) identity.push(written);
    else if (written === ADMIN_SCOPE) admin.push(written);
    else if (resource !== undefined && (resource.type === '*' || isType(resource.type)))
      resources.push(resource);
    else unknown.push(written);
  }
  return { resources, launch, identity, admin, unknown };
}

/** One scope about resources; undefined where it is none, or is malformed. */
export function parseResourceScope(written: string): ResourceScope | undefined {
  const parts = SCOPE_TOKEN.test(written) ? RESOURCE_SCOPE.exec(written) : null;
  if (parts === null) return undefined;
  const [, context, type = '', asked = '', constraint] = parts;
  const first = Object.hasOwn(VERSION_1, asked) ? VERSION_1[asked] : undefined;
  // Version 1 knows no constraints: what its author meant by one cannot be told.
  if (first !== undefined && constraint !== undefined) return undefined;
  if (first === undefined && !LETTERS.test(asked)) return undefined;
  if (constraint !== undefined && !constraintPieces(constraint).every(isPair)) return undefined;
  return {
    context: context as ScopeContext, // the expression lets nothing else through
    type,
    permissions: first ?? asked,
    ...(constraint === undefined ? {} : { constraint }),
    version: first === undefined ? 2 : 1,
  };
}

/** A `scope` parameter; unknown scopes are not written. */
export function writeScopes({ launch, identity, admin, resources }: Omit<Scopes, 'unknown'>): string {
  return [...new Set([...launch, ...identity, ...admin, ...resources.map(writeResourceScope)])].join(' ');
}

export function writeResourceScope(scope: ResourceScope): string {
  const { context, type, permissions, constraint } = scope;
  const first = Object.entries(VERSION_1).find(([, letters]) => letters === permissions)?.[0];
  // What version 1 has no word for (a part of `.read` was unticked) is said in version 2.
  const asked = scope.version === 1 && constraint === undefined && first !== undefined ? first : permissions;
  return `${context}/${type}.${asked}${constraint === undefined ? '' : `?${constraint}`}`;
}

/** Letters in their one order, each once. */
export function permissionsOf(letters: Iterable<string>): Permissions {
  const held = new Set(letters);
  return [...ALL].filter((letter) => held.has(letter)).join('');
}

/**
 * Whether all that a scope asks for was granted: at refresh, after unticking. Each of its permissions must be held by one
 * scope of the same context whose type covers it and whose constraint, if any, is part of the constraint asked for.
 */
export function isWithin(asked: ResourceScope, granted: readonly ResourceScope[]): boolean {
  const covering = granted.filter((scope) => covers(scope, asked));
  return [...asked.permissions].every((letter) =>
    covering.some(({ permissions }) => permissions.includes(letter)),
  );
}

function covers(scope: ResourceScope, asked: ResourceScope): boolean {
  if (scope.context !== asked.context) return false;
  if (scope.type !== '*' && scope.type !== asked.type) return false;
  if (scope.constraint === undefined) return true;
  const pieces = new Set(constraintPieces(asked.constraint ?? ''));
  return constraintPieces(scope.constraint).every((piece) => pieces.has(piece));
}

/** What stands between `&`: each of them narrows. */
function constraintPieces(constraint: string): string[] {
  return constraint.split('&');
}

function isPair(piece: string): boolean {
  return /^[^=]+=./.test(piece);
}
