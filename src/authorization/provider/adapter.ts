/**
 * Where oidc-provider keeps what it knows: in our records.
 *
 * Invariants
 * - What opens something (a token, a code, a session) is the name of its record by its hash, and is nowhere in its value.
 * - Codes, refresh tokens and the `jti` of assertions are used once, whichever processes try at the same time.
 */

import type { Adapter, AdapterPayload } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Clock } from '../../base/clock.js';
import type { Records } from '../../ports/records.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';
import { groupOf } from './grant-group.js';

export interface AdapterParts {
  readonly records: Records;
  readonly clock: Clock;
  /** The metadata of an active client. */
  readonly findClient: (id: string) => Promise<AdapterPayload | undefined>;
}

export function recordsAdapter(model: string, parts: AdapterParts): Adapter {
  switch (model) {
    case 'Client':
      return new ClientAdapter(parts);
    case 'ReplayDetection':
      return new ReplayAdapter(parts);
    default:
      return new RecordsAdapter(model, parts);
  }
}

/** Both kinds of access tokens lie under one, so that a request finds its token by one look. */
const TOKENS: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials']);
const CONSUMED = 'consumed';

class RecordsAdapter implements Adapter {
  readonly #model: string;
  readonly #kind: string;
  readonly #parts: AdapterParts;

  constructor(model: string, parts: AdapterParts) {
    this.#model = model;
    this.#kind = TOKENS.has(model) ? KIND.accessToken : model;
    this.#parts = parts;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const { records, clock } = this.#parts;
    const { jti: _, ...kept } = payload;
    const options = {
      ...(expiresIn === undefined ? {} : { expires: clock.now() + expiresIn * 1000 }),
      ...(payload.grantId === undefined ? {} : { group: groupOf(payload.grantId) }),
    };
    await records.put(this.#kind, tokenHash(id), writeValue(kept), options);
    if (this.#kind === KIND.session && payload.uid !== undefined) {
      await records.put(KIND.sessionUid, tokenHash(payload.uid), tokenHash(id), options);
    }
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const found = await this.#read(tokenHash(id));
    return found === undefined ? undefined : { ...found, jti: id };
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const name = await this.#parts.records.get(KIND.sessionUid, tokenHash(uid));
    return name === undefined ? undefined : this.#read(name);
  }

  async findByUserCode(): Promise<undefined> {
    return undefined; // there is no device flow here
  }

  /** Of several that come with the same code at once, one goes on; whoever is late ends the whole grant. */
  async consume(id: string): Promise<void> {
    const { records, clock } = this.#parts;
    const payload = await this.#read(tokenHash(id));
    const first = await records.insert(CONSUMED, this.#consumedName(tokenHash(id)), '', {
      ...(payload?.exp === undefined ? {} : { expires: payload.exp * 1000 }),
    });
    if (payload !== undefined && first) {
      payload.consumed = Math.floor(clock.now() / 1000);
      return;
    }
    if (payload?.grantId !== undefined) await this.revokeByGrantId(payload.grantId);
    throw new errors.InvalidGrant('already used');
  }

  async destroy(id: string): Promise<void> {
    await this.#parts.records.remove(this.#kind, tokenHash(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#parts.records.removeGroup(groupOf(grantId));
  }

  async #read(name: string): Promise<AdapterPayload | undefined> {
    const { records } = this.#parts;
    const value = await records.get(this.#kind, name);
    if (value === undefined) return undefined;
    const payload = readValue<AdapterPayload>(value);
    if (payload.kind !== undefined && payload.kind !== this.#model) return undefined;
    const consumed = CONSUMABLE.has(this.#model)
      ? await records.get(CONSUMED, this.#consumedName(name))
      : undefined;
    return consumed === undefined ? payload : { ...payload, consumed: true };
  }

  #consumedName(name: string): string {
    return `${this.#model} ${name}`;
  }
}

const CONSUMABLE: ReadonlySet<string> = new Set([
  'AuthorizationCode',
  'RefreshToken',
  'PushedAuthorizationRequest',
]);

/** A `jti` that was there stays there until its assertion has ended: in between it is refused. */
class ReplayAdapter extends RecordsAdapter {
  readonly #parts: AdapterParts;

  constructor(parts: AdapterParts) {
    super('ReplayDetection', parts);
    this.#parts = parts;
  }

  override async upsert(id: string, _payload: AdapterPayload, expiresIn = 0): Promise<void> {
    const { records, clock } = this.#parts;
    const expires = clock.now() + expiresIn * 1000;
    if (await records.insert('ReplayDetection', tokenHash(id), '{}', { expires })) return;
    throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
  }

  /** `upsert` finds out, atomically. */
  override async find(): Promise<undefined> {
    return undefined;
  }
}

class ClientAdapter extends RecordsAdapter {
  readonly #parts: AdapterParts;

  constructor(parts: AdapterParts) {
    super('Client', parts);
    this.#parts = parts;
  }

  override find(id: string): Promise<AdapterPayload | undefined> {
    return this.#parts.findClient(id);
  }
}
