/** A backend whose commits go by another way; all else is as it was. */
import type { Backend } from '../ports/backend.js';

export function committingBy(backend: Backend, commit: Backend['commit']): Backend {
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, access) => backend.read(key, access),
    vread: (key, versionId, access) => backend.vread(key, versionId, access),
    history: (request) => backend.history(request),
    search: (request) => backend.search(request),
    explain: (request) => backend.explain(request),
    resolve: (type, where, access, limit) => backend.resolve(type, where, access, limit),
    changes: (since, limit) => backend.changes(since, limit),
    scan: (request) => backend.scan(request),
    ranges: (request) => backend.ranges(request),
    values: (type, param, limit) => backend.values(type, param, limit),
    counts: () => backend.counts(),
    close: () => backend.close(),
    commit,
  };
}
