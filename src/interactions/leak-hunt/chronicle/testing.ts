/**
 * What the leak hunt knows of the store: every version of every resource, read without restriction, and which of them
 * carry which secret.
 */
import type { World } from '../../testing.js';
import type { Tree } from '../ward/testing.js';

export interface Version {
  readonly key: string;
  readonly versionId: string;
  /** Absent: a deletion. */
  readonly tree?: Tree;
  /** The version that it replaced, if that was not a deletion. */
  readonly before?: Tree;
}

const SECRET = /zq\d+zq/g;
const MANY = 1_000_000;
const NONE: ReadonlySet<Version> = new Set();

export class Chronicle {
  readonly #versions = new Map<string, Version[]>();
  readonly #bySecret = new Map<string, Version[]>();
  #position = 0;

  /** `world` may see everything. */
  constructor(private readonly world: World) {}

  /** The versions that were made since the last time. */
  async follow(): Promise<readonly Version[]> {
    const { backend, access } = this.world.context;
    const made: Version[] = [];
    for (const change of await backend.changes(this.#position, MANY)) {
      this.#position = change.position;
      const { type, id, versionId } = change;
      const found = await backend.vread({ type, id }, versionId, access.read);
      const key = `${type}/${id}`;
      const history = this.#versions.get(key) ?? [];
      const before = history.at(-1)?.tree;
      const tree = found.kind === 'found' ? (JSON.parse(found.resource.bytes.toString()) as Tree) : undefined;
      const version = { key, versionId, ...(tree && { tree }), ...(before && { before }) };
      history.push(version);
      this.#versions.set(key, history);
      for (const secret of secretsIn(tree)) {
        this.#bySecret.set(secret, [...(this.#bySecret.get(secret) ?? []), version]);
      }
      made.push(version);
    }
    return made;
  }

  keys(): readonly string[] {
    return [...this.#versions.keys()];
  }

  versions(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  version(key: string, versionId: string): Version | undefined {
    return this.versions(key).find((one) => one.versionId === versionId);
  }

  /** As it is now, or was before some versions were made; undefined where it is deleted or never was. */
  current(type: string, id: string, before: ReadonlySet<Version> = NONE): Tree | undefined {
    return this.versions(`${type}/${id}`).findLast((version) => !before.has(version))?.tree;
  }

  ofType(type: string): readonly Tree[] {
    return this.keys().flatMap((key) => {
      const tree = key.startsWith(`${type}/`) ? this.versions(key).at(-1)?.tree : undefined;
      return tree === undefined ? [] : [tree];
    });
  }

  carrying(secret: string): readonly Version[] {
    return this.#bySecret.get(secret) ?? [];
  }
}

export function secretsIn(value: unknown): readonly string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '');
  return [...new Set(text.match(SECRET))];
}
