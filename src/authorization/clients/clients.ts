/**
 * The registered clients, kept as records; what changes here holds in every process with its next request.
 *
 * Invariant: a secret leaves once, in the answer to what made it.
 */
import type { Clock } from '../../base/clock.js';
import type { NewId } from '../../base/ids.js';
import type { MaybePromise } from '../../ports/backend.js';
import type { Records } from '../../ports/records.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { type ClientProof, type ClientStatus, originsOf, type RegisteredClient } from './client.js';
import { readKeySet } from './key-set.js';
import { RegistrationError, soundClient, type WantedClient } from './registration.js';
import { hashSecret, newSecret, SECRET_COST } from './secret.js';

export interface ClientsParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly isResourceType: (type: string) => boolean;
}

/** A client, and its secret if one was made. */
export interface MadeClient {
  readonly client: RegisteredClient;
  readonly secret: string | undefined;
}

export class UnknownClientError extends Error {
  override readonly name = 'UnknownClientError';

  constructor(id: string) {
    super(`There is no client ${id}: fairway client list shows them.`);
  }
}

const PAGE = 500;

export class Clients {
  readonly #parts: ClientsParts;

  constructor(parts: ClientsParts) {
    this.#parts = parts;
  }

  /** Throws RegistrationError with all that is wrong. */
  check(wanted: WantedClient): void {
    soundClient(wanted, this.#parts.isResourceType);
  }

  /** Throws RegistrationError with all that is wrong. `pending`: it waits until somebody enables it. */
  async add(wanted: WantedClient, status: 'active' | 'pending'): Promise<MadeClient> {
    const { clock, newId, isResourceType } = this.#parts;
    const { proof, ...sound } = soundClient(wanted, isResourceType);
    const made = await madeProof(proof);
    const client = { id: newId(), ...sound, proof: made.proof, status, created: clock.now() };
    await this.#save(client);
    return { client, secret: made.secret };
  }

  get(id: string): MaybePromise<RegisteredClient | undefined> {
    const found = this.#parts.records.get(KIND.client, id);
    return found instanceof Promise ? found.then(clientOf) : clientOf(found);
  }

  async list(): Promise<readonly RegisteredClient[]> {
    const all: RegisteredClient[] = [];
    for (;;) {
      const page = await this.page(all.at(-1)?.id ?? '', PAGE);
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  }

  /** At most so many, in the order of their ids, behind the one of this id. */
  async page(after: string, count: number): Promise<readonly RegisteredClient[]> {
    const page = await this.#parts.records.list(KIND.client, after, count);
    return page.map(({ value }) => readValue<RegisteredClient>(value));
  }

  async setStatus(id: string, status: ClientStatus): Promise<RegisteredClient> {
    const client = { ...(await this.#existing(id)), status };
    await this.#save(client);
    return client;
  }

  /** A new secret in the place of the old one; for a client with keys, the new keys. */
  async rotate(id: string, jwks: string | undefined): Promise<MadeClient> {
    const client = await this.#existing(id);
    const made = await madeProof(nextProof(client, jwks));
    const rotated = { ...client, proof: made.proof };
    await this.#save(rotated);
    return { client: rotated, secret: made.secret };
  }

  /** Whether pages of this origin belong to an active client. */
  isOrigin(origin: string): MaybePromise<boolean> {
    const found = this.#parts.records.list(KIND.origin, `${origin} `, 1);
    const holds = ([first]: Awaited<typeof found>): boolean => first?.name.startsWith(`${origin} `) === true;
    return found instanceof Promise ? found.then(holds) : holds(found);
  }

  async #existing(id: string): Promise<RegisteredClient> {
    const client = await this.get(id);
    if (client === undefined) throw new UnknownClientError(id);
    return client;
  }

  async #save(client: RegisteredClient): Promise<void> {
    const { records } = this.#parts;
    await records.put(KIND.client, client.id, writeValue(client));
    for (const origin of originsOf(client)) {
      const name = `${origin} ${client.id}`;
      if (client.status === 'active') await records.put(KIND.origin, name, '');
      else await records.remove(KIND.origin, name);
    }
  }
}

function clientOf(value: string | undefined): RegisteredClient | undefined {
  return value === undefined ? undefined : readValue<RegisteredClient>(value);
}

async function madeProof(
  proof: Exclude<ClientProof, { by: 'secret' }> | { readonly by: 'secret' },
): Promise<{ readonly proof: ClientProof; readonly secret: string | undefined }> {
  if (proof.by !== 'secret') return { proof, secret: undefined };
  const secret = newSecret();
  return { proof: { by: 'secret', hash: await hashSecret(secret, SECRET_COST) }, secret };
}

function nextProof(
  { proof }: RegisteredClient,
  jwks: string | undefined,
): Exclude<ClientProof, { by: 'secret' }> | { readonly by: 'secret' } {
  switch (proof.by) {
    case 'secret':
      if (jwks !== undefined) throw notRotated('This client has a secret: leave out the key set.');
      return { by: 'secret' };
    case 'keys': {
      if (jwks === undefined) throw notRotated('This client has keys: give the new key set.');
      const { keys, problems } = readKeySet(jwks);
      if (keys === undefined) throw notRotated(...problems);
      return { by: 'keys', jwks: keys };
    }
    case 'key-url':
      throw notRotated('This client publishes its keys at its URL: rotate them there.');
    case 'nothing':
      throw notRotated('A public client has no secret to rotate.');
  }
}

function notRotated(...texts: readonly string[]): RegistrationError {
  return new RegistrationError(texts.map((text) => ({ about: 'jwks', text })));
}
