/** The embedded store keeps the promises of the Backend port. */
import { describe } from 'vitest';
import { backendContract } from '../../ports/backend.contract.js';
import { emptyBackend } from './testing.js';

describe('the embedded store', () => {
  backendContract((world) => emptyBackend(world));
});
