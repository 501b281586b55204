/**
 * For tests: the OpenID provider of a hospital, a real one on a socket of this machine. Whoever comes to sign in there is the
 * person whose turn it is. What it answers can be falsified on its way out, signed with its own key.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';

export const CLIENT_ID = 'fairway';
export const SECRET = 'a secret of 32 characters or more';

export interface Account {
  readonly sub: string;
  readonly preferred_username?: string;
  readonly fhirUser?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
}

export interface HospitalProvider {
  readonly issuer: string;
  /** Whoever signs in next; undefined: the person goes back without. */
  person: Account | undefined;
  /** What becomes of the claims of id_tokens; another key signs them where it is told to. */
  falsify: ((claims: JWTPayload) => JWTPayload) | undefined;
  signWith: 'own' | 'foreign';
  /** Of the requests for a code: their parameters. */
  readonly asked: URLSearchParams[];
  stop(): Promise<void>;
}

/** `redirectUri`: the only one that it knows. */
export async function startHospitalProvider(redirectUri: string): Promise<HospitalProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const issuer = `http://127.0.0.1:${port}`;
  const [own, foreign] = await Promise.all([signingKey(), signingKey()]);
  const state: HospitalProvider = {
    issuer,
    person: undefined,
    falsify: undefined,
    signWith: 'own',
    asked: [],
    stop: () => stop(server),
  };
  const accounts = new Map<string, Account>();
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: SECRET,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    jwks: { keys: [{ ...own.jwk }] },
    cookies: { keys: ['a key for tests'] },
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'fhirUser'],
      email: ['email', 'email_verified'],
    },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/here/${uid}` },
    findAccount: (_ctx, sub) => {
      const account = accounts.get(sub);
      return account && { accountId: sub, claims: async () => ({ ...account }) };
    },
    loadExistingGrant: async ({ oidc: { client, session, provider: of } }) => {
      const grant = new of.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  });
  provider.use(async (ctx, next) => {
    if (ctx.path === '/auth') state.asked.push(new URLSearchParams(ctx.querystring));
    await next();
    const { body } = ctx;
    if (!isTokens(body) || (state.falsify === undefined && state.signWith === 'own')) return;
    const claims = JSON.parse(
      Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString(),
    ) as JWTPayload;
    const { key } = state.signWith === 'own' ? own : foreign;
    body.id_token = await new SignJWT(state.falsify?.(claims) ?? claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'upstream-key' })
      .sign(key);
  });
  const handle = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url?.startsWith('/here/')) return handle(request, response);
    const { person } = state;
    if (person !== undefined) accounts.set(person.sub, person);
    await provider.interactionFinished(
      request,
      response,
      person === undefined ? { error: 'access_denied' } : { login: { accountId: person.sub } },
      { mergeWithLastSubmission: false },
    );
  });
  return state;
}

async function signingKey(): Promise<{ readonly key: CryptoKey; readonly jwk: Record<string, unknown> }> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'upstream-key', alg: 'RS256', use: 'sig' };
  return { key: privateKey, jwk };
}

function isTokens(body: unknown): body is { id_token: string } {
  return typeof body === 'object' && body !== null && 'id_token' in body;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
