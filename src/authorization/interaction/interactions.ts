/**
 * From an app's request to a person's answer: signing in, choosing the patient and the visit, consent. Each step is a page,
 * each answer leads to the next step; oidc-provider begins and ends it.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
 *
 *   login ── sign-in page ──▶ consent ── patient? ──▶ picker ── visit? ──▶ picker ──▶ consent page ──▶ grant
 *
 * Invariants
 * - A patient or visit is taken only where the person may open it, wherever it was named: by a form, by a launch.
 * - Every answer ends at the app (with a code or an error) or on a page that says what to do; nothing is granted by a GET.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { Records } from '../../ports/records.js';
import type { Scopes } from '../../smart/scope.js';
import { writeResourceScope, writeScopes } from '../../smart/scope.js';
import type { RegisteredClient } from '../clients/client.js';
import { FormError, type FormTokens, readForm } from '../forms.js';
import { adminChoices, choicesOf, tickedScopes } from '../launch/consent-scopes.js';
import type { LaunchContext } from '../launch/launch-context.js';
import type { Launches } from '../launch/launches.js';
import {
  encounterById,
  encounterOptions,
  type Option,
  patientById,
  patientOptions,
  type SearchAs,
} from '../launch/pickers.js';
import { consentPage } from '../pages/consent-page.js';
import { pageHeaders, redirectTarget } from '../pages/frame.js';
import { pickerPage } from '../pages/picker-page.js';
import { signInPage } from '../pages/sign-in-page.js';
import { offeredScopes, offeredTo } from '../scopes.js';
import type { SecurityLog, Told } from '../security-log.js';
import type { AuthorizationSettings } from '../settings.js';
import type { RegisteredUser } from '../users/user.js';
import type { Users } from '../users/users.js';
import type { GrantRecords } from './grant-record.js';
import { lastingWords } from './lasting-words.js';
import { isOver, START_AGAIN, tell } from './over.js';
import { ProgressRecords } from './progress.js';

export interface InteractionParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Logger;
  readonly users: Users;
  readonly launches: Launches;
  readonly grants: GrantRecords;
  readonly settings: AuthorizationSettings;
  readonly isResourceType: (type: string) => boolean;
  readonly findClient: (id: string) => Promise<RegisteredClient | undefined>;
  /** Searches with the rights of a person. */
  readonly searchAs: (user: RegisteredUser) => SearchAs;
  readonly tokens: FormTokens;
  readonly securityLog: SecurityLog;
  /** What stands on the button of the hospital's identity provider; undefined: there is none. */
  readonly upstreamLabel: string | undefined;
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** One interaction as it stands when a request comes. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly details: Details;
  readonly client: RegisteredClient;
  readonly offered: Omit<Scopes, 'unknown'>;
  /** Absent on a GET. */
  readonly form?: URLSearchParams;
}

/** Seconds that a grant lives at most, see lifetimes.ts. */
const GRANT_LIFE = 180 * 24 * 3600 * 1000;
const PATH = /^\/interaction\/([A-Za-z0-9_-]{1,64})$/;

export class Interactions {
  readonly #provider: Provider;
  readonly #parts: InteractionParts;
  readonly #progress: ProgressRecords;

  constructor(provider: Provider, parts: InteractionParts) {
    this.#provider = provider;
    this.#parts = parts;
    this.#progress = new ProgressRecords(parts);
  }

