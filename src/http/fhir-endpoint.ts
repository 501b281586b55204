/**
 * The FHIR endpoint: a plain request handler, called before express (src/decisions/001).
 * https://hl7.org/fhir/R4/http.html
 *
 * Invariant: every request is answered once, every refusal with an OperationOutcome; an interaction runs only after the
 * gate let the request in and the access decision was made.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../fhir/outcome.js';
import type { Auditing } from '../interactions/audit/auditing.js';
import { Trail } from '../interactions/audit/trail.js';
import type { Context, TenantParts } from '../interactions/context.js';
import { parseMediaType } from '../interactions/negotiation.js';
import type { FhirResponse } from '../interactions/response.js';
import { handle, interactionName, type Located, located } from '../interactions/router.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { MaybePromise } from '../ports/backend.js';
import { ClientGone, readBody } from './body.js';
import { BodyBudget } from './body-budget.js';
import { crossOriginHeaders, isPreflight } from './cross-origin.js';
import { decideAccess, type Entrance, isPublic, isSmartConfiguration } from './entrance.js';
import type { Flight } from './flight.js';
import type { CrossOriginHeaders, Site } from './gate.js';
import { headerOf } from './header.js';
import { HttpFhirRequest } from './http-request.js';
import { networkAddress } from './network-address.js';
import { parsePairs, parseRequestTarget, type RequestTarget } from './request-target.js';
import type { Responder } from './responder.js';

export interface EndpointSettings {
  readonly bodyLimit: number;
  /** Bytes that the bodies of all requests under way may take. */
  readonly bodyBudget: number;
  /** Milliseconds in which a request must be answered. */
  readonly requestTimeLimit: number;
  readonly trustProxy: boolean;
  readonly publicUrl: string | undefined;
}

export interface FhirEndpointParts {
  readonly tenant: TenantParts;
  /** Below which path of the URL the base is: `/fhir`. */
  readonly basePath: string;
  /** Who may come in. A server without an entrance has no endpoint. */
  readonly entrance: Entrance;
  readonly settings: EndpointSettings;
}

