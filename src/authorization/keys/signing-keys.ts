/**
 * The keys that id_tokens are signed with: the newest signs, older ones stay published until what they signed has ended.
 * https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
 *
 *   record  signing-key  RS256.000001  { kid, created, sealed }      sealed = JWE (dir, A256GCM) of the private JWK
 *
 * Invariants: a private key is never in the store in clear. The number in a name is taken by one process alone, so several
 * that rotate at once make one key.
 */
import { CompactEncrypt, compactDecrypt, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Clock } from '../../base/clock.js';
import type { Records, StoredRecord } from '../../ports/records.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';

/** What every OpenID client understands: https://openid.net/specs/openid-connect-core-1_0.html#ServerMTI */
const ALGORITHM = 'RS256';
const DIGITS = 6;
/** More are never there at once: each rotation drops those whose tokens have ended. */
const MOST = 1000;

interface KeyRecord {
  readonly kid: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly sealed: string;
}

export interface SigningKey {
  readonly kid: string;
  readonly created: number;
  /** With its private parts. */
  readonly jwk: JWK;
}

export interface SigningKeysParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly sealingKey: () => Uint8Array;
  /** A key signs for so long, milliseconds. */
  readonly period: number;
  /** What is signed lives so long at most, milliseconds. */
  readonly tokenLife: number;
}

export class SigningKeys {
  readonly #parts: SigningKeysParts;
  readonly #opened = new Map<string, SigningKey>();

  constructor(parts: SigningKeysParts) {
    this.#parts = parts;
  }

  /** The keys to publish, newest first, which signs. Makes the first one, and the next one when it is due. */
  async current(): Promise<readonly SigningKey[]> {
    const { clock, period } = this.#parts;
    const keys = await this.#published();
    const [newest] = keys;
    return newest !== undefined && newest.created + period > clock.now() ? keys : this.#next();
  }

  /** From now on another key signs. */
  async rotate(): Promise<void> {
    await this.#next();
  }

  /** The keys as they are, without making one. */
  async list(): Promise<readonly Pick<SigningKey, 'kid' | 'created'>[]> {
    return (await this.#stored()).map(({ value }) => readValue<KeyRecord>(value));
  }

  async #next(): Promise<readonly SigningKey[]> {
    const { records, clock } = this.#parts;
    const stored = await this.#stored();
    const number = stored[0] === undefined ? 1 : numberOf(stored[0]) + 1;
    const created = clock.now();
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
    const bare = await exportJWK(privateKey);
    const jwk: JWK = { ...bare, alg: ALGORITHM, use: 'sig', kid: tokenHash(String(bare.n)).slice(0, 16) };
    const value: KeyRecord = { kid: jwk.kid ?? '', created, sealed: await this.#seal(jwk) };
    // Whoever comes second leaves the number to the first, and signs with that key.
    await records.insert(KIND.signingKey, nameOf(number), writeValue(value));
    await this.#dropEnded();
    return this.#published();
  }

  async #dropEnded(): Promise<void> {
    const stored = await this.#stored();
    for (const [index, { name }] of stored.entries()) {
      if (this.#hasEnded(stored, index)) await this.#parts.records.remove(KIND.signingKey, name);
    }
  }

  async #published(): Promise<readonly SigningKey[]> {
    const stored = await this.#stored();
    const live = stored.filter((_, index) => !this.#hasEnded(stored, index));
    return Promise.all(live.map((record) => this.#open(record)));
  }

  /** A key signs until the next one is there; what it signed last ends a token's life later. */
  #hasEnded(newestFirst: readonly StoredRecord[], index: number): boolean {
    const next = newestFirst[index - 1];
    if (next === undefined) return false;
    const { created } = readValue<KeyRecord>(next.value);
    return created + this.#parts.tokenLife <= this.#parts.clock.now();
  }

  async #stored(): Promise<readonly StoredRecord[]> {
    return [...(await this.#parts.records.list(KIND.signingKey, '', MOST))].reverse();
  }

  async #open({ value }: StoredRecord): Promise<SigningKey> {
    const { kid, created, sealed } = readValue<KeyRecord>(value);
    const known = this.#opened.get(kid);
    if (known !== undefined) return known;
    const key = { kid, created, jwk: await this.#unseal(sealed) };
    this.#opened.set(kid, key);
    return key;
  }

  #seal(jwk: JWK): Promise<string> {
    return new CompactEncrypt(Buffer.from(writeValue(jwk)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(this.#parts.sealingKey());
  }

  async #unseal(sealed: string): Promise<JWK> {
    try {
      const { plaintext } = await compactDecrypt(sealed, this.#parts.sealingKey(), {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return readValue<JWK>(Buffer.from(plaintext).toString('utf8'));
    } catch {
      throw new Error(
        'The signing keys in the store were sealed with another key: put back keys/sealing.key of the data folder (or ' +
          'FAIRWAY_SECRET_KEY), or give the old keys up with fairway keys rotate --discard.',
      );
    }
  }

  /** Gives up all keys that there are: what they signed can no longer be checked. */
  async discard(): Promise<void> {
    for (const { name } of await this.#stored()) await this.#parts.records.remove(KIND.signingKey, name);
    this.#opened.clear();
  }
}

function nameOf(number: number): string {
  return `${ALGORITHM}.${String(number).padStart(DIGITS, '0')}`;
}

function numberOf({ name }: StoredRecord): number {
  return Number(name.slice(-DIGITS));
}
