/**
 * What somebody wants to register, and what is wrong with it: all of it at once. One set of rules for the command line, the
 * admin API and registration by the client itself; so its words name no option or member of any of them.
 *
 * Invariant: scopes that would never be granted to such a client are refused here, not first when it asks for them.
 */
import { parseScopes, type ResourceScope, writeResourceScope } from '../../smart/scope.js';
import type { ClientProof, ClientType } from './client.js';
import { readKeySet } from './key-set.js';
import { redirectUriProblem } from './redirect-uri.js';

export interface WantedClient {
  readonly type: string;
  readonly name: string | undefined;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[] | undefined;
  readonly represents?: readonly string[] | undefined;
  readonly scope: string;
  /** The text of a JWKS. */
  readonly jwks: string | undefined;
  readonly jwksUrl: string | undefined;
}

export interface SoundClient {
  readonly type: ClientType;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly represents?: readonly string[];
  readonly scope: string;
  /** `secret`: one is to be made. */
  readonly proof: Exclude<ClientProof, { by: 'secret' }> | { readonly by: 'secret' };
}

/** What is wrong, and with which member of WantedClient. */
export interface RegistrationProblem {
  readonly about: keyof WantedClient;
  /** One sentence. */
  readonly text: string;
}

export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';

  constructor(readonly problems: readonly RegistrationProblem[]) {
    const texts = problems.map(({ text }) => text);
    super(
      texts.length === 1
        ? (texts[0] ?? '')
        : `${texts.length} problems with the client:\n  ${texts.join('\n  ')}`,
    );
  }
}

const LONGEST_NAME = 200;
const TYPES: readonly ClientType[] = ['public', 'confidential', 'backend'];

/** Throws RegistrationError with all problems. */
export function soundClient(wanted: WantedClient, isResourceType: (type: string) => boolean): SoundClient {
  const type = TYPES.find((each) => each === wanted.type);
  const keys = wanted.jwks === undefined ? undefined : readKeySet(wanted.jwks);
  const { postLogoutRedirectUris = [], represents = [] } = wanted;
  const problems = [
    ...(type === undefined
      ? about('type', [`The type must be ${TYPES.join(', ')}.`])
      : typeProblems(type, wanted)),
    ...about('name', nameProblems(wanted)),
    ...about(
      'redirectUris',
      wanted.redirectUris.flatMap((uri) => redirectUriProblem(uri) ?? []),
    ),
    ...about(
      'postLogoutRedirectUris',
      postLogoutRedirectUris.flatMap((uri) => redirectUriProblem(uri) ?? []),
    ),
    ...about('represents', representsProblems(type, represents)),
    ...about('jwks', keys?.problems ?? []),
    ...about('jwksUrl', keyUrlProblems(wanted)),
    ...about('scope', scopeProblems(type, wanted.scope, isResourceType)),
  ];
  if (type === undefined || problems.length > 0) throw new RegistrationError(problems);
  return {
    type,
    name: wanted.name ?? `A ${type} client`,
    redirectUris: [...new Set(wanted.redirectUris)],
    ...(postLogoutRedirectUris.length === 0
      ? {}
      : { postLogoutRedirectUris: [...new Set(postLogoutRedirectUris)] }),
    ...(represents.length === 0 ? {} : { represents: [...new Set(represents)] }),
    scope: wanted.scope.split(' ').filter(Boolean).join(' '),
    proof: proofOf(type, keys?.keys, wanted.jwksUrl),
  };
}

function proofOf(
  type: ClientType,
  jwks: Extract<ClientProof, { by: 'keys' }>['jwks'] | undefined,
  url: string | undefined,
): SoundClient['proof'] {
  if (type === 'public') return { by: 'nothing' };
  if (jwks !== undefined) return { by: 'keys', jwks };
  return url === undefined ? { by: 'secret' } : { by: 'key-url', url };
}

function about(member: keyof WantedClient, texts: readonly string[]): readonly RegistrationProblem[] {
  return texts.map((text) => ({ about: member, text }));
}

