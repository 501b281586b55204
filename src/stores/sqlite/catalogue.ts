/**
 * Names and their integers, as a reader sees them: resource types, search parameters, interned texts, identities.
 *
 * Invariant: a name that was never written has no integer (undefined): nothing can match it.
 */
import { placeOf } from '../../fhir/search/contained.js';
import type { Connection } from './connection.js';

export interface Param {
  readonly id: number;
  /** The greatest hi − lo among its ranges: bounds a scan by lo when the test is on hi. */
  readonly maxSpan: number;
  /** Some resource has several values of it. */
  readonly repeats: boolean;
  /** The newest date under each of its values is kept (newest.ts). */
  readonly isFollowed: boolean;
}

/** Whom a resource is about: chains from many lead there. To follow all references costs an import a twentieth of its time. */
const FOLLOWED: ReadonlySet<string> = new Set(['patient', 'subject']);

export function isFollowed(code: string): boolean {
  return FOLLOWED.has(code);
}

/** Interned texts that are no codes (systems, uris, units) stand in this system. */
export const TEXT_SYSTEM = 0;
/** Words that stand with codes: interned like texts, but apart from them. */
export const WORDS_SYSTEM = -1;
/** The type of identities that are URLs. */
const URL_TYPE = '';
/** The type of identities that are one version of a resource or of a URL. */
export const VERSION_TYPE = '@version';
/** The sort date of a resource whose type has a primary date, but which has none itself: after all others. */
export const NO_DATE = 9_000_000_000_000_000;

const TEXTS_REMEMBERED = 1_000;

const TYPE = 'SELECT id FROM type WHERE name = ?';
const TYPE_NAME = 'SELECT name FROM type WHERE id = ?';
const PARAM = 'SELECT id, max_span, repeats FROM param WHERE type = ? AND code = ?';
const TERM = 'SELECT id FROM term WHERE code = ? AND system = ?';
const IDENTITY = 'SELECT rid FROM resource WHERE type = ? AND id = ?';
const IDENTITIES = 'SELECT rid FROM resource WHERE type = ? AND id >= ? AND id < ?';

export class Catalogue {
  readonly #connection: Connection;
  readonly #types = new Map<string, number>();
  readonly #typeNames = new Map<number, string>();
  readonly #params = new Map<string, Param>();
  /** Of code systems and their like, which most searches name; a text keeps its integer for ever. */
  readonly #texts = new Map<string, number>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The store has changed: spans may have grown. */
  forgetParams(): void {
    this.#params.clear();
  }

  type(name: string): number | undefined {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const [id] = this.#connection.get<[number]>(TYPE, name) ?? [];
    if (id !== undefined) this.#types.set(name, id);
    return id;
  }

  typeName(id: number): string {
    const known = this.#typeNames.get(id);
    if (known !== undefined) return known;
    const [name = URL_TYPE] = this.#connection.get<[string]>(TYPE_NAME, id) ?? [];
    this.#typeNames.set(id, name);
    return name;
  }

  param(type: string, code: string): Param | undefined {
    const key = `${type} ${code}`;
    const known = this.#params.get(key);
    if (known !== undefined) return known;
    const typeId = this.type(type);
    if (typeId === undefined) return undefined;
    const row = this.#connection.get<[number, number, number]>(PARAM, typeId, code);
    if (row === undefined) return undefined;
    const param = { id: row[0], maxSpan: row[1], repeats: row[2] === 1, isFollowed: isFollowed(code) };
    this.#params.set(key, param);
    return param;
  }

  text(text: string): number | undefined {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const [id] = this.#connection.get<[number]>(TERM, text, TEXT_SYSTEM) ?? [];
    if (id === undefined) return undefined;
    if (this.#texts.size >= TEXTS_REMEMBERED) this.#texts.clear();
    this.#texts.set(text, id);
    return id;
  }

  /** A code of a system ('' = none). */
  token(system: string, code: string): number | undefined {
    const systemId = this.text(system);
    return systemId === undefined ? undefined : this.#connection.get<[number]>(TERM, code, systemId)?.[0];
  }

  /** Types of resources that were stored or mentioned. */
  resourceTypes(): readonly string[] {
    return this.#connection.column<string>("SELECT name FROM type WHERE name GLOB '[A-Z]*'");
  }

  rid(type: string, id: string): number | undefined {
    const typeId = this.type(type);
    return typeId === undefined ? undefined : this.#connection.get<[number]>(IDENTITY, typeId, id)?.[0];
  }

  identity(rid: number): { readonly type: string; readonly id: string } | undefined {
    const row = this.#connection.get<[number, string]>('SELECT type, id FROM resource WHERE rid = ?', rid);
    return row === undefined ? undefined : { type: this.typeName(row[0]), id: row[1] };
  }

  /** The container of a contained resource. */
  container(rid: number): number | undefined {
    const identity = this.identity(rid);
    const place = identity === undefined ? undefined : placeOf(identity);
    return place === undefined ? undefined : this.rid(place.container.type, place.container.id);
  }

  /** Of identities from one id on, up to another that does not belong to them. */
  rids(type: string, from: string, to: string): readonly number[] {
    const typeId = this.type(type);
    if (typeId === undefined) return [];
    return this.#connection.column<number>(IDENTITIES, typeId, from, to);
  }
}

/** The identity that a reference to one version of a resource stands for. */
export function versionIdentity(
  type: string,
  id: string,
  version: string,
): readonly [type: string, id: string] {
  return [VERSION_TYPE, `${type}/${id}/_history/${version}`];
}

export function urlIdentity(url: string, version?: string): readonly [type: string, id: string] {
  return version === undefined ? [URL_TYPE, url] : [VERSION_TYPE, `${url}|${version}`];
}
