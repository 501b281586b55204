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
import { handle, interactionName } from '../interactions/router.js';
import type { AccessDecision } from '../ports/access-filter.js';
import { ClientGone, readBody } from './body.js';
import { BodyBudget } from './body-budget.js';
import type { Flight } from './flight.js';
import type { Site } from './gate.js';
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
  /** Who asks and what they may do. A server without a decision has no endpoint. */
  readonly decide: () => AccessDecision;
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

  #respond(flight: Flight, answer: Promise<FhirResponse>): void {
    answer.then(
      (response) => this.#responder.send(flight, response),
      (error: unknown) => {
        if (error instanceof ClientGone) this.#responder.gone(flight);
        else this.#responder.refuse(flight, error);
      },
    );
  }

  #answer(flight: Flight): Promise<FhirResponse> {
    const { incoming } = flight;
    const { settings, basePath } = this.#parts;
    const target = parseRequestTarget(incoming.url ?? '/', basePath.length);
    const bodyless = new HttpFhirRequest(incoming, target.path, target.query, undefined);
    const context = this.#context(flight);
    const route = interactionName(bodyless, context);
    flight.due = flight.started + settings.requestTimeLimit;
    if (route !== undefined) flight.route = route;
    // What has no route is refused by the router, without its body.
    if (route === undefined || !WITH_BODY.has(bodyless.method)) return handle(bodyless, context);
    return this.#answerToBody(flight, target, bodyless);
  }

  async #answerToBody(
    flight: Flight,
    target: RequestTarget,
    bodyless: HttpFhirRequest,
  ): Promise<FhirResponse> {
    const { bodyLimit, requestTimeLimit } = this.#parts.settings;
    flight.due = Number.POSITIVE_INFINITY; // how long it may come in is node:http's to watch
    const share = this.#budget.share();
    try {
      const request = await this.#whole(
        flight,
        target,
        bodyless,
        readBody(flight.incoming, flight.outgoing, bodyLimit, share),
      );
      flight.due = performance.now() + requestTimeLimit;
      return await handle(request, this.#context(flight));
    } finally {
      share.end();
    }
  }

  async #whole(
    flight: Flight,
    target: RequestTarget,
    bodyless: HttpFhirRequest,
    body: Promise<Buffer | undefined>,
  ): Promise<HttpFhirRequest> {
    try {
      return withBody(flight.incoming, target, bodyless, await body);
    } catch (error) {
      await this.#told(flight, error);
      throw error;
    }
  }

  /** Property by property: a spread of the tenant's parts took 4 % of a read. */
  #context({ site, requestId, incoming }: Flight): Context {
    const { tenant, settings, decide } = this.#parts;
    const access = decide();
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
      access,
      requestId,
      deadline: tenant.clock.now() + settings.requestTimeLimit,
      audit,
      auditing: tenant.auditing,
    };
  }

  #trail(auditing: Auditing, access: AccessDecision, requestId: string, incoming: IncomingMessage): Trail {
    const { tenant, settings } = this.#parts;
    const network = networkAddress(incoming, settings.trustProxy);
    return new Trail(tenant.backend, auditing, { access, requestId, ...network });
  }

  /** Behind a proxy that is trusted, links lead to where the client believes to be. */
  #baseUrl({ host, secure }: Site): string {
    const { tenant, settings, basePath } = this.#parts;
    if (settings.publicUrl !== undefined || !SOUND_HOST.test(host)) return tenant.baseUrl;
    return `${secure ? 'https' : 'http'}://${host}${basePath}`;
  }
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