function nameProblems({ name }: WantedClient): string[] {
  if (name === undefined || (name.trim() !== '' && name.length <= LONGEST_NAME)) return [];
  return [`The name must have 1 to ${LONGEST_NAME} characters.`];
}

function typeProblems(
  type: ClientType,
  { redirectUris, postLogoutRedirectUris = [], jwks, jwksUrl }: WantedClient,
): readonly RegistrationProblem[] {
  const hasKeys = jwks !== undefined || jwksUrl !== undefined;
  const problems: RegistrationProblem[] = [];
  if (type === 'backend') {
    if (!hasKeys) {
      const text = 'A backend client proves itself by its keys: give its key set, or the URL of one.';
      problems.push({ about: 'jwks', text });
    }
    if (redirectUris.length > 0) {
      const text = 'A backend client has no redirect URI: nobody signs in.';
      problems.push({ about: 'redirectUris', text });
    }
    if (postLogoutRedirectUris.length > 0) {
      const text = 'A backend client has no URI for after signing out: nobody signs in.';
      problems.push({ about: 'postLogoutRedirectUris', text });
    }
  } else if (redirectUris.length === 0) {
    problems.push({
      about: 'redirectUris',
      text: `A ${type} client needs a redirect URI: give one or more.`,
    });
  }
  if (type === 'public' && hasKeys) {
    const text = 'A public client can keep no keys: leave out its key set, or make it confidential.';
    problems.push({ about: jwks === undefined ? 'jwksUrl' : 'jwks', text });
  }
  return problems;
}

const REPRESENTED = /^(Organization|Device)\/[A-Za-z0-9\-.]{1,64}$/;
const MOST_REPRESENTED = 20;

function representsProblems(type: ClientType | undefined, represents: readonly string[]): string[] {
  const problems = represents
    .filter((one) => !REPRESENTED.test(one))
    .map((one) => `What a client stands for is an Organization or a Device of this server, not ${one}.`);
  if (represents.length > MOST_REPRESENTED) {
    problems.push(`A client stands for ${MOST_REPRESENTED} Organizations and Devices at most.`);
  }
  if (represents.length > 0 && type !== undefined && type !== 'backend') {
    problems.push('A backend client alone stands for an Organization or a Device: elsewhere a person acts.');
  }
  return problems;
}

function keyUrlProblems({ jwks, jwksUrl }: WantedClient): string[] {
  if (jwksUrl === undefined) return [];
  const problems = jwks === undefined ? [] : ['Give a key set or the URL of one, not both.'];
  if (!URL.canParse(jwksUrl) || new URL(jwksUrl).protocol !== 'https:') {
    problems.push(`The URL of the key set, ${jwksUrl}, must be an https URL.`);
  }
  return problems;
}

function scopeProblems(
  type: ClientType | undefined,
  scope: string,
  isResourceType: (type: string) => boolean,
): string[] {
  const { resources, launch, identity, admin, unknown } = parseScopes(scope, isResourceType);
  const problems = unknown.map((each) => `${each} is no scope that this server knows.`);
  const named = resources.length + launch.length + identity.length + admin.length;
  if (named + unknown.length === 0) problems.push('Say which scopes the client may be granted at most.');
  if (type === 'backend') {
    // `launch` alone says that the service is an EHR, which opens apps.
    const others = [
      ...launch.filter((each) => each !== 'launch'),
      ...identity,
      ...misplaced(resources, (context) => context === 'system'),
    ];
    problems.push(...others.map((each) => `A backend client has system/ scopes alone: ${each} is none.`));
  } else if (type !== undefined) {
    const others = misplaced(resources, (context) => context !== 'system');
    problems.push(...others.map((each) => `${each} is for backend clients: somebody signs in to this one.`));
  }
  return problems;
}

function misplaced(
  scopes: readonly ResourceScope[],
  fits: (context: ResourceScope['context']) => boolean,
): readonly string[] {
  return scopes.filter(({ context }) => !fits(context)).map(writeResourceScope);
}
