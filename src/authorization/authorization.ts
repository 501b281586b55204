/**
 * The authorization server of one tenant, as the rest of the house knows it. What answers below `/auth` is loaded when it
 * is first asked for: a server that checks tokens alone never pays for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AskAccess } from '../access/standing.js';
import { serialise } from '../fhir/format/serialise.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { MaybePromise } from '../ports/backend.js';
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import { type Administrator, administratorOf } from './administrator.js';
import type { Clients } from './clients/clients.js';
import { smartConfiguration } from './discovery.js';
import type { ProviderParts, Providers } from './provider/provider.js';
import type { Origin, SecurityLog } from './security-log.js';
import { TokenCheck, type TokenCheckParts } from './token-check.js';
import type { Users } from './users/users.js';

export interface AuthorizationParts
  extends ProviderParts,
    Pick<TokenCheckParts, 'foreign' | 'introspection'> {
  readonly decide: AskAccess;
}

export class Authorization {
  readonly clients: Clients;
  readonly users: Users;
  readonly #parts: AuthorizationParts;
  readonly #tokens: TokenCheck;
  readonly #configuration: Buffer;
  #providers: Promise<Providers> | undefined;

  constructor(parts: AuthorizationParts) {
    const { issuer, fhirBase } = parts.settings;
    this.#parts = parts;
    this.clients = parts.clients;
    this.users = parts.users;
    this.#tokens = new TokenCheck({ ...parts, fhirBase });
    this.#configuration = Buffer.from(serialise(smartConfiguration(issuer)));
  }

  /** What the holder of the token may do; `header` is the Authorization header. Throws or rejects with a refusal. */
  decide(
    header: string | undefined,
    definitions: CurrentDefinitions,
    emergency?: string,
  ): MaybePromise<AccessDecision> {
    return this.#tokens.decide(header, definitions, emergency);
  }

  /** Whether pages of this origin may read answers. */
  isOrigin(origin: string): MaybePromise<boolean> {
    return this.clients.isOrigin(origin);
  }

  /** Who sent the request, if they may manage this server. Rejects with a refusal. */
  administratorOf(request: IncomingMessage): Promise<Administrator> {
    return administratorOf(request, this.#parts);
  }

  /** What there is to manage. */
  get administered(): Pick<ProviderParts, 'clients' | 'users' | 'newClients'> {
    return this.#parts;
  }

  get securityLog(): SecurityLog {
    return this.#parts.securityLog;
  }

  /** The body of `.well-known/smart-configuration`. */
  get smartConfiguration(): Buffer {
    return this.#configuration;
  }

  /** Makes the first signing key where there is none yet. */
  async prepare(): Promise<void> {
    await this.#parts.signingKeys.current();
  }

  /** Below `/auth`, which the URL no longer begins with. */
  async serve(request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> {
    this.#parts.securityLog.enter(request, origin);
    this.#providers ??= this.#load();
    await (await this.#providers).serve(request, response);
  }

  async #load(): Promise<Providers> {
    const { Providers } = await import('./provider/provider.js');
    return new Providers(this.#parts);
  }
}