/** Methods whose body is read; others' bodies mean nothing. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

export class FhirEndpoint {
  readonly #parts: FhirEndpointParts;
  readonly #responder: Responder;
  readonly #budget: BodyBudget;

  constructor(parts: FhirEndpointParts, responder: Responder) {
    this.#parts = parts;
    this.#responder = responder;
    this.#budget = new BodyBudget(parts.settings.bodyBudget);
  }

  /** Answers whatever happens. Without async functions: each would cost a read several turns of the microtask queue. */
  serve(flight: Flight): void {
    try {
      this.#respond(flight, this.#answer(flight));
    } catch (error) {
      this.#told(flight, error).then(
        () => this.#responder.refuse(flight, error),
        (failure: unknown) => this.#responder.refuse(flight, failure),
      );
    }
  }

  /** The audit log is told here of what was refused before there was an interaction, and there of everything else. */
  async #told(flight: Flight, error: unknown): Promise<void> {
    const { requestId, incoming } = flight;
    if (error instanceof ClientGone) return;
    const network = networkAddress(incoming, this.#parts.settings.trustProxy);
    await this.#parts.tenant.auditing?.refused({ requestId, ...network }, error);
  }

  #respond(flight: Flight, answer: MaybePromise<FhirResponse>): void {
    if (!(answer instanceof Promise)) {
      this.#responder.send(flight, answer);
      return;
    }
    answer.then(
      (response) => this.#responder.send(flight, response),
      (error: unknown) => {
        if (error instanceof ClientGone) this.#responder.gone(flight);
        else this.#responder.refuse(flight, error);
      },
    );
  }

  #answer(flight: Flight): MaybePromise<FhirResponse> {
    const { basePath, entrance } = this.#parts;
    const target = parseRequestTarget(flight.incoming.url ?? '/', basePath.length);
    if (entrance.kind === 'open') return this.#interact(flight, target, entrance.decision);
    const origin = headerOf(flight.incoming, 'origin');
    if (origin === undefined) return this.#answerHolder(flight, target, entrance);
    const { path } = target;
    const headers = crossOriginHeaders(flight.incoming, origin, isPublic(path), (each) =>
      entrance.authority.isOrigin(each),
    );
    const goOn = (crossOrigin: CrossOriginHeaders | undefined): MaybePromise<FhirResponse> => {
      flight.crossOrigin = crossOrigin;
      if (!isPreflight(flight.incoming)) return this.#answerHolder(flight, target, entrance);
      flight.route = 'preflight';
      return { status: 204, headers: {} };
    };
    return headers instanceof Promise ? headers.then(goOn) : goOn(headers);
  }

  /** Where access is by tokens. */
  #answerHolder(
    flight: Flight,
    target: RequestTarget,
    entrance: Entrance & { kind: 'tokens' },
  ): MaybePromise<FhirResponse> {
    if (isSmartConfiguration(target.path)) return smartConfiguration(flight, entrance);
    const access = this.#decide(flight, target);
    return access instanceof Promise
      ? access.then((decided) => this.#interact(flight, target, decided))
      : this.#interact(flight, target, access);
  }

  /** What is thrown at once is told by whoever asks; what a promise rejects with, here. */
  #decide(flight: Flight, { path }: RequestTarget): MaybePromise<AccessDecision> {
    const { entrance, tenant } = this.#parts;
    const decided = decideAccess(entrance, flight.incoming, path, tenant.knowledge);
    return decided instanceof Promise ? this.#telling(flight, () => decided) : decided;
  }

  #interact(flight: Flight, target: RequestTarget, access: AccessDecision): MaybePromise<FhirResponse> {
    const { settings } = this.#parts;
    const bodyless = new HttpFhirRequest(flight.incoming, target.path, target.query, undefined);
    const context = this.#context(flight, access);
    const where = located(bodyless, context);
    const route = interactionName(where);
    flight.due = flight.started + settings.requestTimeLimit;
    if (route !== undefined) flight.route = route;
    // What has no route is refused by the router, without its body.
    if (route === undefined || !WITH_BODY.has(bodyless.method)) return handle(bodyless, context, where);
    return this.#answerToBody(flight, target, bodyless, where);
  }

  async #answerToBody(
    flight: Flight,
    target: RequestTarget,
    bodyless: HttpFhirRequest,
    where: Located,
  ): Promise<FhirResponse> {
    const { bodyLimit, requestTimeLimit } = this.#parts.settings;
    flight.due = Number.POSITIVE_INFINITY; // how long it may come in is node:http's to watch
    const share = this.#budget.share();
    try {
      const request = await this.#telling(flight, async () => {
        const body = await readBody(flight.incoming, flight.outgoing, bodyLimit, share);
        return withBody(flight.incoming, target, bodyless, body);
      });
      flight.due = performance.now() + requestTimeLimit;
      // A body may take its time: who was let in when it began may be out by now.
      const { entrance, tenant } = this.#parts;
      const access = await this.#telling(flight, async () =>
        decideAccess(entrance, flight.incoming, target.path, tenant.knowledge),
      );
      return await handle(request, this.#context(flight, access), where);
    } finally {
      share.end();
    }
  }

  /** What fails before there is an interaction is told here, and thrown on. */
  async #telling<T>(flight: Flight, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#told(flight, error);
      throw error;
    }
  }

  /** Property by property: a spread of the tenant's parts took 4 % of a read. */
  #context({ site, requestId, incoming }: Flight, access: AccessDecision): Context {
    const { tenant, settings } = this.#parts;
    const audit =
      tenant.auditing === undefined ? undefined : this.#trail(tenant.auditing, access, requestId, incoming);
    return {
      tenant: tenant.tenant,
      baseUrl: settings.trustProxy ? this.#baseUrl(site) : tenant.baseUrl,
      backend: audit ?? tenant.backend,
      sealer: tenant.sealer,
      knowledge: tenant.knowledge,
      terminology: tenant.terminology,
      clock: tenant.clock,
      newId: tenant.newId,
      log: tenant.log,
      settings: tenant.settings,
      jobs: tenant.jobs,
      access,
      requestId,
      deadline: tenant.clock.now() + settings.requestTimeLimit,
      audit,
      auditing: tenant.auditing,
    };
  }

  #trail(auditing: Auditing, access: AccessDecision, requestId: string, incoming: IncomingMessage): Trail {
    const { tenant, settings } = this.#parts;
    const { network } = networkAddress(incoming, settings.trustProxy);
    return new Trail(tenant.backend, auditing, { access, requestId, network });
  }

  /** Behind a proxy that is trusted, links lead to where the client believes to be. */
  #baseUrl({ host, secure }: Site): string {
    const { tenant, settings, basePath } = this.#parts;
    if (settings.publicUrl !== undefined || !SOUND_HOST.test(host)) return tenant.baseUrl;
    return `${secure ? 'https' : 'http'}://${host}${basePath}`;
  }
}

/** Whatever Accept says: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#response */
function smartConfiguration(flight: Flight, { authority }: Entrance & { kind: 'tokens' }): FhirResponse {
  const { method = 'GET' } = flight.incoming;
  flight.route = 'smart-configuration';
  if (method !== 'GET' && method !== 'HEAD') {
    throw new Refusal('method-not-allowed', `${method} is not for this path, which takes GET, HEAD.`, {
      allow: 'GET, HEAD',
    });
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: [authority.smartConfiguration],
  };
}

/** A host with or without a port, as it may stand in links. */
const SOUND_HOST = /^[A-Za-z0-9.-]+(:\d+)?$|^\[[0-9a-fA-F:.]+\](:\d+)?$/;

function withBody(
  incoming: IncomingMessage,
  { path, query }: RequestTarget,
  bodyless: HttpFhirRequest,
  body: Buffer | undefined,
): HttpFhirRequest {
  return path.at(-1) === '_search'
    ? new HttpFhirRequest(incoming, path, [...query, ...formPairs(bodyless, body)], undefined)
    : new HttpFhirRequest(incoming, path, query, body);
}

/** https://hl7.org/fhir/R4/http.html#search: the fields of a form are parameters like those of the URL. */
function formPairs(request: HttpFhirRequest, body: Buffer | undefined): ReturnType<typeof parsePairs> {
  if (body === undefined || body.length === 0) return [];
  const type = parseMediaType(request.header('content-type') ?? FORM);
  if (type.type !== FORM) {
    throw new Refusal('unsupported-media-type', `Search parameters in a body are sent as ${FORM}.`, {
      accept: FORM,
    });
  }
  return parsePairs(body.toString('utf8'));
}

const FORM = 'application/x-www-form-urlencoded';
