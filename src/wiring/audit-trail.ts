/** The audit log of a store file as the command line reads it: no server need run, and one may. */
import type { AuditTrailReader } from '../cli/audit.js';
import { serialise } from '../fhir/format/serialise.js';
import { auditEvent, auditEventPieces } from '../interactions/audit/audit-event.js';
import { auditRecords, verifyAuditLog } from '../stores/sqlite/audit-walk.js';

export function auditTrailOf(file: string): AuditTrailReader {
  return {
    verify: (known, onFinding, onProgress) =>
      verifyAuditLog({ file, onProgress }, auditEventPieces, known, onFinding),
    lines: function* (since, until, onProgress) {
      for (const { chain, sequence, record } of auditRecords({ file, onProgress }, since, until)) {
        yield serialise(auditEvent(chain, sequence, record));
      }
    },
  };
}
