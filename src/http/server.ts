/**
 * The HTTP server: limits, the gate, and who answers what.
 * https://www.rfc-editor.org/rfc/rfc9112
 *
 * Invariants: nothing is answered that the gate did not let in; a request has limits of size and time from its first
 * byte to the last one of its answer; a stopping server finishes what it has begun.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Refusal } from '../fhir/outcome.js';
import { Applications, type ApplicationsParts } from './applications.js';
import { answerRaw, refusalOf } from './broken-request.js';
import { basePathOf, fhirDoor } from './doors.js';
import { type EndpointSettings, FhirEndpoint, type FhirEndpointParts } from './fhir-endpoint.js';
import { type Flight, Flights } from './flight.js';
import { checkSingleHost, Gate, type GateSettings } from './gate.js';
import { headerOf, replaceHost } from './header.js';
import { type Probes, probe } from './probes.js';
import { requestIds } from './request-id.js';
import { onAnswered, type RequestLogParts } from './request-log.js';
import { Responder } from './responder.js';

export interface ServerSettings extends EndpointSettings, GateSettings {
  readonly host: string;
  readonly port: number;
  readonly headerLimit: number;
  readonly maxConnections: number;
  readonly headTimeLimit: number;
  readonly receiveTimeLimit: number;
  readonly sendTimeLimit: number;
  readonly keepAliveTimeLimit: number;
  readonly shutdownTimeLimit: number;
}

export interface ServerParts extends Pick<RequestLogParts, 'log' | 'meter'>, Probes {
  readonly settings: ServerSettings;
  /** PEM texts: https. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly tenants: readonly FhirEndpointParts['tenant'][];
  readonly entrance: FhirEndpointParts['entrance'];
  readonly application: Pick<ApplicationsParts, 'facts' | 'metrics' | 'authorize' | 'administer'>;
}

/** How often overdue requests are looked for. */
const SWEEP_MILLISECONDS = 500;

