/**
 * The operation `$graphql` as the table of operations has it; who answers is loaded with the first call.
 * https://hl7.org/fhir/R4/graphql.html, https://hl7.org/fhir/R4/resource-operation-graphql.html
 */
import type { Operation } from '../operations.js';

export const GRAPHQL: Operation = {
  name: 'graphql',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-graphql',
  levels: ['system', 'type', 'instance'],
  methods: ['GET', 'POST'],
  run: async (...call) => (await import('./query.js')).graphql(...call),
};
