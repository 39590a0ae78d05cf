/**
 * Error codes of X1 (TS 103 221-1 clause 6.7, table of error codes): an ErrorResponse carries one with a description.
 * X1 errors travel in HTTP 200; HTTP statuses are for HTTP's own failures.
 */

export const X1_ERRORS = {
  generic: { code: 1000, description: 'generic error' },
  syntax: { code: 1010, description: 'syntax or schema error' },
  unsupportedVersion: { code: 1020, description: 'unsupported version' },
  admfNotOfCertificate: {
    code: 1030,
    description: 'ADMF identifier does not match the certificate',
  },
  unexpectedAdmf: { code: 1040, description: 'unexpected ADMF identifier' },
  neNotOfCertificate: { code: 1050, description: 'NE identifier does not match the certificate' },
  unexpectedNe: { code: 1060, description: 'unexpected NE identifier' },
  keepaliveNotSupported: { code: 1070, description: 'keepalive not supported' },
  unknownRequest: { code: 1080, description: 'the request is not known' },
  xidExists: { code: 2010, description: 'XID exists already' },
  xidUnknown: { code: 2020, description: 'XID does not exist' },
  didExists: { code: 2030, description: 'DID exists already' },
  didUnknown: { code: 2040, description: 'DID does not exist' },
  objectExists: { code: 2050, description: 'generic object exists already' },
  objectUnknown: { code: 2060, description: 'generic object does not exist' },
  activateTask: { code: 3000, description: 'ActivateTask failed' },
  modifyTask: { code: 3001, description: 'ModifyTask failed' },
  unsupportedTarget: { code: 3010, description: 'unsupported target identifier' },
  unsupportedCombination: { code: 3020, description: 'unsupported combination of target identifiers' },
  multipleDestinations: { code: 3030, description: 'multiple destinations not supported' },
  deliveryCombination: { code: 3040, description: 'invalid combination of delivery type and destinations' },
  unsupportedService: { code: 3050, description: 'unsupported service type' },
  deactivateTask: { code: 4000, description: 'DeactivateTask failed' },
  deactivateAll: { code: 5000, description: 'DeactivateAllTasks failed' },
  deactivateAllDisabled: { code: 5010, description: 'DeactivateAllTasks is not enabled' },
  createDestination: { code: 6000, description: 'CreateDestination failed' },
  modifyDestination: { code: 6001, description: 'ModifyDestination failed' },
  unsupportedAddress: { code: 6020, description: 'unsupported type of delivery address' },
  removeDestination: { code: 7000, description: 'RemoveDestination failed' },
  destinationInUse: { code: 7010, description: 'destination is in use' },
  removeAll: { code: 8000, description: 'RemoveAllDestinations failed' },
  destinationsInUse: { code: 8010, description: 'destinations are in use' },
  removeAllDisabled: { code: 8020, description: 'RemoveAllDestinations is not enabled' },
  objects: { code: 8500, description: 'generic objects are not supported' },
  cleared: { code: 9000, description: 'error cleared' },
} as const satisfies Record<string, { readonly code: number; readonly description: string }>;

export type X1ErrorName = keyof typeof X1_ERRORS;