export class FairwayServer {
  readonly #parts: ServerParts;
  readonly #server: Server;
  readonly #flights = new Flights();
  readonly #gate: Gate;
  readonly #responder: Responder;
  readonly #endpoints: ReadonlyMap<string, FhirEndpoint>;
  readonly #applications: Applications;
  readonly #newRequestId = requestIds();
  readonly #longestUrl: number;
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: ServerParts) {
    const { settings, entrance } = parts;
    this.#parts = parts;
    this.#gate = new Gate(settings);
    this.#longestUrl = Math.floor(settings.headerLimit / 2);
    this.#responder = new Responder(settings, parts.log, onAnswered({ ...parts, flights: this.#flights }));
    this.#endpoints = new Map(
      parts.tenants.map((tenant) => {
        const basePath = basePathOf(tenant.tenant);
        return [tenant.tenant, new FhirEndpoint({ tenant, basePath, entrance, settings }, this.#responder)];
      }),
    );
    this.#applications = new Applications({
      ...parts.application,
      secure: parts.tls !== undefined,
      responder: this.#responder,
    });
    this.#server = makeServer(parts);
    this.#server.on('request', (incoming, outgoing) => this.#serve(incoming, outgoing));
    this.#server.on('checkContinue', (incoming, outgoing) => this.#serve(incoming, outgoing));
    this.#server.on('connect', (_request, socket) => answerRaw(socket, noTunnel()));
    this.#server.on('clientError', (error, socket) => this.#broken(error, socket));
    this.#sweep = setInterval(() => this.#refuseOverdue(), SWEEP_MILLISECONDS).unref();
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    const { host, port } = this.#parts.settings;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        const why = error.code === 'EADDRINUSE' ? 'it is in use' : String(error.code);
        reject(
          new Error(`${host}:${port} cannot be listened on, ${why}: \`fairway doctor\` says the way out.`),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Takes no more connections, finishes what is in flight or cuts it off at the limit. */
  async close(): Promise<void> {
    this.#flights.land();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const limit = setTimeout(
      () => this.#server.closeAllConnections(),
      this.#parts.settings.shutdownTimeLimit,
    );
    await closed;
    clearTimeout(limit);
    clearInterval(this.#sweep);
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const flight = this.#flights.begin(
      incoming,
      outgoing,
      this.#newRequestId(headerOf(incoming, 'x-request-id')),
    );
    try {
      this.#route(flight);
    } catch (error) {
      this.#responder.refuse(flight, error);
    }
  }

  #route(flight: Flight): void {
    const { incoming } = flight;
    const url = this.#checkedUrl(incoming);
    checkSingleHost(incoming);
    const { site, crossOrigin } = this.#gate.admit(incoming);
    flight.site = site;
    flight.crossOrigin = crossOrigin;
    if (crossOrigin !== undefined && incoming.method === 'OPTIONS') {
      flight.route = 'preflight';
      this.#responder.send(flight, { status: 204, headers: {} });
      return;
    }
    const endpoint = fhirDoor(url, this.#endpoints);
    if (endpoint !== undefined) {
      endpoint.serve(flight);
      return;
    }
    if (probe(flight, url, this.#flights.landing, this.#parts, this.#responder)) return;
    this.#applications.serve(flight);
  }

  #checkedUrl(incoming: IncomingMessage): string {
    const { url = '', method = '' } = incoming;
    if (url.length > this.#longestUrl) {
      throw new Refusal(
        'uri-too-long',
        `The URL is longer than ${this.#longestUrl} characters: send the search as POST to _search.`,
      );
    }
    if (method === 'TRACE') {
      throw new Refusal('method-not-allowed', 'TRACE would send headers back, which may hold secrets.', {
        allow: 'GET, HEAD, POST, PUT, PATCH, DELETE',
      });
    }
    return url.startsWith('/') ? url : originForm(incoming, url);
  }

  #broken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const refusal = refusalOf(error);
    const flight = this.#flights.on(socket);
    // An answer that has begun, or that is being made for a whole request before the broken one, must not be mixed up.
    const busy = flight !== undefined && (flight.outgoing.headersSent || flight.incoming.complete);
    if (refusal === undefined || busy) socket.destroy(error);
    else answerRaw(socket, refusal);
  }

  #refuseOverdue(): void {
    for (const flight of this.#flights.overdue(performance.now())) {
      this.#responder.refuse(flight, overdue());
    }
  }
}

function makeServer({ settings, tls }: ServerParts): Server {
  const options: ServerOptions = {
    maxHeaderSize: settings.headerLimit,
    headersTimeout: settings.headTimeLimit,
    requestTimeout: settings.receiveTimeLimit,
    keepAliveTimeout: settings.keepAliveTimeLimit,
    connectionsCheckingInterval: Math.min(1000, settings.headTimeLimit),
    requireHostHeader: false, // the gate asks for it, and says so in its own words
  };
  const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls });
  server.maxConnections = settings.maxConnections;
  return server;
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2: the URL of a request as to a proxy outweighs its Host. */
function originForm(incoming: IncomingMessage, url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Refusal('malformed-request', 'The request target must be a path that begins with a slash.');
  }
  const { host } = new URL(url);
  const path = url.slice(url.indexOf('//') + 2);
  const start = path.search(/[/?]/);
  replaceHost(incoming, host);
  incoming.url = start < 0 ? '/' : path[start] === '?' ? `/${path.slice(start)}` : path.slice(start);
  return incoming.url;
}

function noTunnel(): Refusal {
  return new Refusal('method-not-allowed', 'This is no proxy: CONNECT is not for it.', {
    allow: 'GET, HEAD, POST, PUT, PATCH, DELETE',
  });
}

function overdue(): Refusal {
  return new Refusal(
    'unavailable',
    [
      {
        severity: 'error',
        code: 'timeout',
        text: 'The answer took too long. If this was a write it may yet take effect: look before you send it again.',
      },
    ],
    { 'retry-after': '5' },
  );
}
