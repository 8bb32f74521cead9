import type {
  Consumption,
  FaultLog,
  KeyAdministration,
  Operations,
  Overview,
  Surroundings,
} from '../../service/index.ts';

/** What this dialect uses of the service. */
export interface AdminServices {
  readonly operations: Operations;
  readonly overview: Pick<Overview, 'read'>;
  readonly consumption: Pick<Consumption, 'usage' | 'storage'>;
  readonly keyAdministration: KeyAdministration;
  readonly faults: Pick<FaultLog, 'list'>;
  readonly surroundings: Pick<Surroundings, 'examine'>;
}