  /** False where the path is none of ours. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const uid = PATH.exec(request.url?.split('?', 1)[0] ?? '')?.[1];
    if (uid === undefined) return false;
    try {
      await this.#answer(request, response, uid);
    } catch (error) {
      if (error instanceof FormError) {
        if (error.isForged) {
          await this.#parts.securityLog.tell(request, { event: 'forged-form', outcome: 'refused' });
        }
        tell(response, error.status, 'This did not work', error.message);
      } else if (isOver(error)) tell(response, 400, 'This sign-in is over', START_AGAIN);
      else throw error;
    }
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, uid: string): Promise<void> {
    const { method = 'GET' } = request;
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
      response.setHeader('allow', 'GET, HEAD, POST');
      return tell(response, 400, 'This did not work', `${method} is not for this page.`);
    }
    const details = await this.#provider.interactionDetails(request, response);
    if (details.uid !== uid) return tell(response, 400, 'This sign-in is over', START_AGAIN);
    const client = await this.#parts.findClient(String(details.params.client_id));
    if (client === undefined)
      return tell(response, 400, 'This app may not come in', 'It is not registered here.');
    const form = method === 'POST' ? await readForm(request) : undefined;
    const { isResourceType } = this.#parts;
    const offered = offeredScopes(String(details.params.scope ?? ''), client.scope, isResourceType);
    const visit = { request, response, details, client, offered, ...(form === undefined ? {} : { form }) };
    if (form !== undefined) {
      this.#parts.tokens.check(request, form, aboutOf(details));
      if (form.get('decision') === 'deny')
        return this.#refuse(visit, 'access_denied', 'The person did not agree.');
    }
    return details.prompt.name === 'login' ? this.#signIn(visit) : this.#consent(visit);
  }

  async #signIn(visit: Visit): Promise<void> {
    const { form } = visit;
    if (form === undefined || !this.#parts.settings.passwordSignIn)
      return this.#showSignIn(visit, undefined, undefined);
    const login = form.get('login') ?? '';
    const { users } = this.#parts;
    const outcome = await users.signIn(login, form.get('password') ?? '');
    const isIn = outcome.kind === 'signed-in';
    const person = isIn ? outcome.user : await users.byLogin(login);
    await this.#tell(visit, { event: 'sign-in', outcome: isIn ? 'success' : 'refused', person });
    switch (outcome.kind) {
      case 'signed-in':
        return this.#finish(visit, { login: { accountId: outcome.user.subject, amr: ['pwd'] } });
      case 'refused':
        return this.#showSignIn(visit, login, 'The user name or the password is wrong.');
      case 'waiting': {
        const seconds = Math.max(1, Math.ceil((outcome.until - this.#parts.clock.now()) / 1000));
        const wait = seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`;
        return this.#showSignIn(visit, login, `Too many attempts: wait ${wait}, then try again.`);
      }
    }
  }

  #showSignIn(visit: Visit, login: string | undefined, problem: string | undefined): void {
    const { settings, upstreamLabel } = this.#parts;
    const target = this.#target(visit);
    const page = signInPage({
      ...target,
      cancel: target,
      clientName: visit.client.name,
      withPassword: settings.passwordSignIn,
      upstreams:
        upstreamLabel === undefined ? [] : [{ label: upstreamLabel, href: `${target.action}/upstream` }],
      ...(login === undefined ? {} : { login }),
      ...(problem === undefined ? {} : { problem }),
    });
    this.#show(visit, page, problem === undefined ? 200 : 401);
  }

  async #consent(asked: Visit): Promise<void> {
    const { details, client } = asked;
    const user = await this.#parts.users.get(details.session?.accountId ?? '');
    if (user === undefined || user.status !== 'active') {
      return this.#refuse(asked, 'access_denied', 'The person may not sign in any more.');
    }
    const visit = { ...asked, offered: offeredTo(user, asked.offered) };
    if (writeScopes(visit.offered) === '') {
      return this.#refuse(visit, 'access_denied', 'The person may not grant what is asked for.');
    }
    const progress = await this.#progress.get(details.uid);
    const begun = progress?.context ?? (await this.#begin(visit, user));
    if (begun === undefined) {
      return this.#refuse(
        visit,
        'invalid_request',
        'launch is not valid: it was used, is too old, or is for others.',
      );
    }
    const search = this.#parts.searchAs(user);
    const context = await this.#picked(visit, user, search, begun);
    if (context === undefined) return;
    const patient = context.patient === undefined ? undefined : await patientById(search, context.patient);
    if (context.patient !== undefined && patient === undefined) {
      return this.#refuse(visit, 'access_denied', 'The person may not open this patient’s record.');
    }
    if (context.encounter !== undefined && !(await this.#isVisitOf(context, search))) {
      return this.#refuse(visit, 'access_denied', 'The visit is not one of this patient.');
    }
    if (visit.form?.get('decision') === 'allow') return this.#grant(visit, user, context);
    return this.#showConsent(visit, user, context, patient, client);
  }

  /** One that the person may open: what an EHR hands over may be of somebody else. It says what is opened, and limits nothing. */
  async #isVisitOf({ patient, encounter = '' }: LaunchContext, search: SearchAs): Promise<boolean> {
    return (await encounterById(search, patient, encounter)) !== undefined;
  }

  /** What an EHR hands over; nothing for an app that was opened by itself. Undefined: there is no such launch. */
  async #begin({ details, client }: Visit, user: RegisteredUser): Promise<LaunchContext | undefined> {
    const { launch: value } = details.params;
    if (typeof value !== 'string') {
      await this.#progress.put(details.uid, { context: {} });
      return {};
    }
    const launch = await this.#parts.launches.use(value, client.id);
    if (launch === undefined || (launch.subject !== undefined && launch.subject !== user.subject))
      return undefined;
    await this.#progress.put(details.uid, { context: launch.context });
    return launch.context;
  }

  /** The context with what had to be chosen; undefined: a page asks for it. */
  async #picked(
    visit: Visit,
    user: RegisteredUser,
    search: SearchAs,
    begun: LaunchContext,
  ): Promise<LaunchContext | undefined> {
    const { launch, resources } = visit.offered;
    const wantsEncounter = launch.includes('launch/encounter');
    const wantsPatient =
      wantsEncounter ||
      launch.includes('launch/patient') ||
      resources.some(({ context }) => context === 'patient');
    let context = begun;
    if (wantsPatient && context.patient === undefined) {
      const own = user.fhirUser.startsWith('Practitioner') ? undefined : user.patients;
      const patient =
        own?.length === 1
          ? own[0]
          : await this.#pick(visit, 'patient', {
              options: (query) => patientOptions(search, own, query),
              byId: (id) => patientById(search, id),
              searchable: own === undefined,
            });
      if (patient === undefined) return undefined;
      context = { ...context, patient };
      await this.#progress.put(visit.details.uid, { context });
      if (visit.form?.get('decision') === 'pick') return this.#again(visit);
    }
    const { patient } = context;
    if (wantsEncounter && context.encounter === undefined && patient !== undefined) {
      const encounter = await this.#pick(visit, 'encounter', {
        options: (query) => encounterOptions(search, patient, query),
        byId: (id) => encounterById(search, patient, id),
        searchable: true,
      });
      if (encounter === undefined) return undefined;
      context = { ...context, encounter };
      await this.#progress.put(visit.details.uid, { context });
      if (visit.form?.get('decision') === 'pick') return this.#again(visit);
    }
    return context;
  }

  /** The id that was chosen; undefined: a page asks for it. */
  async #pick(visit: Visit, kind: 'patient' | 'encounter', from: Pickable): Promise<string | undefined> {
    const { form, client } = visit;
    const id = form?.get('decision') === 'pick' ? (form.get('id') ?? '') : undefined;
    if (id !== undefined && (await from.byId(id)) !== undefined) return id;
    const query = form?.get('query') ?? '';
    const page = pickerPage({
      ...this.#target(visit),
      kind,
      clientName: client.name,
      ...(from.searchable ? { query } : {}),
      ...(await from.options(query)),
      ...(id === undefined ? {} : { problem: 'You may not open what was chosen. Choose another.' }),
    });
    this.#show(visit, page, 200);
    return undefined;
  }

  /** The next step is asked for by a GET, so that going back in the browser repeats no answer. */
  #again({ response, details }: Visit): undefined {
    response.writeHead(303, { location: this.#url(details), 'cache-control': 'no-store' }).end();
    return undefined;
  }

  #showConsent(
    visit: Visit,
    user: RegisteredUser,
    { patient: patientId }: LaunchContext,
    patient: Option | undefined,
    client: RegisteredClient,
  ): void {
    const { offered, form } = visit;
    const whose = user.fhirUser === `Patient/${patientId}` ? 'your' : 'the patient’s';
    const isIdentity = offered.identity.some((each) => each === 'openid' || each === 'fhirUser');
    const page = consentPage({
      ...this.#target(visit),
      clientName: client.name,
      person: user.login,
      ...(patient === undefined ? {} : { patient: { name: patient.title, details: patient.details } }),
      choices: [...choicesOf(offered.resources, whose), ...adminChoices(offered.admin)],
      notes: isIdentity ? ['who you are'] : [],
      howLong: lastingWords(offered.identity),
      appsHref: `${this.#parts.settings.issuer}/apps`,
      whileAway: offered.identity.includes('offline_access'),
      ...(form === undefined ? {} : { problem: 'Choose one of the answers.' }),
    });
    this.#show(visit, page, 200);
  }

  async #grant(visit: Visit, user: RegisteredUser, context: LaunchContext): Promise<void> {
    const { details, client, offered, form } = visit;
    const { fhirBase } = this.#parts.settings;
    const ticked = form?.getAll('scope') ?? [];
    const resources = tickedScopes(offered.resources, ticked);
    const admin = offered.admin.filter((scope) => ticked.includes(scope));
    const isOffered = offered.resources.length + offered.admin.length > 0;
    if (isOffered && resources.length + admin.length === 0) {
      return this.#refuse(visit, 'access_denied', 'The person agreed to nothing.');
    }
    const grant = new this.#provider.Grant({ accountId: user.subject, clientId: client.id });
    const identity = offered.identity.join(' ');
    const about = [...offered.launch, ...admin, ...resources.map(writeResourceScope)].join(' ');
    if (identity !== '') grant.addOIDCScope(identity);
    if (about !== '') grant.addResourceScope(fhirBase, about);
    const grantId = await grant.save();
    const since = this.#parts.clock.now();
    const scope = writeScopes({ ...offered, admin, resources });
    const { patient } = context;
    await this.#tell(visit, { event: 'consent', outcome: 'success', person: user, scope, patient });
    await this.#parts.grants.save(
      user.subject,
      {
        grantId,
        clientId: client.id,
        scope,
        since,
        until: since + GRANT_LIFE,
        ...(patient === undefined ? {} : { patient }),
      },
      context,
    );
    // What was granted takes the place of what was asked for: codes and tokens speak of that alone.
    details.params.scope = scope;
    await details.save(details.exp - Math.floor(since / 1000));
    await this.#finish(visit, { consent: { grantId } });
  }

  async #refuse(visit: Visit, error: string, description: string): Promise<void> {
    const { accountId } = visit.details.session ?? {};
    const person = accountId === undefined ? undefined : await this.#parts.users.get(accountId);
    await this.#tell(visit, { event: 'consent', outcome: 'refused', person });
    return this.#finish(visit, { error, error_description: description });
  }

  #tell({ request, client }: Visit, told: Told): Promise<void> {
    return this.#parts.securityLog.tell(request, { ...told, client: client.id });
  }

  #finish(
    { request, response }: Visit,
    result: Parameters<Provider['interactionFinished']>[2],
  ): Promise<void> {
    return this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }

  #target({ details }: Visit): { readonly action: string; readonly csrf: string } {
    return { action: this.#url(details), csrf: this.#parts.tokens.make(aboutOf(details)) };
  }

  #url({ uid }: Details): string {
    return `${this.#parts.settings.issuer}/interaction/${uid}`;
  }

  /** The last answer leads on to the app: browsers hold that redirect against the page's form-action. */
  #show({ response, details, request }: Visit, page: string, status: number): void {
    const { redirect_uri: redirect } = details.params;
    const target = typeof redirect === 'string' ? redirectTarget(redirect) : undefined;
    response.writeHead(status, pageHeaders(target === undefined ? [] : [target]));
    response.end(request.method === 'HEAD' ? undefined : page);
  }
}

interface Pickable {
  readonly options: (
    query: string,
  ) => Promise<{ readonly options: readonly Option[]; readonly more: boolean }>;
  readonly byId: (id: string) => Promise<Option | undefined>;
  readonly searchable: boolean;
}

function aboutOf({ uid, session }: Details): string {
  return `${uid} ${session?.accountId ?? ''}`;
}
