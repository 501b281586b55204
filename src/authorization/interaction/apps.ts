/**
 * `/auth/apps`: what a person granted to apps, and the end of it. Whoever is not signed in is told how to.
 *
 * Invariant: a person sees and ends the own grants alone; what was ended is refused with the next request, everywhere.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { parseScopes } from '../../smart/scope.js';
import type { RegisteredClient } from '../clients/client.js';
import { FormError, type FormTokens, readForm } from '../forms.js';
import { patientById, type SearchAs } from '../launch/pickers.js';
import { appsPage } from '../pages/apps-page.js';
import { dayWords } from '../pages/day-words.js';
import { pageHeaders } from '../pages/frame.js';
import { tellingPage } from '../pages/plain-pages.js';
import { adminWords, scopeWords } from '../pages/scope-words.js';
import type { SecurityLog } from '../security-log.js';
import type { AuthorizationSettings } from '../settings.js';
import type { RegisteredUser } from '../users/user.js';
import type { Users } from '../users/users.js';
import type { GrantRecords } from './grant-record.js';

export interface AppsParts {
  readonly users: Users;
  readonly grants: GrantRecords;
  readonly settings: AuthorizationSettings;
  readonly tokens: FormTokens;
  readonly findClient: (id: string) => Promise<RegisteredClient | undefined>;
  readonly searchAs: (user: RegisteredUser) => SearchAs;
  readonly securityLog: SecurityLog;
}

const PATH = '/apps';

/** False where the path is not this one. */
export async function serveApps(
  request: IncomingMessage,
  response: ServerResponse,
  provider: Provider,
  parts: AppsParts,
): Promise<boolean> {
  if (request.url?.split('?', 1)[0] !== PATH) return false;
  const session = await provider.Session.get(provider.createContext(request, response));
  const user = session.accountId === undefined ? undefined : await parts.users.get(session.accountId);
  if (user === undefined || user.status !== 'active') {
    const text =
      'Open one of your apps and sign in there. Then come back to this page: it lists what you allowed.';
    respond(response, 401, tellingPage({ title: 'Nobody is signed in', text }));
    return true;
  }
  try {
    const done = request.method === 'POST' ? await act(request, user, session.uid, parts) : undefined;
    if (done === SIGNED_OUT) {
      await session.destroy();
      const text =
        'You are signed out. Apps that you allowed keep their access until it ends, or you end it here.';
      respond(response, 200, tellingPage({ title: 'Signed out', text }));
    } else respond(response, 200, await listPage(user, session.uid, done, parts));
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    if (error.isForged)
      await parts.securityLog.tell(request, { event: 'forged-form', outcome: 'refused', person: user });
    respond(response, error.status, tellingPage({ title: 'This did not work', text: error.message }));
  }
  return true;
}

const SIGNED_OUT = 'signed out';

/** What was done, in a sentence. */
async function act(
  request: IncomingMessage,
  user: RegisteredUser,
  session: string,
  { tokens, grants, securityLog }: AppsParts,
): Promise<string> {
  const form = await readForm(request);
  tokens.check(request, form, `apps ${session}`);
  if (form.get('decision') === 'sign-out') {
    await securityLog.tell(request, { event: 'sign-out', outcome: 'success', person: user });
    return SIGNED_OUT;
  }
  const ended = await grants.revoke(user.subject, form.get('grant') ?? '');
  if (ended !== undefined) {
    const { clientId: client, scope, patient } = ended;
    const told = { event: 'grant-end', outcome: 'success', person: user, client, scope, patient } as const;
    await securityLog.tell(request, told);
  }
  return ended !== undefined ? 'The access has ended.' : 'This access had ended already.';
}

async function listPage(
  user: RegisteredUser,
  session: string,
  done: string | undefined,
  { grants, tokens, findClient, searchAs, settings }: AppsParts,
): Promise<string> {
  const target = { action: `${settings.issuer}${PATH}`, csrf: tokens.make(`apps ${session}`) };
  const apps = (await grants.appsOf(user.subject)).map(async (app) => {
    const patient = app.patient === undefined ? undefined : await patientById(searchAs(user), app.patient);
    const whose = user.fhirUser === `Patient/${app.patient}` ? 'your' : 'the patient’s';
    return {
      name: (await findClient(app.clientId))?.name ?? 'An app that was removed',
      may: [
        ...parseScopes(app.scope).resources.map((scope) => scopeWords(scope, whose).title),
        ...parseScopes(app.scope).admin.map((scope) => adminWords(scope).title),
      ],
      ...(patient === undefined ? {} : { patient: patient.title }),
      since: dayOf(app.since),
      until: dayOf(app.until),
      grant: app.grantId,
      revoke: target,
    };
  });
  return appsPage({
    person: user.login,
    apps: await Promise.all(apps),
    ...(done === undefined ? {} : { done }),
    signOut: target,
  });
}

function dayOf(time: number): string {
  return dayWords(new Date(time).toISOString());
}

function respond(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, pageHeaders()).end(page);
}
