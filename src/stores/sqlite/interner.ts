/**
 * Gives integers to names inside the writer's transaction: types, parameters, texts and codes, identities.
 *
 * Invariant: what is cached is in the database; whoever rolls back calls `forget`.
 */

import { GenerationCache } from '../../base/generation-cache.js';
import { isFollowed, type Param, TEXT_SYSTEM, WORDS_SYSTEM } from './catalogue.js';
import type { Connection } from './connection.js';

const FIND_TYPE = 'SELECT id FROM type WHERE name = ?';
const ADD_TYPE = 'INSERT INTO type(name) VALUES (?)';
const FIND_PARAM = 'SELECT id, max_span, repeats FROM param WHERE type = ? AND code = ?';
const ADD_PARAM = 'INSERT INTO param(type, code) VALUES (?, ?)';
const WIDEN_PARAM = 'UPDATE param SET max_span = max(max_span, ?), repeats = max(repeats, ?) WHERE id = ?';
const FIND_TERM = 'SELECT id FROM term WHERE code = ? AND system = ?';
const ADD_TERM = 'INSERT INTO term(system, code) VALUES (?, ?)';
const FIND_IDENTITY = 'SELECT rid FROM resource WHERE type = ? AND id = ?';
const ADD_IDENTITY = 'INSERT INTO resource(type, id) VALUES (?, ?)';

const CACHED_NAMES = 50_000;

type MutableParam = { -readonly [Key in keyof Param]: Param[Key] };

export class Interner {
  readonly #connection: Connection;
  readonly #types = new Map<string, number>();
  readonly #params = new Map<string, MutableParam>();
  readonly #terms = new GenerationCache<string, number>(CACHED_NAMES);
  readonly #identities = new GenerationCache<string, number>(CACHED_NAMES);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** After a rollback, or when another process may have written. */
  forget(): void {
    this.#types.clear();
    this.#params.clear();
    this.#terms.clear();
    this.#identities.clear();
  }

  type(name: string): number {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const id = this.#find(FIND_TYPE, name) ?? this.#add(ADD_TYPE, name);
    this.#types.set(name, id);
    return id;
  }

  /** The one object for a parameter: it changes as ranges are met. */
  param(type: number, code: string): Param {
    return this.#mutableParam(type, code);
  }

  #mutableParam(type: number, code: string): MutableParam {
    const key = `${type} ${code}`;
    const known = this.#params.get(key);
    if (known !== undefined) return known;
    const row = this.#connection.get<[number, number, number]>(FIND_PARAM, type, code);
    const param =
      row === undefined
        ? { id: this.#add(ADD_PARAM, type, code), maxSpan: 0, repeats: false, isFollowed: isFollowed(code) }
        : { id: row[0], maxSpan: row[1], repeats: row[2] === 1, isFollowed: isFollowed(code) };
    this.#params.set(key, param);
    return param;
  }

  /** The parameter has a range of this span, or a resource with several ranges. */
  widen(type: number, code: string, span: number, repeats: boolean): void {
    const param = this.#mutableParam(type, code);
    if (span <= param.maxSpan && (!repeats || param.repeats)) return;
    this.#connection.run(WIDEN_PARAM, span, repeats ? 1 : 0, param.id);
    param.maxSpan = Math.max(span, param.maxSpan);
    param.repeats ||= repeats;
  }

  /** The rid of an identity that was met lately. */
  known(type: string, id: string): number | undefined {
    return this.#identities.get(`${type}/${id}`);
  }

  remember(type: string, id: string, rid: number): void {
    this.#identities.set(`${type}/${id}`, rid);
  }

  text(text: string): number {
    return this.#term(TEXT_SYSTEM, text);
  }

  words(folded: string): number {
    return this.#term(WORDS_SYSTEM, folded);
  }

  token(system: string, code: string): number {
    return this.#term(this.#term(TEXT_SYSTEM, system), code);
  }

  /** The rid of an identity, allotted if it was never mentioned. */
  identity(type: string, id: string): number {
    const key = `${type}/${id}`;
    const known = this.#identities.get(key);
    if (known !== undefined) return known;
    const typeId = this.type(type);
    const rid = this.#find(FIND_IDENTITY, typeId, id) ?? this.#add(ADD_IDENTITY, typeId, id);
    this.#identities.set(key, rid);
    return rid;
  }

  #term(system: number, code: string): number {
    const key = `${system} ${code}`;
    const known = this.#terms.get(key);
    if (known !== undefined) return known;
    const id = this.#find(FIND_TERM, code, system) ?? this.#add(ADD_TERM, system, code);
    this.#terms.set(key, id);
    return id;
  }

  #find(sql: string, ...values: (string | number)[]): number | undefined {
    return this.#connection.get<[number]>(sql, ...values)?.[0];
  }

  #add(sql: string, ...values: (string | number)[]): number {
    return Number(this.#connection.run(sql, ...values).lastInsertRowid);
  }
}
